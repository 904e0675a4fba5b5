#!/usr/bin/python
# Copyright: (c) 2026, The omakase.homelab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: infisical_rotation
short_description: Rotate secrets of a Compose stack by their age
version_added: 1.0.0
description:
  - Tells which secrets of a catalogue are due, from the server's own timestamps, and gives those a new value,
    and the role in PostgreSQL or MariaDB whose password it is along with it.
  - Old and new values are on record in the secret C(OMAKASE_ROTATION_JOURNAL) of the same folder, from before the first
    change until O(state=finished), so that a rotation that was stopped at any moment is finished or undone by the next
    one, and no value lies on a disk.
  - It does not restart services; the role P(omakase.homelab.omakase#role) does, in between (C(tasks_from=rotate)).
author:
  - The omakase.homelab authors (@omakase-homelab)
attributes:
  diff_mode:
    description: Shows nothing. What would be rotated stands in the table.
    support: none
extends_documentation_fragment:
  - omakase.homelab.connection
  - omakase.homelab.auth
  - omakase.homelab.scope.project
  - omakase.homelab.scope
  - omakase.homelab.attributes
  - omakase.homelab.attributes.action_group
options:
  state:
    description:
      - V(planned) tells what is due and changes nothing.
      - V(rotated) goes on with a rotation that was stopped, in its direction; else begins one of what is due or named.
      - V(undone) puts databases and secrets back to the old values of the journal.
      - V(finished) removes the journal, once the services use the values.
    type: str
    choices: [planned, rotated, undone, finished]
    default: planned
  directory:
    description: Directory of the Compose project whose services use the secrets.
    type: path
    required: true
  names:
    description: Secrets to rotate whether they are due or not.
    type: list
    elements: str
    default: []
  readers:
    description: Services that read a secret, by its name. For the table.
    type: dict
    default: {}
  shared_with:
    description:
      - Other hosts that use the same environment of the project. Passwords of databases are refused then, since those
        hosts have databases of their own, which would go on with the old one.
    type: list
    elements: str
    default: []
  catalogue:
    description: What is known about the secrets.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: Name of the secret.
        type: str
        required: true
      type:
        description:
          - How its value is made, as in M(omakase.homelab.infisical_secret). V(default) and V(given) are not made.
        type: str
        choices: [hex, alphanumeric, digits, base64, base64url, alphabet, default, given]
        default: alphanumeric
      length:
        description: How many characters a new value has.
        type: int
        default: 32
      alphabet:
        description: Characters to choose from, for the type V(alphabet); no blanks and no C($).
        type: str
      rotation_days:
        description: Days after which it is due. Without them it never is.
        type: int
      recipe:
        description:
          - V(random) writes a new value; V(postgresql) and V(mariadb) set it as the password of a role first.
            MariaDB takes the old one too until O(state=finished); it must be 10.4 or newer.
          - V(by_hand) is listed for a person, V(keep) refused, since data would be lost.
            Without a recipe it is refused too.
        type: str
        choices: [random, postgresql, mariadb, by_hand, keep]
      database_service:
        description: Compose service of the database, for the recipes V(postgresql) and V(mariadb).
        type: str
      database_role:
        description: Role (in MariaDB, user) whose password it is. Left out, the superuser.
        type: str
      how:
        description: Where a person makes a new one, or why it must not be changed.
        type: str
"""

EXAMPLES = r"""
- name: Tell what is due
  omakase.homelab.infisical_rotation:
    url: https://vault.example.com
    client_id: "{{ client_id }}"
    client_secret: "{{ client_secret }}"
    project_id: "{{ project_id }}"
    directory: /home/omakase/omakase
    catalogue:
      - name: SONARR_API_KEY
        type: hex
        rotation_days: 180
        recipe: random
      - name: AUTHELIA_DB_PASSWORD
        rotation_days: 90
        recipe: postgresql
        database_service: postgres
        database_role: authelia
  register: due
"""

RETURN = r"""
secrets:
  description: The table, those that are rotated first.
  returned: when O(state=planned), or O(state=rotated) begins
  type: list
  elements: dict
  contains:
    name: {description: Name., type: str}
    kind: {description: How its value is made., type: str}
    state: {description: "V(rotate), V(by hand), V(refused) or V(not due).", type: str}
    recipe: {description: Its recipe; may be empty., type: str}
    action: {description: "What happens, or what to do.", type: str}
    age_days: {description: Whole days since it was written., type: int}
    due_in_days: {description: Days until it is due; negative since it was., type: int}
lines:
  description: The same for a terminal.
  returned: always
  type: list
  elements: str
to_rotate:
  description: Names of those that are rotated.
  returned: always
  type: list
  elements: str
refused:
  description: Names that were asked for and cannot be rotated, each with the reason.
  returned: always
  type: list
  elements: str
unfinished:
  description: Names of a rotation that was stopped before.
  returned: always
  type: list
  elements: str
settled:
  description: Names that have the value that they are to have, in databases and project.
  returned: always
  type: list
  elements: str
left_alone:
  description: Names whose value somebody else changed while the rotation was under way.
  returned: always
  type: list
  elements: str
back:
  description: Whether the rotation failed and the old values are put back.
  returned: always
  type: bool
project_id:
  description: Id of the project.
  returned: always
  type: str
"""

from collections.abc import Mapping, Sequence
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.omakase.homelab.plugins.module_utils._infisical import option_table
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.generate import ALPHABETS, ENCODINGS
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.target import Target
from ansible_collections.omakase.homelab.plugins.module_utils._rotation.module import Result, Rotation
from ansible_collections.omakase.homelab.plugins.module_utils._rotation.plan import NOT_MADE, RECIPES

ENTRY: dict[str, dict[str, Any]] = {
    "name": {"type": "str", "required": True},
    "type": {"type": "str", "choices": [*ALPHABETS, *ENCODINGS, "alphabet", *NOT_MADE], "default": "alphanumeric"},
    "length": {"type": "int", "default": 32},
    "alphabet": {"type": "str"},
    "rotation_days": {"type": "int"},
    "recipe": {"type": "str", "choices": list(RECIPES)},
    "database_service": {"type": "str"},
    "database_role": {"type": "str"},
    "how": {"type": "str"},
}
ASKED: dict[str, dict[str, Any]] = {
    "state": {"type": "str", "choices": ["planned", "rotated", "undone", "finished"], "default": "planned"},
    "directory": {"type": "path", "required": True},
    "names": {"type": "list", "elements": "str", "default": []},
    "readers": {"type": "dict", "default": {}},
    "shared_with": {"type": "list", "elements": "str", "default": []},
    "catalogue": {"type": "list", "elements": "dict", "default": [], "options": ENTRY},
}


def main() -> None:
    module = AnsibleModule(
        argument_spec=dict(option_table.CONNECTION, **option_table.AUTH, **option_table.SCOPE, **ASKED),
        mutually_exclusive=[("project_id", "project_slug")],
        required_one_of=[("project_id", "project_slug")],
        supports_check_mode=True,
    )

    def run(command: Sequence[str], data: str = "", env: Mapping[str, str] | None = None) -> tuple[int, str, str]:
        status, said, error = module.run_command(list(command), data=data, environ_update=dict(env or {}))
        return int(status), str(said), str(error)

    target, result = Target(module), Result()
    with target.failures(result):
        rotation = Rotation(target, run, result)
        state = module.params["state"]
        rotation.foreseen(state) if module.check_mode else getattr(rotation, state)()
    if state == "planned":
        result.changed = False
    target.finish(**result.as_dict())


if __name__ == "__main__":
    main()
