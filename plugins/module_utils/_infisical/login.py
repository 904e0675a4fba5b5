# Copyright: (c) 2026, The omakase.homelab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a login sends and gives. Not loaded where the run's cache has all that is asked for."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from ansible_collections.omakase.homelab.plugins.module_utils._infisical.errors import InfisicalError
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.exchange import Call, Exchange, Json, Kind

_REFUSED = (
    "The credentials were not accepted, and are not tried again: three failures lock an identity for minutes. "
    "Check them, whether the client secret was revoked or has expired, and whether its trusted addresses hold yours."
)
_LONGEST_LIFE = 10**10  # seconds, 300 years: who says more says nothing


@dataclass(frozen=True)
class Token:
    """What a login gives. expires_in: seconds, as the server says; None if it never said."""

    value: str = field(repr=False)
    expires_in: float | None = None


class AuthMethod(Protocol):
    """One way to log in."""

    @property
    def identity(self) -> str:
        """Who logs in, not secret, the same for the same credentials."""

    @property
    def secret(self) -> str:
        """The credential itself, from which the run cache derives its key."""

    @property
    def guessable(self) -> bool:
        """Whether a person chose the secret, so that deriving a key from it has to be slow."""

    def login(self, exchange: Exchange) -> Token:
        """Raises LoginRefusedError if the server does not accept it."""


def login_call(route: str, body: Json, organization_slug: str | None) -> Call:
    if organization_slug:
        body = dict(body, organizationSlug=organization_slug)
    return Call("POST", f"/api/v1/auth/{route}/login", body=body, kind=Kind.LOGIN, advice=_REFUSED)


def token_of(answer: Json) -> Token:
    """expiresIn is the time to live; the exp inside the token is its maximum and says nothing."""
    value = answer.get("accessToken")
    if not isinstance(value, str) or not value:
        raise InfisicalError("The server accepted the login and gave no token.", "Is url the address of Infisical?")
    expires_in = answer.get("expiresIn")
    if not isinstance(expires_in, (int, float)) or not 0 < expires_in <= _LONGEST_LIFE:
        return Token(value)
    return Token(value, float(expires_in))
