# Copyright: (c) 2026, The omakase.homelab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: infisical
short_description: Secrets from Infisical, by name
version_added: 1.0.0
description:
  - Returns the values of secrets, one string for each term, in order.
  - A run logs in once and reads each folder once, whatever the number of hosts, forks, tasks and lookups.
    What was read is kept, encrypted, in the run's own temporary directory, which Ansible removes when the run ends.
  - Values come byte for byte, and are never templated.
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
      - Names of secrets in the folder O(path), or absolute paths such as V(/db/DB_HOST).
    type: list
    elements: str
    required: true
seealso:
  - plugin: omakase.homelab.infisical_secrets
    plugin_type: lookup
"""

EXAMPLES = r"""
- name: One secret, with all settings in variables or in the environment
  ansible.builtin.debug:
    msg: "{{ lookup('omakase.homelab.infisical', 'POSTGRES_USER') }}"
  vars:
    infisical_url: https://vault.example.com
    infisical_client_id: "{{ client_id }}"
    infisical_client_secret: "{{ client_secret }}"
    infisical_project_id: "{{ project_id }}"
    infisical_environment: prod

- name: Several, from other folders as well
  ansible.builtin.set_fact:
    database: "{{ query('omakase.homelab.infisical', 'POSTGRES_USER', '/db/DB_HOST', project_slug='omakase') }}"

- name: One that need not exist
  ansible.builtin.debug:
    msg: "{{ lookup('omakase.homelab.infisical', 'SMTP_PASSWORD', default='') }}"
"""

RETURN = r"""
_raw:
  description: The values, one for each term; those that are left out by O(on_missing) are missing here too.
  type: list
  elements: str
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
            return lookups.values(vault, self._flatten(terms) if terms else None, options)
