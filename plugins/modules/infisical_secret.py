#!/usr/bin/python
# Copyright: (c) 2026, The omakase.homelab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: infisical_secret
short_description: Secrets in a folder of Infisical
version_added: 1.0.0
description:
  - Creates, updates and deletes secrets of one folder, as many as are listed, with one read and the fewest writes.
  - By default an existing secret is never touched, so that passwords can be generated once and changed by hand later.
  - A value never comes back, neither in the result nor in a diff. Put C(no_log) on the task all the same,
    since Ansible itself shows the arguments of a task that it cannot template.
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
  secrets:
    description: The secrets.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: Name of the secret. It must not be empty or hold a colon.
        type: str
        required: true
      value:
        description:
          - The value, byte for byte. An empty one is a value.
          - Blanks at its ends are refused, since the server would drop them; one newline at the end is kept.
        type: str
      generate:
        description: Makes a random value if the secret does not exist. An existing one is never replaced.
        type: dict
        suboptions:
          kind:
            description: Which characters the value is made of.
            type: str
            choices:
              alphanumeric: Letters and digits.
              hex: Lower case hexadecimal digits.
              digits: Digits.
              base64: Random bytes in base64. A length that is a multiple of four can be decoded.
              base64url: The same in the alphabet for addresses.
              alphabet: The characters of O(secrets[].generate.alphabet).
            default: alphanumeric
          length:
            description: How many characters the value has.
            type: int
            default: 32
          alphabet:
            description: Characters to choose from, for the kind V(alphabet); no blanks and no C($).
            type: str
      comment:
        description: A comment that is kept with the secret.
        type: str
      tags:
        description: Slugs of all tags that the secret is to have; the tags must exist in the project.
        type: list
        elements: str
      metadata:
        description: All metadata that the secret is to have. Servers of 2024 do not keep it.
        type: dict
      state:
        description: Whether the secret is to be there.
        type: str
        choices: [present, absent]
        default: present
  overwrite:
    description:
      - Whether an existing secret that differs is changed.
      - With V(false) it is left wholly alone, its comment and tags included.
    type: bool
    default: false
seealso:
  - plugin: omakase.homelab.infisical
    plugin_type: lookup
"""

EXAMPLES = r"""
- name: The secrets that the database needs
  omakase.homelab.infisical_secret:
    url: https://vault.example.com
    client_id: "{{ client_id }}"
    client_secret: "{{ client_secret }}"
    project_id: "{{ project_id }}"
    environment: prod
    path: /db
    secrets:
      - name: POSTGRES_USER
        value: omakase
      - name: POSTGRES_PASSWORD
        generate:
          length: 40
        comment: made by Ansible
      - name: ENCRYPTION_KEY
        generate:
          kind: hex
  no_log: true

- name: Change one, and remove another
  omakase.homelab.infisical_secret:
    url: https://vault.example.com
    client_id: "{{ client_id }}"
    client_secret: "{{ client_secret }}"
    project_id: "{{ project_id }}"
    overwrite: true
    secrets:
      - name: LOG_LEVEL
        value: info
      - name: OLD_TOKEN
        state: absent
  no_log: true
"""

RETURN = r"""
created:
  description: Names of secrets that did not exist.
  returned: always
  type: list
  elements: str
  sample: [POSTGRES_PASSWORD]
updated:
  description: Names of secrets that were changed.
  returned: always
  type: list
  elements: str
  sample: []
deleted:
  description: Names of secrets that were removed.
  returned: always
  type: list
  elements: str
  sample: []
unchanged:
  description: Names of secrets that were left as they are.
  returned: always
  type: list
  elements: str
  sample: [POSTGRES_USER]
awaiting_approval:
  description: Names of secrets whose change the server keeps until somebody approves it. They are B(not) applied.
  returned: always
  type: list
  elements: str
  sample: []
project_id:
  description: Id of the project.
  returned: always
  type: str
  sample: 29fe0179-dde7-40be-846a-5cfac2fdd2c9
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.omakase.homelab.plugins.module_utils._infisical import option_table, secret_module
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.generate import ALPHABETS, ENCODINGS
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.target import Target

GENERATE = {
    "kind": {"type": "str", "choices": [*ALPHABETS, *ENCODINGS, "alphabet"], "default": "alphanumeric"},
    "length": {"type": "int", "default": 32},
    "alphabet": {"type": "str"},
}
SECRET = {
    "name": {"type": "str", "required": True},
    "value": {"type": "str", "no_log": True},
    "generate": {"type": "dict", "options": GENERATE},
    "comment": {"type": "str"},
    "tags": {"type": "list", "elements": "str"},
    "metadata": {"type": "dict"},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
}


def main() -> None:
    module = AnsibleModule(
        argument_spec=dict(
            option_table.CONNECTION,
            **option_table.AUTH,
            **option_table.SCOPE,
            secrets={
                "type": "list",
                "elements": "dict",
                "required": True,
                "no_log": False,
                "options": SECRET,
                "mutually_exclusive": [("value", "generate")],
                "required_if": [("state", "present", ("value", "generate"), True)],
            },
            overwrite={"type": "bool", "default": False},
        ),
        mutually_exclusive=[("project_id", "project_slug")],
        required_one_of=[("project_id", "project_slug")],
        supports_check_mode=True,
    )
    result = secret_module.Result()
    target = Target(module)
    with target.failures(result):
        secret_module.run(target, result)
    target.finish(**result.as_dict())


if __name__ == "__main__":
    main()
