#!/usr/bin/python
# Copyright: (c) 2026, The omakase.homelab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Module: what an Omakase host has. Its action plugin makes sense of the Compose files, which takes YAML."""

from __future__ import annotations

DOCUMENTATION = r"""
module: omakase_info
short_description: Read what an Omakase host has
version_added: 1.0.0
author: The omakase.homelab authors (@omakase-homelab)
description:
  - Reads in one step the account, the programs and the checkout of an Omakase host.
  - Finds every variable that the merged Compose files read (C(include), C(extends), overrides, profiles, C(env_file)),
    that templates read, and that stands in configuration files as they are mounted; with the services that read it.
  - Never reads the value of a variable, except Compose's own settings (C(COMPOSE_FILE) and the like) in C(.env).
  - Holds all that against the secrets of a project, and tells what is missing and what to create, by name.
options:
  directory:
    description: The checkout.
    type: path
    required: true
  user:
    description: User that owns it.
    type: str
    required: true
  uid:
    description: User id that is wanted for the user. Left out, C(PUID) of O(secrets) or O(given).
    type: int
  gid:
    description: Group id that is wanted for the user's group. Left out, C(PGID) of O(secrets) or O(given).
    type: int
  command:
    description: The installed C(omakase-infisical) command.
    type: path
    default: /usr/local/bin/omakase-infisical
  variables:
    description: >-
      C(COMPOSE_PROJECT_NAME), and variables in the paths of mounted files, with the values that they have where neither
      O(secrets) nor O(given) says otherwise. No secrets.
    type: dict
    default: {}
  profiles:
    description: Compose profiles that are on, beside those of C(COMPOSE_PROFILES).
    type: list
    elements: str
    default: []
  templates:
    description: Templates of the checkout.
    type: list
    elements: dict
    default: []
    suboptions:
      src:
        description: The template, relative to the checkout.
        type: str
        required: true
      dest:
        description: What it is rendered to, relative to the checkout.
        type: str
        required: true
      format:
        description: How it is read; see M(omakase.homelab.secret_files).
        type: str
        choices: [jinja, dollar, go]
        default: jinja
      services:
        description: Services that use the result. Left out, those that mount it.
        type: list
        elements: str
      owner:
        description: Name or number of the result's owner. Left out, O(user).
        type: str
      group:
        description: Name or number of its group.
        type: str
      mode:
        description: Its mode.
        type: str
  secrets:
    description: >-
      The project's secrets by name. C(PUID), C(PGID) and the names in O(variables) are used where O(uid), O(gid) and
      O(variables) are. The others stay on the controller, and of a value only whether it is empty counts.
    type: dict
    default: {}
  given:
    description: Values by name for secrets that the project may lack. They are used likewise.
    type: dict
    default: {}
  catalogue:
    description: What is known about secrets, as P(omakase.homelab.catalogue_plan#filter) takes it.
    type: dict
    default: {}
  ignored:
    description: Patterns of names that are not judged, such as V(DS_*).
    type: list
    elements: str
    default: []
  read:
    description: Further files of the checkout to look at.
    type: list
    elements: str
    default: []
seealso:
  - plugin: omakase.homelab.catalogue_plan
    plugin_type: filter
  - plugin: omakase.homelab.variable_table
    plugin_type: filter
extends_documentation_fragment:
  - omakase.homelab.attributes.read_only
"""

EXAMPLES = r"""
- name: Read what the host has
  omakase.homelab.omakase_info:
    directory: /home/omakase/omakase
    user: omakase
    secrets: "{{ lookup('omakase.homelab.infisical_secrets', '/') }}"
  register: host

- name: Show what the stack lacks
  ansible.builtin.debug:
    var: host.plan.lines
"""

RETURN = r"""
account:
  description: >-
    C(uid), C(gid) and C(home) of the user, C(uid_owner) and C(gid_owner): who has the wanted numbers.
  returned: success
  type: dict
programs:
  description: >-
    Paths of C(compose), C(infisical), C(git) and C(apt), none where one is missing; C(projects): the directories of
    each Compose project on the host; C(engine_problem): why Docker's engine does not tell them, empty where it does.
  returned: success
  type: dict
environment:
  description: >-
    C(names) that C(.env) gives a value, C(settings) of Compose among them, the client id of the C(identity) that the
    host logs in as, and the C(problem) where it cannot be read.
  returned: success
  type: dict
command:
  description: C(directory) and C(environment) that the installed command is for.
  returned: success
  type: dict
checkout:
  description: C(exists), and the C(tracked) files.
  returned: success
  type: dict
settings:
  description: >-
    C(PUID), C(PGID) and the names in O(variables), each with its value of O(secrets), else of O(given), else of
    O(variables); without those that nobody gives.
  returned: success
  type: dict
namesakes:
  description: Directories of other stacks on the host that go by C(COMPOSE_PROJECT_NAME) of this one.
  returned: success
  type: list
  elements: str
secrets:
  description: The names in O(secrets).
  returned: success
  type: list
  elements: str
project:
  description: >-
    C(problem), where the Compose files cannot be read; C(names) of all variables; C(reads): where and how;
    C(readers): the services that each reaches;
    C(services): whether each is C(enabled), and whether it C(takes_env), all of C(.env);
    C(provided): variables that files beside C(.env) set; C(absent): files that are named and not there;
    C(templates): of each the C(file) as M(omakase.homelab.secret_files) takes it, the C(services) that use it,
    and whether the result is C(tracked).
  returned: success
  type: dict
plan:
  description: >-
    What P(omakase.homelab.catalogue_plan#filter) returns, without C(create), which has values; and C(lines) and
    C(refused) as P(omakase.homelab.variable_table#filter) returns them.
  returned: success
  type: dict
"""

import os

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.omakase.homelab.plugins.module_utils._omakase import host

TEMPLATE = {
    "src": {"type": "str", "required": True},
    "dest": {"type": "str", "required": True},
    "format": {"type": "str", "choices": ["jinja", "dollar", "go"], "default": "jinja"},
    "services": {"type": "list", "elements": "str"},
    "owner": {"type": "str"},
    "group": {"type": "str"},
    "mode": {"type": "str"},
}


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "directory": {"type": "path", "required": True},
            "user": {"type": "str", "required": True},
            "uid": {"type": "int"},
            "gid": {"type": "int"},
            "command": {"type": "path", "default": "/usr/local/bin/omakase-infisical"},
            "variables": {"type": "dict", "default": {}},
            "profiles": {"type": "list", "elements": "str", "default": []},
            "templates": {"type": "list", "elements": "dict", "default": [], "options": TEMPLATE},
            # The action plugin's, which sends none of them
            "secrets": {"type": "dict", "default": {}, "no_log": True},
            "given": {"type": "dict", "default": {}, "no_log": True},
            "catalogue": {"type": "dict", "default": {}},
            "ignored": {"type": "list", "elements": "str", "default": []},
            "read": {"type": "list", "elements": "str", "default": []},
        },
        supports_check_mode=True,
    )
    params = module.params
    wanted = [*params["read"], *(template["src"] for template in params["templates"])]
    try:
        module.exit_json(
            account=host.account(params["user"], params["uid"], params["gid"]),
            programs=host.programs(),
            environment=host.environment(os.path.join(params["directory"], ".env")),
            command=host.command(params["command"]),
            checkout=host.checkout(params["directory"], wanted),
        )
    except ValueError as error:  # a zero byte in one of them
        module.fail_json(msg=f"directory, user or command is none: {error}.")


if __name__ == "__main__":
    main()
