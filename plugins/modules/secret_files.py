#!/usr/bin/python
# Copyright: (c) 2026, The omakase.homelab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Module: files that hold secrets, many in one step."""

from __future__ import annotations

DOCUMENTATION = r"""
module: secret_files
short_description: Write files that hold secrets, many in one step
version_added: 1.0.0
author: The omakase.homelab authors (@omakase-homelab)
description:
  - Writes each file whole, with its owner and mode from the first byte on, and only if it differs.
  - >-
    Tells which files changed, and shows nothing of what is in them: no diff, no value in the result.
    Put C(no_log) on the task all the same, since Ansible itself shows the arguments of a task that it cannot template.
  - A template is rendered on the controller, by one of three rules; see O(files[].template).
  - A symbolic link on the way to a file is followed only if root's directories alone lead to it, or if what it leads to
    belongs to whoever could have laid it.
options:
  files:
    description: The files.
    type: list
    elements: dict
    required: true
    suboptions:
      path:
        description: Where it lies. Its directory must exist, or stand further up in the list.
        type: path
        required: true
      state:
        description: Whether it is a file or a directory; of a directory only owner and mode count.
        type: str
        choices: [file, directory]
        default: file
      adopt:
        description: >-
          Whether a directory that belongs to somebody else becomes that of O(files[].owner). With V(false) it is
          refused, which is for a path that does not come from you alone, such as the value of a secret.
        type: bool
        default: true
      content:
        description: All that it holds.
        type: str
      template:
        description: A text that is rendered, by the rule O(files[].format), and is then all that it holds.
        type: str
      format:
        description: How the template is read.
        type: str
        choices:
          jinja: >-
            As Ansible's own templates, with lookups. It runs on the controller with the rights of its user, so a value
            that somebody else wrote, such as a secret, belongs into O(files[].content), never into the template itself.
          dollar: >-
            C(${NAME}) becomes a value, also with C(:-default), C(:?message) and C(:+other) as in Compose.
            C($${) stands for C(${).
          go: >-
            C({{ env "NAME" }}) becomes a value. All else between braces stays for the program that reads the file.
        default: jinja
      variables:
        description: Variables that are set in a dotenv file; its other lines stay.
        type: dict
      lines:
        description: Lines that are added where the file lacks them; its other lines stay.
        type: list
        elements: str
      owner:
        description: Name or number of its owner. Left out, the one that it has, or the user who writes it.
        type: str
      group:
        description: Name or number of its group. Left out, the one that it has, or the owner's first one.
        type: str
      mode:
        description: Its mode, as an octal number in quotes. Left out, V(0600) for a file and V(0750) for a directory.
        type: str
  values:
    description: What templates of the formats V(dollar) and V(go) are filled with, by name.
    type: dict
    default: {}
  due_path:
    description:
      - A file in which the paths of files that differ are noted before the first of them is written, beside those that
        it holds already. It is removed by whoever has made use of the files, such as by restarting a service.
      - So a run that ends before that, killed or failed, leaves behind what the next one has to do.
    type: path
attributes:
  check_mode:
    description: Tells which files would change.
    support: full
  diff_mode:
    description: Shows nothing, since the files hold secrets.
    support: none
"""

EXAMPLES = r"""
- name: Give a service its configuration
  omakase.homelab.secret_files:
    values: "{{ lookup('omakase.homelab.infisical_secrets', '/') }}"
    files:
      - path: /srv/data
        state: directory
        owner: omakase
      - path: /home/omakase/omakase/.env
        variables: {INFISICAL_DOMAIN: https://infisical.example.org}
        owner: omakase
      - path: /home/omakase/omakase/compose/myservice/config/config.yml
        template: "database: {password: \"${MYSERVICE_DB_PASSWORD}\"}\n"
        format: dollar
        owner: "1000"
  no_log: true
"""

RETURN = r"""
changed_paths:
  description: The files that were written, or would be in check mode.
  returned: always
  type: list
  elements: str
due_paths:
  description: Those, and the ones that O(due_path) held before.
  returned: success
  type: list
  elements: str
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.omakase.homelab.plugins.module_utils._files.places import Note, Place, PlaceError

# template, format and values are the action plugin's: it sends the rendered content.
FILE: dict[str, dict[str, Any]] = {
    "path": {"type": "path", "required": True},
    "state": {"type": "str", "choices": ["file", "directory"], "default": "file"},
    "adopt": {"type": "bool", "default": True},
    "content": {"type": "str", "no_log": True},
    "template": {"type": "str", "no_log": True},
    "format": {"type": "str", "choices": ["jinja", "dollar", "go"], "default": "jinja"},
    "variables": {"type": "dict", "no_log": True},
    "lines": {"type": "list", "elements": "str"},
    "owner": {"type": "str"},
    "group": {"type": "str"},
    "mode": {"type": "str"},
}


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "files": {
                "type": "list",
                "elements": "dict",
                "required": True,
                "options": FILE,
                "mutually_exclusive": [("content", "template", "variables", "lines")],
                "required_if": [("state", "file", ("content", "template", "variables", "lines"), True)],
            },
            "values": {"type": "dict", "default": {}, "no_log": True},
            "due_path": {"type": "path"},
        },
        supports_check_mode=True,
    )
    written: list[str] = []
    try:
        places = [Place.of(item) for item in module.params["files"]]
        # From here on only paths are told, and a short content must not blot parts of them out.
        module.params["files"] = [place.path for place in places]
        module.no_log_values.clear()
        # All are looked at before the first is written, so that what is refused leaves everything as it was.
        differing = [place for place in places if place.settle(write=False)]
        changed = [place.path for place in differing]
        noted = Note(module.params["due_path"])
        due = noted.extended(changed, write=not module.check_mode)
        for place in [] if module.check_mode else differing:
            place.settle(write=True)
            written.append(place.path)
    except PlaceError as error:
        module.fail_json(msg=str(error), changed=bool(written), changed_paths=written)
    module.exit_json(changed=bool(changed), changed_paths=changed, due_paths=due)


if __name__ == "__main__":
    main()
