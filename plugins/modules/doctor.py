#!/usr/bin/python
# Copyright: (c) 2026, The omakase.homelab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: doctor
short_description: Examine a host of the homelab and say what is not well
version_added: 1.0.0
description:
  - Looks at what most often goes wrong, from the network to the last container,
    and says of each thing what was seen and what to do.
  - It changes nothing. Where something is not well the module still succeeds; RV(healthy) tells.
author:
  - The omakase.homelab authors (@omakase-homelab)
extends_documentation_fragment:
  - omakase.homelab.connection
  - omakase.homelab.auth
  - omakase.homelab.scope.project
  - omakase.homelab.scope
  - omakase.homelab.attributes.read_only
options:
  project_id:
    description: Id of the project that the identity reads. Without a project the identity is not tried.
  project_slug:
    description: Slug of that project.
  read_only:
    description:
      - Whether the identity is one that should only read, as that of an Omakase host.
      - It is a warning then if it may write, and otherwise if it may not.
    type: bool
    default: false
  compose_directories:
    description: Directories of compose projects whose containers must run. Without one, Docker is not looked at.
    type: list
    elements: path
    default: []
  private_files:
    description: Files that must be there and be readable by their owner alone.
    type: list
    elements: path
    default: []
  disks:
    description: Paths on whose file systems there must be room.
    type: list
    elements: path
    default: [/]
  commands:
    description: Programs that must answer to C(--version).
    type: list
    elements: str
    default: []
  injection_command:
    description:
      - A command and its arguments that resolves the compose files with the secrets and prints nothing,
        such as C(docker compose config --quiet).
    type: list
    elements: str
    default: []
  backup_records:
    description:
      - Directory where the role P(omakase.homelab.infisical_backup#role) records backups and drills.
        Without it they are not looked at.
    type: path
  hide:
    description:
      - Values that must not come back in the last lines of a container.
      - Those in the environment of the project's containers that look like credentials, and passwords inside of
        addresses, are hidden in any case.
    type: list
    elements: str
    default: []
"""

EXAMPLES = r"""
- name: Examine an Omakase host
  omakase.homelab.doctor:
    url: https://vault.example.com
    client_id: "{{ client_id }}"
    client_secret: "{{ client_secret }}"
    project_id: "{{ project_id }}"
    read_only: true
    compose_directories: [/home/omakase/omakase]
    private_files: [/home/omakase/omakase/.env]
    commands: [infisical]
  register: examined
"""

RETURN = r"""
healthy:
  description: Whether there is no problem; warnings do not count.
  returned: success
  type: bool
  sample: true
findings:
  description: What was looked at, in the order of looking.
  returned: success
  type: list
  elements: dict
  contains:
    check:
      description: What was looked at.
      type: str
      sample: DNS
    state:
      description: V(ok), V(warning) or V(problem).
      type: str
      sample: ok
    evidence:
      description: What was seen.
      type: str
      sample: vault.example.com is 192.0.2.1
    advice:
      description: What to do; empty if all is well.
      type: str
      sample: ""
"""

from collections.abc import Iterator, Sequence

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.omakase.homelab.plugins.module_utils._doctor import backups, containers, host, server
from ansible_collections.omakase.homelab.plugins.module_utils._doctor.findings import PROBLEM, Finding
from ansible_collections.omakase.homelab.plugins.module_utils._infisical import option_table, options
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.target import Target

ASKED = {
    "read_only": {"type": "bool", "default": False},
    "compose_directories": {"type": "list", "elements": "path", "default": []},
    "private_files": {"type": "list", "elements": "path", "default": []},
    "disks": {"type": "list", "elements": "path", "default": ["/"]},
    "commands": {"type": "list", "elements": "str", "default": []},
    "injection_command": {"type": "list", "elements": "str", "default": []},
    "backup_records": {"type": "path"},
    "hide": {"type": "list", "elements": "str", "default": [], "no_log": True},
}


def main() -> None:
    module = AnsibleModule(
        argument_spec=dict(option_table.CONNECTION, **option_table.AUTH, **option_table.SCOPE, **ASKED),
        mutually_exclusive=[("project_id", "project_slug")],
        supports_check_mode=True,
    )
    target = Target(module)
    with target.failures():
        findings = list(examine(module, target))
    healthy = all(finding.state != PROBLEM for finding in findings)
    target.finish(changed=False, healthy=healthy, findings=[finding.as_result() for finding in findings])


def examine(module: AnsibleModule, target: Target) -> Iterator[Finding]:
    asked = module.params

    def run(command: Sequence[str]) -> tuple[int, str, str]:
        if not module.get_bin_path(command[0]):
            return 127, "", ""
        status, said, error = module.run_command(list(command))
        return int(status), str(said), str(error)

    way = target.exchange()
    reached = True
    for finding in server.reachability(way.base_url, options.connection(asked), way.transport):
        reached = reached and (finding.state != PROBLEM or finding.check == "clock")
        yield finding
    if reached and (asked["project_id"] or asked["project_slug"]):
        client = target.client()
        yield from server.credentials(client, target.scope(client), asked["read_only"])
    yield from (host.private_file(path) for path in asked["private_files"])
    yield from host.disks(asked["disks"])
    yield from (host.command(run, name) for name in asked["commands"])
    if asked["compose_directories"]:
        yield from containers.projects(run, asked["compose_directories"], asked["hide"])
    if asked["backup_records"]:
        yield from backups.backups(asked["backup_records"])
    if asked["injection_command"]:
        yield containers.injection(run, asked["injection_command"])


if __name__ == "__main__":
    main()
