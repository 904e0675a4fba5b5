#!/usr/bin/python
# Copyright: (c) 2026, The omakase.homelab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: infisical_import
short_description: Imports between folders of Infisical
version_added: 1.0.0
description:
  - Lets a folder take all secrets of another folder, or of another environment of the same project, or stops that.
  - A folder's own secrets win over imported ones, and of several imports the one with the highest O(position).
author:
  - The omakase.homelab authors (@omakase-homelab)
extends_documentation_fragment:
  - omakase.homelab.connection
  - omakase.homelab.auth
  - omakase.homelab.scope.project
  - omakase.homelab.scope
  - omakase.homelab.attributes
  - omakase.homelab.attributes.action_group
options:
  path:
    description: Path of the folder that imports.
  environment:
    description: Slug of the environment of the folder that imports.
  source_environment:
    description: Slug of the environment to import from. Default is O(environment).
    type: str
  source_path:
    description: Path of the folder to import from.
    type: str
    default: /
  position:
    description: Place among the imports of the folder, counted from 1. A new import comes last by default.
    type: int
  state:
    description: Whether the import is to be there.
    type: str
    choices: [present, absent]
    default: present
"""

EXAMPLES = r"""
- name: Let the production environment of a service use the shared secrets
  omakase.homelab.infisical_import:
    url: https://vault.example.com
    client_id: "{{ client_id }}"
    client_secret: "{{ client_secret }}"
    project_id: "{{ project_id }}"
    environment: prod
    path: /grafana
    source_path: /shared
"""

RETURN = r"""
import:
  description: The import as it is now; in check mode, as it would be, with an empty id if it does not exist yet.
  returned: when O(state=present)
  type: dict
  contains:
    id:
      description: Id of the import.
      type: str
      sample: 6aea8c82-5ebf-400f-89bc-bc608389e109
    environment:
      description: Slug of the environment that is imported from.
      type: str
      sample: prod
    path:
      description: Path of the folder that is imported from.
      type: str
      sample: /shared
    position:
      description: Place among the imports of the folder; 0 in check mode if it does not exist yet.
      type: int
      sample: 1
project_id:
  description: Id of the project.
  returned: success
  type: str
  sample: 29fe0179-dde7-40be-846a-5cfac2fdd2c9
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.omakase.homelab.plugins.module_utils._infisical import existence, imports, option_table
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.model import Scope
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.paths import normal_path
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.plan import diff, plan
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.target import Target


def main() -> None:
    module = AnsibleModule(
        argument_spec=dict(
            option_table.CONNECTION,
            **option_table.AUTH,
            **option_table.SCOPE,
            source_environment=dict(type="str"),
            source_path=dict(type="str", default="/"),
            position=dict(type="int"),
            state=dict(type="str", choices=["present", "absent"], default="present"),
        ),
        mutually_exclusive=[("project_id", "project_slug")],
        required_one_of=[("project_id", "project_slug")],
        supports_check_mode=True,
    )
    target = Target(module)
    with target.failures():
        client = target.client()
        scope = target.scope(client)
        environment = module.params["source_environment"] or scope.environment
        source = Scope(scope.project_id, environment, normal_path(module.params["source_path"]))
        existence.check_folder(client, scope)
        there = imports.of_folder(client, scope)
        found = next((one for one in there if (one.environment, one.path) == (environment, source.path)), None)
        wanted = {"environment": environment, "path": source.path, "position": module.params["position"]}
        step = plan(wanted, found.as_result() if found else None, module.params["state"])
        if step.step == "create":
            existence.check_folder(client, source)
        if module.check_mode:
            after = None if step.step == "delete" else found or imports.Import("", environment, source.path, 0)
        else:
            after = imports.perform(client, scope, source, step, found)
        result: dict[str, Any] = {"import": after.as_result()} if after and module.params["state"] == "present" else {}
        target.finish(changed=bool(step), diff=diff(**{"import": step}), project_id=scope.project_id, **result)


if __name__ == "__main__":
    main()
