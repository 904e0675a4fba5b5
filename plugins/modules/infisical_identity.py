#!/usr/bin/python
# Copyright: (c) 2026, The omakase.homelab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: infisical_identity
short_description: Machine identities of Infisical
version_added: 1.0.0
description:
  - Makes a machine identity, its membership in a project and its universal auth, or changes them to what is wanted.
  - The identity is recognised by its name. The server itself would make a second one of the same name.
  - Client secrets are made by M(omakase.homelab.infisical_client_secret).
author:
  - The omakase.homelab authors (@omakase-homelab)
extends_documentation_fragment:
  - omakase.homelab.connection
  - omakase.homelab.auth
  - omakase.homelab.scope.unused_folder
  - omakase.homelab.attributes
  - omakase.homelab.attributes.action_group
options:
  name:
    description: Name of the identity.
    type: str
    required: true
  organization_id:
    description: Id of the organisation.
    type: str
    required: true
  organization_role:
    description: Slug of the identity's role in the organisation.
    type: str
    default: no-access
  project_id:
    description: Id of the project that O(project_roles) and O(access) are for.
    type: str
  project_slug:
    description: Slug of the project that O(project_roles) and O(access) are for.
    type: str
  project_roles:
    description:
      - Slugs of all roles the identity is to have in the project, for example V(admin), V(member), V(viewer),
        or a role of your own.
      - Roles of your own need a paid plan; O(access) needs none.
      - Without this option and O(access) no membership is touched.
    type: list
    elements: str
  access:
    description:
      - What the identity may read and write in the project beyond its roles, by environment and folder.
        With this and no O(project_roles), it may do nothing else there.
      - Kept as the additional privilege V(managed-access) of the identity. An empty list takes it away.
      - Without this option it is not touched.
    type: list
    elements: dict
    suboptions:
      environments:
        description: Slugs of the environments that are meant. Default is all.
        type: list
        elements: str
      path:
        description: Path of the folder that is meant, with all below it.
        type: str
        default: /
      write:
        description: Whether it may also create, change and delete secrets, folders and imports there.
        type: bool
        default: false
  universal_auth:
    description:
      - Settings of universal auth. An empty dictionary attaches it as the server likes it.
      - Without this option it is not touched. What is left out is not changed.
    type: dict
    suboptions:
      access_token_ttl:
        description: Seconds that an access token lives.
        type: int
      access_token_max_ttl:
        description: Seconds that an access token can live at most, renewals included.
        type: int
      access_token_num_uses_limit:
        description: How often an access token can be used; V(0) is no limit.
        type: int
      client_secret_trusted_ips:
        description: Addresses and networks that may log in. Anything but all of them needs a paid plan.
        type: list
        elements: str
      access_token_trusted_ips:
        description: Addresses and networks that may use access tokens. Anything but all of them needs a paid plan.
        type: list
        elements: str
  state:
    description: V(absent) deletes the identity with its client secrets and memberships.
    type: str
    choices: [present, absent]
    default: present
"""

EXAMPLES = r"""
- name: An identity for deployments, with tokens that live an hour
  omakase.homelab.infisical_identity:
    url: https://vault.example.com
    token: "{{ bootstrap.token }}"
    name: omakase-deployment
    organization_id: "{{ bootstrap.organization.id }}"
    project_id: "{{ project.project.id }}"
    project_roles: [member]
    universal_auth:
      access_token_ttl: 3600
      access_token_max_ttl: 7200
  register: deployment

- name: An identity for a host, which reads one folder of one environment and nothing else
  omakase.homelab.infisical_identity:
    url: https://vault.example.com
    token: "{{ bootstrap.token }}"
    name: grafana
    organization_id: "{{ bootstrap.organization.id }}"
    project_slug: omakase
    access:
      - environments: [prod]
        path: /grafana
    universal_auth: {}
"""

RETURN = r"""
identity:
  description: The identity as it is now; in check mode, as it would be, with an empty id if it does not exist yet.
  returned: when O(state=present)
  type: dict
  contains:
    id:
      description: Id of the identity.
      type: str
      sample: 55980a88-e03c-4085-94cf-8fbe36ba5ee7
    name:
      description: Name of the identity.
      type: str
      sample: omakase-deployment
    role:
      description: Slug of its role in the organisation.
      type: str
      sample: no-access
    client_id:
      description: Client id for universal auth; empty without it.
      type: str
      sample: 80b7f392-331f-427c-93d8-44b9f924dbd3
    project_roles:
      description: Slugs of its roles in the project; empty if no project was given.
      type: list
      elements: str
      sample: [member]
    access:
      description: What it may in the project by O(access), in words; empty if that was not given.
      type: list
      elements: str
      sample: ["prod:/grafana read"]
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.omakase.homelab.plugins.module_utils._infisical import (
    eras,
    identity_plan,
    option_table,
    projects,
)
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.target import Target

UNIVERSAL_AUTH = {
    "access_token_ttl": {"type": "int", "no_log": False},
    "access_token_max_ttl": {"type": "int", "no_log": False},
    "access_token_num_uses_limit": {"type": "int", "no_log": False},
    "client_secret_trusted_ips": {"type": "list", "elements": "str", "no_log": False},
    "access_token_trusted_ips": {"type": "list", "elements": "str", "no_log": False},
}


def main() -> None:
    module = AnsibleModule(
        argument_spec=dict(
            option_table.CONNECTION,
            **option_table.AUTH,
            **option_table.SCOPE,
            name={"type": "str", "required": True},
            organization_id={"type": "str", "required": True},
            organization_role={"type": "str", "default": "no-access"},
            project_roles={"type": "list", "elements": "str"},
            access={"type": "list", "elements": "dict", "options": option_table.ACCESS},
            universal_auth={"type": "dict", "options": UNIVERSAL_AUTH},
            state={"type": "str", "choices": ["present", "absent"], "default": "present"},
        ),
        mutually_exclusive=[("project_id", "project_slug")],
        supports_check_mode=True,
    )
    grants, slug = module.params["access"], module.params["project_slug"]
    in_project = bool(module.params["project_roles"]) or grants is not None
    if in_project and not (module.params["project_id"] or slug):
        module.fail_json(msg="project_roles and access need project_id or project_slug.")
    target = Target(module)
    with target.failures(), target.alone():
        client = target.client()
        project = None
        if in_project:
            project_id = target.project_id(client)
            if grants is not None and not slug:
                slug = projects.slug_of(client, project_id)
            project = eras.Member("", project_id, slug or "")
        found = identity_plan.find(client, module.params, project)
        steps = identity_plan.plan_identity(module.params, found, client)
        if module.check_mode:
            after = steps.preview(found)
        else:
            after = steps.perform(client, found, module.params["organization_id"], project)
        result = {"identity": after.as_result()} if after else {}
        target.finish(changed=bool(steps), diff=steps.as_diff(), **result)


if __name__ == "__main__":
    main()
