#!/usr/bin/python
# Copyright: (c) 2026, The omakase.homelab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: infisical_organization
short_description: Projects of Infisical with their environments, folders, identities and imports
version_added: 1.0.0
description:
  - Makes several projects as they are described, with all that belongs to them, in one go and with one login.
  - Everything is read and decided before anything is changed. In check mode, or with C(--diff), the plan is told in
    sentences; in check mode without credentials, as if nothing existed yet.
  - What is not listed is left alone. What is listed with C(state=absent) is removed,
    and where that would destroy secrets only with C(force).
  - Each identity gets universal auth, and a client secret that is kept on the target.
author:
  - The omakase.homelab authors (@omakase-homelab)
extends_documentation_fragment:
  - omakase.homelab.connection
  - omakase.homelab.auth
  - omakase.homelab.scope.unused
  - omakase.homelab.attributes
  - omakase.homelab.attributes.action_group
options:
  directory:
    description:
      - Directory on the target, closed to all but its owner, that keeps C(IDENTITY.json) for each identity
        as M(omakase.homelab.infisical_client_secret) writes it, C(project.json) with the first project,
        and C(projects.json) with all of them by slug where there are several.
      - Without credentials among the options, those in its C(management.json) are taken.
    type: path
    required: true
  host:
    description: How the target is called in the descriptions of client secrets, by which they are found again.
    type: str
    required: true
  organization_id:
    description: Id of the organisation. Default is the C(id) in C(organization.json) in O(directory).
    type: str
  access_token_ttl:
    description: Seconds that an access token of an identity lives.
    type: int
    default: 3600
  projects:
    description: The projects.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: Name of the project.
        type: str
        required: true
      slug:
        description: Slug of the project, by which it is found again.
        type: str
        required: true
      description:
        description: What the project is for. Servers of 2024 do not keep it.
        type: str
      state:
        description: V(absent) deletes the project.
        type: str
        choices: [present, absent]
        default: present
      force:
        description: Whether the project is deleted although it holds secrets.
        type: bool
        default: false
      environments:
        description: Environments that the project is to have; without this option a new project gets the server's own.
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
            description: V(absent) deletes the environment.
            type: str
            choices: [present, absent]
            default: present
          force:
            description: Whether the environment is deleted although it holds secrets.
            type: bool
            default: false
      folders:
        description: Folders of the project.
        type: list
        elements: dict
        default: []
        suboptions:
          path:
            description: Path of the folder. Folders above it are made as well.
            type: str
            required: true
          environments:
            description: Slugs of the environments that are meant. Default is all that are listed.
            type: list
            elements: str
          state:
            description: V(absent) deletes the folder.
            type: str
            choices: [present, absent]
            default: present
          force:
            description: Whether the folder is deleted although it holds secrets.
            type: bool
            default: false
      identities:
        description: Machine identities of the project. One that is listed in several is one identity.
        type: list
        elements: dict
        default: []
        suboptions:
          name:
            description: Name of the identity.
            type: str
            required: true
          roles:
            description:
              - Slugs of its roles in the project, each for all environments.
                V(member) reads and writes, V(viewer) only reads.
              - Roles of your own need a paid plan; O(projects[].identities[].access) needs none.
            type: list
            elements: str
            default: []
          access:
            description:
              - What it may read and write in the project beyond its roles.
                With this alone, it may do nothing else there.
              - Kept as the additional privilege V(managed-access) of the identity.
            type: list
            elements: dict
            default: []
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
          organization_role:
            description: Slug of its role in the organisation.
            type: str
            default: no-access
          access_token_ttl:
            description: Seconds that an access token of it lives. Default is O(access_token_ttl).
            type: int
          client_secret_ttl:
            description: Seconds that its client secret is valid; V(0) is for ever.
            type: int
            default: 0
          client_secret_num_uses_limit:
            description: How often its client secret can be used to log in; V(0) is no limit.
            type: int
            default: 0
          client_secret_renew_before:
            description:
              - A client secret that ends within that many seconds is followed by a new one.
                The old one works on until its end.
              - Default is a third of its time.
            type: int
          client_secret_renew_uses:
            description: The same for one with that many uses left, or fewer. Default is a third of its uses.
            type: int
          state:
            description:
              - V(absent) takes the identity out of the project, and deletes it with its client secrets
                if it belongs to no other.
            type: str
            choices: [present, absent]
            default: present
      imports:
        description: Imports between folders and environments of the project.
        type: list
        elements: dict
        default: []
        suboptions:
          environment:
            description: Slug of the environment of the folder that imports.
            type: str
            required: true
          path:
            description: Path of the folder that imports.
            type: str
            default: /
          source_environment:
            description: Slug of the environment to import from. Default is that of the folder that imports.
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
- name: A project, an identity that writes for deployments, and one that only reads what Grafana needs
  omakase.homelab.infisical_organization:
    url: https://vault.example.com
    token: "{{ bootstrap.token }}"
    organization_id: "{{ bootstrap.organization.id }}"
    directory: /etc/infisical
    host: "{{ inventory_hostname }}"
    projects:
      - name: Omakase
        slug: omakase
        environments:
          - slug: dev
          - slug: prod
        folders:
          - path: /shared
          - path: /grafana
        identities:
          - name: deployment
            access:
              - write: true
          - name: grafana
            client_secret_ttl: 7776000
            access:
              - environments: [prod]
                path: /grafana
        imports:
          - environment: prod
            path: /grafana
            source_path: /shared
"""

RETURN = r"""
plan:
  description: What was done, or in check mode would be done, as sentences.
  returned: always
  type: list
  elements: str
  sample: [make the environment prod (Production) in omakase]
projects:
  description: The projects as they are now, as M(omakase.homelab.infisical_project) tells them.
  returned: success
  type: list
  elements: dict
  sample: []
identities:
  description: Ids and client ids of the identities, by name; empty in check mode for those that do not exist yet.
  returned: success
  type: dict
  sample:
    deployment:
      id: 55980a88-e03c-4085-94cf-8fbe36ba5ee7
      client_id: 80b7f392-331f-427c-93d8-44b9f924dbd3
"""

import os
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.omakase.homelab.plugins.module_utils._infisical import credentials, option_table
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.kept_secret import KeptSecret
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.organization_plan import (
    Place,
    plan_organization,
)
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.target import Target

STATE = {"type": "str", "choices": ["present", "absent"], "default": "present"}
FORCE = {"type": "bool", "default": False}
ENVIRONMENT = {"slug": {"type": "str", "required": True}, "name": {"type": "str"}, "state": STATE, "force": FORCE}
FOLDER = {
    "path": {"type": "str", "required": True},
    "environments": {"type": "list", "elements": "str"},
    "state": STATE,
    "force": FORCE,
}
IDENTITY = {
    "name": {"type": "str", "required": True},
    "roles": {"type": "list", "elements": "str", "default": []},
    "access": {"type": "list", "elements": "dict", "options": option_table.ACCESS, "default": []},
    "organization_role": {"type": "str", "default": "no-access"},
    "access_token_ttl": {"type": "int", "no_log": False},
    "client_secret_ttl": {"type": "int", "default": 0, "no_log": False},
    "client_secret_num_uses_limit": {"type": "int", "default": 0, "no_log": False},
    "client_secret_renew_before": {"type": "int", "no_log": False},
    "client_secret_renew_uses": {"type": "int", "no_log": False},
    "state": STATE,
}
IMPORT = {
    "environment": {"type": "str", "required": True},
    "path": {"type": "str", "default": "/"},
    "source_environment": {"type": "str"},
    "source_path": {"type": "str", "default": "/"},
    "position": {"type": "int"},
    "state": STATE,
}
PROJECT = {
    "name": {"type": "str", "required": True},
    "slug": {"type": "str", "required": True},
    "description": {"type": "str"},
    "state": STATE,
    "force": FORCE,
    "environments": {"type": "list", "elements": "dict", "options": ENVIRONMENT},
    "folders": {"type": "list", "elements": "dict", "options": FOLDER, "default": []},
    "identities": {"type": "list", "elements": "dict", "options": IDENTITY, "default": []},
    "imports": {"type": "list", "elements": "dict", "options": IMPORT, "default": []},
}


def main() -> None:
    module = AnsibleModule(
        argument_spec=dict(
            option_table.CONNECTION,
            **option_table.AUTH,
            **option_table.SCOPE,
            directory={"type": "path", "required": True},
            host={"type": "str", "required": True},
            organization_id={"type": "str"},
            access_token_ttl={"type": "int", "default": 3600, "no_log": False},
            projects={"type": "list", "elements": "dict", "options": PROJECT, "required": True},
        ),
        supports_check_mode=True,
    )
    directory: str = module.params["directory"]
    target = Target(module)
    with target.failures(), target.alone():
        client, organization_id = credentials.open_directory(target, directory)
        for identity in (one for project in module.params["projects"] for one in project["identities"]):
            identity["access_token_ttl"] = identity["access_token_ttl"] or module.params["access_token_ttl"]
        place = Place(
            directory, module.params["host"], lambda name: KeptSecret(module, os.path.join(directory, f"{name}.json"))
        )
        organization = plan_organization(client, organization_id, module.params["projects"], place)
        if client and not module.check_mode:
            organization.perform(client)
        described = [project.as_result() for project in organization.made.projects.values()]
        sentences = organization.sentences + credentials.keep(module, directory, described)
        result: dict[str, Any] = {
            "plan": sentences,
            "projects": described,
            "identities": {
                name: {"id": identity_id, "client_id": client_id}
                for name, (identity_id, client_id) in organization.made.identities.items()
            },
        }
        shown = "".join(f"{sentence}\n" for sentence in sentences)
        target.finish(changed=bool(sentences), diff={"prepared": shown}, **result)


if __name__ == "__main__":
    main()
