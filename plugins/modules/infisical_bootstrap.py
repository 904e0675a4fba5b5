#!/usr/bin/python
# Copyright: (c) 2026, The omakase.homelab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: infisical_bootstrap
short_description: Set up a fresh Infisical server
version_added: 1.0.0
description:
  - Makes the first administrator and the first organisation of a server that has none, without a browser.
  - On a server that is set up already, logs in as that administrator, so that a second run gets the same result and
    changes nothing.
  - Gives back a token of the administrator.
    Use it once, to make a machine identity that manages the rest, and do not keep it.
  - It needs no credentials but these of the administrator. All others are accepted and not used,
    since one C(module_defaults) can set them for all modules of the group.
author:
  - The omakase.homelab authors (@omakase-homelab)
extends_documentation_fragment:
  - omakase.homelab.connection
  - omakase.homelab.auth
  - omakase.homelab.scope.unused
  - omakase.homelab.attributes
  - omakase.homelab.attributes.action_group
options:
  email:
    description: Email address of the administrator.
    type: str
    required: true
  password:
    description: Password of the administrator. It must be the same in every run.
    type: str
    required: true
  organization:
    description: Name of the organisation.
    type: str
    required: true
seealso:
  - module: omakase.homelab.infisical_identity
"""

EXAMPLES = r"""
- name: Set up the server
  omakase.homelab.infisical_bootstrap:
    url: https://vault.example.com
    email: admin@example.com
    password: "{{ infisical_admin_password }}"
    organization: homelab
  register: bootstrap
  no_log: true
"""

RETURN = r"""
user:
  description: The administrator. Not returned in check mode by a server that is not set up.
  returned: when the server is set up
  type: dict
  contains:
    id:
      description: Id of the user; empty where the server does not tell it.
      type: str
      sample: 4defc9ba-7f0b-4e1a-bbe1-244f8f078821
    email:
      description: Email address of the user.
      type: str
      sample: admin@example.com
organization:
  description: The organisation.
  returned: when the server is set up
  type: dict
  contains:
    id:
      description: Id of the organisation.
      type: str
      sample: 180870b7-f464-4740-8ffe-9d11c9245ea7
    name:
      description: Name of the organisation.
      type: str
      sample: homelab
    slug:
      description: Slug of the organisation, made by the server.
      type: str
      sample: homelab-x1y2
token:
  description: An access token that may do everything in the organisation. Put C(no_log) on the task.
  returned: when the server is set up
  type: str
  sample: eyJhbGciOi
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.omakase.homelab.plugins.module_utils._infisical import instance, option_table
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.errors import InfisicalError, LoginRefusedError
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.exchange import Exchange
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.target import Target


def main() -> None:
    module = AnsibleModule(
        argument_spec=dict(
            option_table.CONNECTION,
            **option_table.AUTH,
            **option_table.SCOPE,
            email={"type": "str", "required": True},
            password={"type": "str", "required": True, "no_log": True},
            organization={"type": "str", "required": True},
        ),
        supports_check_mode=True,
    )
    who = instance.Administrator(module.params["email"], module.params["password"], module.params["organization"])
    target = Target(module)
    with target.failures(), target.alone():
        exchange = target.exchange()
        before = instance.is_set_up(exchange)
        diff = {"before": {"set_up": before}, "after": {"set_up": True}}
        if not before and module.check_mode:
            target.finish(changed=True, diff=diff)
        session = log_in(exchange, who) if before else instance.set_up(exchange, who)
        target.finish(changed=not before, diff=diff, **session.as_result())


def log_in(exchange: Exchange, who: instance.Administrator) -> instance.Session:
    try:
        return instance.log_in(exchange, who)
    except LoginRefusedError as refusal:
        raise InfisicalError(
            f"{exchange.base_url} was already set up by someone else, or {who.email} has another password now"
            f" ({refusal.status}).",
            "Give the address and the password that it was set up with, or use a machine identity of its organisation.",
        ) from None


if __name__ == "__main__":
    main()
