# Copyright: (c) 2026, The omakase.homelab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: infisical_secrets
short_description: All secrets of a folder of Infisical
version_added: 1.0.0
description:
  - Returns a dictionary of names and values for each term, which is the path of a folder.
  - Everything else is as in P(omakase.homelab.infisical#lookup), and they share what they have read.
author:
  - The omakase.homelab authors (@omakase-homelab)
extends_documentation_fragment:
  - omakase.homelab.connection
  - omakase.homelab.auth
  - omakase.homelab.scope.project
  - omakase.homelab.scope
  - omakase.homelab.lookup
  - omakase.homelab.lookup.sources
options:
  _terms:
    description:
      - Paths of folders, such as V(/db). Default is the folder O(path).
    type: list
    elements: str
seealso:
  - plugin: omakase.homelab.infisical
    plugin_type: lookup
"""

EXAMPLES = r"""
- name: All secrets of a folder as the environment of a command
  ansible.builtin.command:
    cmd: /usr/local/bin/migrate
  environment: "{{ lookup('omakase.homelab.infisical_secrets', '/db') }}"
  changed_when: true
"""

RETURN = r"""
_raw:
  description: A dictionary of names and values for each term.
  type: list
  elements: dict
"""

from typing import TYPE_CHECKING, Any

from ansible.plugins.lookup import LookupBase
from ansible_collections.omakase.homelab.plugins.plugin_utils._infisical import controller, definitions, lookups

if TYPE_CHECKING:
    from collections.abc import Mapping

definitions.define(__name__)


class LookupModule(LookupBase):  # type: ignore[misc]  # ansible-core has no types
    """Translates terms and options; what they mean is in plugin_utils."""

    def run(self, terms: list[Any], variables: Mapping[str, Any] | None = None, **kwargs: Any) -> list[Any]:
        with controller.ansible_errors():
            options = controller.read_options(self, variables, kwargs)
            vault = controller.open_vault(options)
            return lookups.folders(vault, self._flatten(terms) if terms else None, options)
