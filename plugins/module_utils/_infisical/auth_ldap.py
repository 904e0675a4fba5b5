# Copyright: (c) 2026, The omakase.homelab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Login with a name and a password of an LDAP directory."""

from __future__ import annotations

from dataclasses import dataclass, field

from ansible_collections.omakase.homelab.plugins.module_utils._infisical.auth_core import Options, required
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.exchange import Exchange
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.login import Token, login_call, token_of


@dataclass(frozen=True)
class Ldap:
    """A person's or a service's account in a directory."""

    identity_id: str
    username: str
    password: str = field(repr=False)
    organization_slug: str | None = None
    guessable = True

    @classmethod
    def from_options(cls, options: Options) -> Ldap:
        given = required("ldap", options, "auth_identity_id", "ldap_username", "ldap_password")
        return cls(
            given["auth_identity_id"], given["ldap_username"], given["ldap_password"], options.get("organization_slug")
        )

    @property
    def identity(self) -> str:
        return f"ldap:{self.identity_id}:{self.username}:{self.organization_slug or ''}"

    @property
    def secret(self) -> str:
        return self.password

    def login(self, exchange: Exchange) -> Token:
        body = {"identityId": self.identity_id, "username": self.username, "password": self.password}
        return token_of(exchange.send(login_call("ldap-auth", body, self.organization_slug)))
