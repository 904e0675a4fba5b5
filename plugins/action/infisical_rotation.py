# Copyright: (c) 2026, The omakase.homelab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.omakase.homelab.plugins.plugin_utils._infisical.writes import ForgettingAction


class ActionModule(ForgettingAction):
    """Drops what lookups have read of the project."""
