#!/usr/bin/python
# Copyright: (c) 2026, The omakase.homelab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: infisical_info
short_description: What there is on an Infisical server
version_added: 1.0.0
description:
  - Tells whether a server answers and is set up, and, with credentials and a project, which environments, folders,
    imports and names of secrets there are.
  - It never tells values; these are what P(omakase.homelab.infisical#lookup) is for.
author:
  - The omakase.homelab authors (@omakase-homelab)
extends_documentation_fragment:
  - omakase.homelab.connection
  - omakase.homelab.auth
  - omakase.homelab.scope.project
  - omakase.homelab.scope
  - omakase.homelab.attributes.read_only
  - omakase.homelab.attributes.action_group
options:
  project_id:
    description: Id of the project to tell of. Without it and O(project_slug), only the server is asked.
  project_slug:
    description: Slug of the project to tell of.
"""

EXAMPLES = r"""
- name: Is the server set up?
  omakase.homelab.infisical_info:
    url: https://vault.example.com
  register: vault

- name: Which secrets does the production environment have?
  omakase.homelab.infisical_info:
    url: https://vault.example.com
    client_id: "{{ client_id }}"
    client_secret: "{{ client_secret }}"
    project_slug: omakase
    environment: prod
  register: production
"""

RETURN = r"""
server:
  description: The server itself.
  returned: success
  type: dict
  contains:
    url:
      description: Its address.
      type: str
      sample: https://vault.example.com
    healthy:
      description: Whether it says that it is well.
      type: bool
      sample: true
    set_up:
      description: Whether it has an administrator.
      type: bool
      sample: true
    email_configured:
      description: Whether it can send mail.
      type: bool
      sample: false
    redis_configured:
      description: Whether it has a Redis.
      type: bool
      sample: true
project:
  description: The project.
  returned: when a project is given
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
      description: All environments of the project, each with id, slug and name.
      type: list
      elements: dict
      sample: [{id: 0e0e9f33-29f9-4c7f-9207-bc63b4bcd7a6, slug: dev, name: Development}]
folders:
  description: Names of the folders in O(path).
  returned: when a project is given
  type: list
  elements: str
  sample: [db]
secrets:
  description: Names of the secrets in O(path), imported ones not included.
  returned: when a project is given
  type: list
  elements: str
  sample: [POSTGRES_PASSWORD]
imports:
  description: Imports of O(path), each with id, environment, path and position.
  returned: when a project is given
  type: list
  elements: dict
  sample: []
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.omakase.homelab.plugins.module_utils._infisical import (
    existence,
    imports,
    instance,
    option_table,
    projects,
    store,
)
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.client import Client
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.model import Scope
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.target import Target


def main() -> None:
    module = AnsibleModule(
        argument_spec=dict(option_table.CONNECTION, **option_table.AUTH, **option_table.SCOPE),
        mutually_exclusive=[("project_id", "project_slug")],
        supports_check_mode=True,
    )
    target = Target(module)
    with target.failures():
        result: dict[str, Any] = {"server": instance.describe(target.exchange())}
        if module.params["project_id"] or module.params["project_slug"]:
            client = target.client()
            result.update(describe_folder(client, target.scope(client)))
        target.finish(changed=False, **result)


def describe_folder(client: Client, scope: Scope) -> dict[str, Any]:
    existence.check_folder(client, scope)
    project = projects.by_id(client, scope.project_id)
    listing = store.read(client, scope, store.View(expand=False, imports=False))
    return {
        "project": project.as_result() if project else {},
        "folders": existence.folder_names(client, scope),
        "secrets": [secret.name for secret in listing.secrets],
        "imports": [found.as_result() for found in imports.of_folder(client, scope)],
    }


if __name__ == "__main__":
    main()
