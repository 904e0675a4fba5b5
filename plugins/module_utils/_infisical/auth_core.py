# Copyright: (c) 2026, The omakase.homelab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Proving who asks: what every method has in common, and the two that need nothing but options.

A class is a method. Making one from options says what is missing; only login() talks to Infisical.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Optional, Protocol

from ansible_collections.omakase.homelab.plugins.module_utils._infisical.errors import InfisicalError

if TYPE_CHECKING:
    from ansible_collections.omakase.homelab.plugins.module_utils._infisical.exchange import Call, Exchange, Json

Options = Mapping[str, Optional[str]]

_REFUSED = (
    "The credentials were not accepted, and are not tried again: three failures lock an identity for minutes. "
    "Check them, whether the client secret was revoked or has expired, and whether its trusted addresses hold yours."
)


@dataclass(frozen=True)
class Token:
    """What a login gives. expires_in: seconds, as the server says; None if it never said."""

    value: str
    expires_in: float | None = None


class AuthMethod(Protocol):
    """One way to log in.

    identity: who logs in, not secret, the same for the same credentials.
    secret: the credential itself, from which the run cache derives its key.
    guessable: a person chose the secret, so that deriving a key from it has to be slow.
    """

    @property
    def identity(self) -> str: ...

    @property
    def secret(self) -> str: ...

    @property
    def guessable(self) -> bool: ...

    def login(self, exchange: Exchange) -> Token:
        """Raises LoginRefusedError if the server does not accept it."""


def login_call(route: str, body: Json, organization_slug: str | None) -> Call:
    # Imported here, and above for types alone: a lookup that is answered by the run's cache does not log in.
    from ansible_collections.omakase.homelab.plugins.module_utils._infisical.exchange import Call, Kind

    if organization_slug:
        body = dict(body, organizationSlug=organization_slug)
    return Call("POST", f"/api/v1/auth/{route}/login", body=body, kind=Kind.LOGIN, advice=_REFUSED)


def token_of(answer: Json) -> Token:
    """expiresIn is the time to live; the exp inside the token is its maximum and says nothing."""
    value = answer.get("accessToken")
    if not isinstance(value, str) or not value:
        raise InfisicalError("The server accepted the login and gave no token.", "Is url the address of Infisical?")
    expires_in = answer.get("expiresIn")
    return Token(value, float(expires_in) if isinstance(expires_in, (int, float)) and expires_in > 0 else None)


def required(method: str, options: Options, *names: str) -> dict[str, str]:
    """The options a method needs. Raises InfisicalError that names all that are missing."""
    missing = [name for name in names if not options.get(name)]
    if missing:
        raise InfisicalError(
            f"The authentication method {method} needs {' and '.join(missing)}.",
            "Give it as an option, or choose another with auth_method.",
        )
    return {name: str(options[name]) for name in names}


@dataclass(frozen=True)
class Universal:
    """A machine identity's client id and client secret."""

    client_id: str
    client_secret: str
    organization_slug: str | None = None
    guessable = False

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
        body = {"clientId": self.client_id, "clientSecret": self.client_secret}
        return token_of(exchange.send(login_call("universal-auth", body, self.organization_slug)))


@dataclass(frozen=True)
class Given:
    """A token that somebody else fetched: used as it is, and cannot be replaced."""

    token: str
    guessable = False

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
        return Token(self.token)
