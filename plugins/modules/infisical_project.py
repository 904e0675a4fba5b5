#!/usr/bin/python
# Copyright: (c) 2026, The omakase.homelab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: infisical_project
short_description: Projects and environments of Infisical
version_added: 1.0.0
description:
  - Makes a project with its environments, changes it to what is wanted, or deletes it.
  - The project is looked up first, by O(slug) where one is given and by O(name) otherwise,
    so that there is never a second one.
author:
  - The omakase.homelab authors (@omakase-homelab)
extends_documentation_fragment:
  - omakase.homelab.connection
  - omakase.homelab.auth
  - omakase.homelab.scope.unused
  - omakase.homelab.attributes
  - omakase.homelab.attributes.action_group
options:
  name:
    description: Name of the project.
    type: str
    required: true
  slug:
    description:
      - Slug of the project, which cannot be changed later.
      - Without it the server makes one, and the project is recognised by its name.
    type: str
  description:
    description: What the project is for. Servers of 2024 do not keep it.
    type: str
  environments:
    description:
      - Environments that the project is to have; without this option a new project gets the server's own.
      - Others are left alone.
    type: list
    elements: dict
    suboptions:
      slug:
        description: Slug of the environment.
        type: str
        required: true
      name:
        description: Name of the environment; default is the slug for a new one, and no change for an existing one.
        type: str
      state:
        description: V(absent) deletes the environment with all its secrets.
        type: str
        choices: [present, absent]
        default: present
  state:
    description: V(absent) deletes the project with all its secrets.
    type: str
    choices: [present, absent]
    default: present
"""

EXAMPLES = r"""
- name: A project with two environments
  omakase.homelab.infisical_project:
    url: https://vault.example.com
    token: "{{ bootstrap.token }}"
    name: omakase
    slug: omakase
    environments:
      - slug: dev
        name: Development
      - slug: prod
        name: Production
  register: project
"""

RETURN = r"""
project:
  description: The project as it is now; in check mode, as it would be, with an empty id for what does not exist yet.
  returned: when O(state=present)
  type: dict
  contains:
    id:
      description: Id of the project.
      type: str
      sample: 29fe0179-dde7-40be-846a-5cfac2fdd2c9
    name:
      description: Name of the project.
      type: str
      sample: omakase
    slug:
      description: Slug of the project.
      type: str
      sample: omakase
    description:
      description: What the project is for.
      type: str
      sample: ""
    environments:
      description: All environments of the project.
      type: list
      elements: dict
      contains:
        id:
          description: Id of the environment.
          type: str
          sample: 0e0e9f33-29f9-4c7f-9207-bc63b4bcd7a6
        slug:
          description: Slug of the environment.
          type: str
          sample: dev
        name:
          description: Name of the environment.
          type: str
          sample: Development
project_id:
  description: Id of the project, also of one that was deleted.
  returned: when the project exists or existed
  type: str
  sample: 29fe0179-dde7-40be-846a-5cfac2fdd2c9
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.omakase.homelab.plugins.module_utils._infisical import option_table, project_plan, projects
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.target import Target

ENVIRONMENT = {
    "slug": {"type": "str", "required": True},
    "name": {"type": "str"},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
}


def main() -> None:
    module = AnsibleModule(
        argument_spec=dict(
            option_table.CONNECTION,
            **option_table.AUTH,
            **option_table.SCOPE,
            name={"type": "str", "required": True},
            slug={"type": "str"},
            description={"type": "str"},
            environments={"type": "list", "elements": "dict", "options": ENVIRONMENT},
            state={"type": "str", "choices": ["present", "absent"], "default": "present"},
        ),
        supports_check_mode=True,
    )
    target = Target(module)
    with target.failures(), target.alone():
        client = target.client()
        slug = module.params["slug"]
        found = projects.by_slug(client, slug) if slug else projects.by_name(client, module.params["name"])
        steps = project_plan.plan_project(module.params, found)
        after = steps.preview(found) if module.check_mode else steps.perform(client, found)
        result: dict[str, Any] = {"project": after.as_result()} if after else {}
        known = after or found
        if known:
            result["project_id"] = known.id
        target.finish(changed=bool(steps), diff=steps.as_diff(), **result)


if __name__ == "__main__":
    main()
