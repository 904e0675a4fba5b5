#!/usr/bin/python
# Copyright: (c) 2026, The omakase.homelab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Module: all that a role wants to know of a host, in one step."""

from __future__ import annotations

DOCUMENTATION = r"""
module: host_info
short_description: Read what a host is and has, in one step
version_added: 1.0.0
author: The omakase.homelab authors (@omakase-homelab)
description:
  - Asks several programs at once, reads files, and tells which system runs there.
  - Takes the place of a task for each of them, and of facts where only the system matters. Each task costs a way to
    the host and a Python there.
  - What is not there is no failure; the caller judges it.
extends_documentation_fragment:
  - omakase.homelab.attributes.read_only
options:
  commands:
    description:
      - What to ask programs, by a name for the answer; each a list of a program and its arguments.
      - They run in check mode as well, and all at the same time, so give only those that change nothing.
    type: dict
    default: {}
  packages:
    description:
      - Names of packages that dpkg is asked for.
      - M(ansible.builtin.package_facts) would read every package, and needs C(python3-apt), which a fresh host lacks.
    type: list
    elements: str
    default: []
  engine:
    description:
      - What to ask Docker's engine, by a name for the answer; each a path of its API, such as V(/info).
      - It is asked at its socket, which takes a tenth of the time that the C(docker) command needs.
    type: dict
    default: {}
  files:
    description:
      - Files and directories to look at, the files with their content.
      - One with an asterisk stands for all that it matches.
    type: list
    elements: path
    default: []
  checksums:
    description: Files to look at without their content.
    type: list
    elements: path
    default: []
"""

EXAMPLES = r"""
- name: Read what the host has, all in one go
  omakase.homelab.host_info:
    commands:
      unit: [systemctl, is-active, docker]
    packages: [docker-ce, docker.io]
    engine: {info: /info}
    files: [/etc/docker/daemon.json]
  register: host

- name: Show the log driver that was chosen
  ansible.builtin.debug:
    msg: "{{ (host.files['/etc/docker/daemon.json'].content | b64decode | from_json)['log-driver'] }}"
"""

RETURN = r"""
system:
  description: >-
    Of os-release(5) C(id), C(like), C(name), C(release) (the code name) and C(version); the kernel's C(architecture);
    and the C(container) that it is, such as V(lxc), empty for none.
  returned: success
  type: dict
commands:
  description: >-
    By name, C(rc), C(stdout) and C(stderr) of each. One that is not there has 127 for its C(rc), as in a shell, and one
    that is silent for a minute 124.
  returned: success
  type: dict
packages:
  description: By name, C(version) of those that are installed, and whether each is C(held) at it.
  returned: success
  type: dict
engine:
  description: By name, each answer of Docker's engine; of one that does not answer the C(problem) alone.
  returned: success
  type: dict
files:
  description: >-
    By path, of those that are there: C(type) (V(file), V(directory), V(other)), C(mode), C(owner), C(group), and of a
    file C(sha256) and C(content), which is in Base64.
  returned: success
  type: dict
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.omakase.homelab.plugins.module_utils._host import reading


def main() -> None:
    """Options in, result out."""
    module = AnsibleModule(
        argument_spec={
            "commands": {"type": "dict", "default": {}},
            "packages": {"type": "list", "elements": "str", "default": []},
            "engine": {"type": "dict", "default": {}},
            "files": {"type": "list", "elements": "path", "default": []},
            "checksums": {"type": "list", "elements": "path", "default": []},
        },
        supports_check_mode=True,
    )
    params = module.params
    for name, command in params["commands"].items():
        if not (isinstance(command, list) and command and all(isinstance(word, str) for word in command)):
            module.fail_json(msg=f"commands: {name!r} is not a list of a program and its arguments.")
    running = reading.started(params["commands"])
    found = {
        "system": reading.system(),
        "packages": reading.packages(params["packages"]),
        "engine": reading.engine(params["engine"]),
        "files": {
            **reading.files(params["checksums"], contents=False),
            **reading.files(params["files"], contents=True),
        },
    }
    module.exit_json(commands=reading.collected(running), **found)


if __name__ == "__main__":
    main()
