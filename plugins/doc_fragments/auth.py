# Copyright: (c) 2026, The omakase.homelab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """Who asks; the same for modules and lookups."""

    DOCUMENTATION = r"""
options:
  auth_method:
    description:
      - How to log in.
      - Default is the method whose credentials are given, V(universal) before V(token).
    type: str
    choices:
      universal: A machine identity's O(client_id) and O(client_secret).
      token: An access token in O(token), used as it is.
  client_id:
    description:
      - Client id of a machine identity with universal auth.
    type: str
  client_secret:
    description:
      - Client secret of a machine identity with universal auth.
    type: str
  token:
    description:
      - An access token that was fetched by other means.
    type: str
  organization_slug:
    description:
      - Slug of the organisation to log in to, for an identity that may act in more than one.
    type: str
"""
