# Copyright: (c) 2026, The omakase.homelab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """What every module of this collection can do."""

    DOCUMENTATION = r"""
attributes:
  check_mode:
    description: Can run in C(check_mode) and report what it would change, from what it reads on the server.
    support: full
  diff_mode:
    description: >-
      Shows names and attributes before and after.
      Of a value it shows a digest, salted anew for each run, and never the value.
    support: full
  platform:
    description: Target systems.
    support: full
    platforms: posix
"""

    READ_ONLY = r"""
attributes:
  check_mode:
    description: Can run in C(check_mode); it changes nothing in any case.
    support: full
  diff_mode:
    description: Has nothing to show, since it changes nothing.
    support: N/A
  platform:
    description: Target systems.
    support: full
    platforms: posix
"""

    ACTION_GROUP = r"""
attributes:
  action_group:
    description: Use C(group/omakase.homelab.infisical) in C(module_defaults) to set the options that the modules share.
    support: full
    membership:
      - omakase.homelab.infisical
"""
