#!/usr/bin/python
# Copyright: (c) 2026, The omakase.homelab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: infisical_client_secret
short_description: Client secrets of an Infisical machine identity
version_added: 1.0.0
description:
  - Makes a client secret for an identity with universal auth, once, and revokes it.
  - The server shows a client secret only when it is made, so it is recognised by its O(description).
  - With O(dest), it is written into a file of the target as soon as it exists, and made anew if that file is lost or
    holds one that is not valid any more.
author:
  - The omakase.homelab authors (@omakase-homelab)
extends_documentation_fragment:
  - omakase.homelab.connection
  - omakase.homelab.auth
  - omakase.homelab.scope.unused
  - omakase.homelab.attributes
  - omakase.homelab.attributes.action_group
options:
  identity_id:
    description: Id of the identity.
    type: str
    required: true
  description:
    description: What the client secret is for. Choose one for each place that keeps it.
    type: str
    required: true
  ttl:
    description:
      - Seconds that a new client secret is valid; V(0) is for ever.
      - With any other number, a valid one that was made with another O(ttl) is replaced.
    type: int
    default: 0
  num_uses_limit:
    description:
      - How often a new client secret can be used to log in; V(0) is no limit.
      - With any other number, a valid one that was made with another limit is replaced.
    type: int
    default: 0
  renew_before:
    description:
      - A client secret that ends within that many seconds is followed by a new one.
        The old one works on until its end.
    type: int
    default: 0
  renew_uses:
    description: The same for one with that many uses left, or fewer.
    type: int
    default: 0
  dest:
    description:
      - File on the target that keeps the client secret, readable by its owner alone, in a directory that exists.
      - It holds a JSON object with C(client_id), C(client_secret), C(client_secret_id), C(identity_id)
        and C(description).
    type: path
  rotate:
    description: Make a new client secret even though a valid one exists.
    type: bool
    default: false
  rotate_after:
    description: Days after which a valid one is followed by a new one; V(0) is never.
    type: int
    default: 0
  prove:
    description:
      - Log in with a new one before it is kept and before older ones are revoked.
        One that does not work is revoked, and everything else stays as it was.
    type: bool
    default: false
  revoke_superseded:
    description:
      - Revoke all of that description but the one in O(dest), also where no new one is made.
        It ends an O(overlap), once everybody has the new one.
    type: bool
    default: false
  overlap:
    description:
      - How many older client secrets of the same description stay valid when a new one is made, the newest first.
      - V(1) lets those who use the old one go on until they have the new one.
    type: int
    default: 0
  state:
    description: V(absent) revokes all client secrets of that description and deletes O(dest).
    type: str
    choices: [present, absent]
    default: present
"""

EXAMPLES = r"""
- name: A client secret for the deployment, kept on this host
  omakase.homelab.infisical_client_secret:
    url: https://vault.example.com
    token: "{{ bootstrap.token }}"
    identity_id: "{{ deployment.identity.id }}"
    description: omakase host
    dest: /etc/omakase/infisical.json

- name: Replace it, and let the old one work until the next rotation
  omakase.homelab.infisical_client_secret:
    url: https://vault.example.com
    token: "{{ bootstrap.token }}"
    identity_id: "{{ deployment.identity.id }}"
    description: omakase host
    dest: /etc/omakase/infisical.json
    rotate: true
    overlap: 1
"""

RETURN = r"""
client_id:
  description: Client id of the identity.
  returned: always
  type: str
  sample: 80b7f392-331f-427c-93d8-44b9f924dbd3
client_secret_id:
  description: Id of the valid client secret; empty in check mode if it does not exist yet.
  returned: when O(state=present)
  type: str
  sample: c967ba58-ee31-406c-857f-3d035126fdf3
client_secret:
  description: The client secret. Put C(no_log) on the task.
  returned: when it was made and O(dest) is not given
  type: str
  sample: 8cc3f0…
age_days:
  description: Whole days since the one was made that was valid until now; none if there was none.
  returned: when O(state=present)
  type: int
  sample: 12
superseded:
  description: Ids of others of that description that are not revoked.
  returned: when O(state=present)
  type: list
  elements: str
  sample: []
revoked:
  description: Ids of client secrets that were revoked.
  returned: always
  type: list
  elements: str
  sample: []
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.omakase.homelab.plugins.module_utils._infisical import client_secret_plan, option_table
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.kept_secret import KeptSecret
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.target import Target


def main() -> None:
    module = AnsibleModule(
        argument_spec=dict(
            option_table.CONNECTION,
            **option_table.AUTH,
            **option_table.SCOPE,
            identity_id={"type": "str", "required": True},
            description={"type": "str", "required": True},
            ttl={"type": "int", "default": 0},
            num_uses_limit={"type": "int", "default": 0},
            renew_before={"type": "int", "default": 0},
            renew_uses={"type": "int", "default": 0},
            dest={"type": "path"},
            rotate={"type": "bool", "default": False},
            rotate_after={"type": "int", "default": 0},
            prove={"type": "bool", "default": False},
            revoke_superseded={"type": "bool", "default": False},
            overlap={"type": "int", "default": 0},
            state={"type": "str", "choices": ["present", "absent"], "default": "present"},
        ),
        required_if=[("revoke_superseded", True, ("dest",))],
        supports_check_mode=True,
    )
    target = Target(module)
    with target.failures(), target.alone():
        client = target.client()
        client_secret_plan.refuse_endless_renewal(module.params)
        kept = KeptSecret(module, module.params["dest"]) if module.params["dest"] else None
        found = client_secret_plan.find(client, module.params, kept)
        steps = client_secret_plan.plan_client_secret(module.params, found)
        result = steps.preview(found) if module.check_mode else steps.perform(client, found, kept)
        target.finish(changed=bool(steps), diff=steps.as_diff(), **result)


if __name__ == "__main__":
    main()
