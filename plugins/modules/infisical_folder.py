#!/usr/bin/python
# Copyright: (c) 2026, The omakase.homelab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: infisical_folder
short_description: Folders of Infisical
version_added: 1.0.0
description:
  - Makes or deletes folders of an environment. Folders above them are made as well.
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
    description: Path of the folder, or of the one that O(folders) are in.
  folders:
    description:
      - Names, or paths such as V(db/replica), of folders in O(path).
      - Without this option, O(path) itself is meant.
    type: list
    elements: str
  force:
    description: Whether a folder is deleted although it holds secrets or folders.
    type: bool
    default: false
  state:
    description: Whether the folders are to be there.
    type: str
    choices: [present, absent]
    default: present
"""

EXAMPLES = r"""
- name: A folder for each service
  omakase.homelab.infisical_folder:
    url: https://vault.example.com
    client_id: "{{ client_id }}"
    client_secret: "{{ client_secret }}"
    project_id: "{{ project_id }}"
    environment: prod
    folders: [traefik, grafana, db/replica]
"""

RETURN = r"""
folders:
  description: Paths of the folders that were named.
  returned: success
  type: list
  elements: str
  sample: [/db/replica]
project_id:
  description: Id of the project.
  returned: success
  type: str
  sample: 29fe0179-dde7-40be-846a-5cfac2fdd2c9
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.omakase.homelab.plugins.module_utils._infisical import existence, option_table
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.folders import Tree, plan_folders, refuse_full
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.paths import below
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.target import Target


def main() -> None:
    module = AnsibleModule(
        argument_spec=dict(
            option_table.CONNECTION,
            **option_table.AUTH,
            **option_table.SCOPE,
            folders=dict(type="list", elements="str"),
            force=dict(type="bool", default=False),
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
        names = module.params["folders"]
        paths = [scope.path] if names is None else [below(scope.path, name) for name in names]
        root = scope.at("/")
        existence.check_environment(client, root)
        steps = plan_folders(paths, Tree(client, root), module.params["state"])
        if not module.params["force"]:
            refuse_full(client, root, steps)
        if not module.check_mode:
            steps.perform(client, root)
        target.finish(changed=bool(steps), diff=steps.as_diff(), folders=paths, project_id=scope.project_id)


if __name__ == "__main__":
    main()
