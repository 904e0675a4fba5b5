# Copyright: (c) 2026, The omakase.homelab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Proving who asks: the two methods that need nothing but options.

A class is a method. Making one from options says what is missing; only login() talks to Infisical.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Optional

from ansible_collections.omakase.homelab.plugins.module_utils._infisical.errors import InfisicalError

if TYPE_CHECKING:
    from ansible_collections.omakase.homelab.plugins.module_utils._infisical.exchange import Exchange
    from ansible_collections.omakase.homelab.plugins.module_utils._infisical.login import Token

Options = Mapping[str, Optional[str]]


def required(method: str, options: Options, *names: str) -> dict[str, str]:
    """The options a method needs. Raises InfisicalError that names all that are missing."""
    missing = [name for name in names if not options.get(name)]
    if missing:
        raise InfisicalError(
            f"The authentication method {method} needs {' and '.join(missing)}.",
            "Give it as an option, or choose another with auth_method.",
        )
    return {name: str(options[name]) for name in names}


class Universal:
    """A machine identity's client id and client secret."""

    guessable = False

    def __init__(self, client_id: str, client_secret: str, organization_slug: str | None = None) -> None:
        self.client_id = client_id
        self.client_secret = client_secret
        self.organization_slug = organization_slug

    @classmethod
    def from_options(cls, options: Options) -> Universal:
        given = required("universal", options, "client_id", "client_secret")
        return cls(given["client_id"], given["client_secret"], options.get("organization_slug"))

    @property
    def identity(self) -> str:
        return f"universal:{self.client_id}:{self.organization_slug or ''}"

    @property
    def secret(self) -> str:
        return self.client_secret

    def login(self, exchange: Exchange) -> Token:
        from ansible_collections.omakase.homelab.plugins.module_utils._infisical.login import login_call, token_of

        body = {"clientId": self.client_id, "clientSecret": self.client_secret}
        return token_of(exchange.send(login_call("universal-auth", body, self.organization_slug)))


class Given:
    """A token that somebody else fetched: used as it is, and cannot be replaced."""

    guessable = False

    def __init__(self, token: str) -> None:
        self.token = token

    @classmethod
    def from_options(cls, options: Options) -> Given:
        return cls(required("token", options, "token")["token"])

    @property
    def identity(self) -> str:
        return "token"

    @property
    def secret(self) -> str:
        return self.token

    def login(self, exchange: Exchange) -> Token:
        from ansible_collections.omakase.homelab.plugins.module_utils._infisical.login import Token

        return Token(self.token)
