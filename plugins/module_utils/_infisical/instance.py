# Copyright: (c) 2026, The omakase.homelab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A fresh server's first administrator and organisation, and that administrator's session."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from typing import Any

from ansible_collections.omakase.homelab.plugins.module_utils._infisical.errors import InfisicalError, LoginRefusedError
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.exchange import (
    Call,
    Exchange,
    Json,
    Kind,
    get,
    write,
)
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.model import record, records, text


@dataclass(frozen=True)
class Administrator:
    """Who sets the server up."""

    email: str
    password: str
    organization: str


@dataclass(frozen=True)
class Session:
    """What the administrator gets: a token that acts for the organisation."""

    user: dict[str, str]
    organization: dict[str, str]
    token: str

    def as_result(self) -> dict[str, Any]:
        return {"user": self.user, "organization": self.organization, "token": self.token}


def is_set_up(exchange: Exchange) -> bool:
    """Whether the server has an administrator already."""
    config = record(exchange.send(get("/api/v1/admin/config")), "config")
    return config.get("initialized") is True


def describe(exchange: Exchange) -> Json:
    """What a server tells of itself without a login. Raises InfisicalError if it does not answer."""
    status = exchange.send(get("/api/status"))
    return {
        "url": exchange.base_url,
        "healthy": text(status, "message") == "Ok",
        "set_up": is_set_up(exchange),
        "email_configured": status.get("emailConfigured") is True,
        "redis_configured": status.get("redisConfigured") is True,
    }


def set_up(exchange: Exchange, who: Administrator) -> Session:
    """Makes administrator and organisation. Raises InfisicalError, on servers before 2025 as well.

    The answer's own token belongs to a machine identity, and some releases refuse it at once ("exceeded max age"): the
    administrator's session is taken, so that the first run and all later ones act as the same person. Where the server
    does not let the administrator in by password, the identity's token is the one that is left.
    """
    body: Json = {"email": who.email, "password": who.password, "organization": who.organization}
    try:
        answer = exchange.send(write("POST", "/api/v1/admin/bootstrap", body))
    except InfisicalError as error:
        if error.unknown_route:
            raise InfisicalError(
                f"{exchange.base_url} cannot be set up through its API: it is older than that.",
                "Use a current release, or make the first administrator in the browser.",
            ) from None
        raise
    try:
        return log_in(exchange, who)
    except LoginRefusedError:
        token = text(record(record(answer, "identity"), "credentials"), "token")
        return Session(_user(record(answer, "user")), _organization(record(answer, "organization")), token)


def log_in(exchange: Exchange, who: Administrator) -> Session:
    """The administrator's session in the organisation. Raises LoginRefusedError if that is not the administrator."""
    body: Json = {"email": who.email, "password": who.password}
    first = text(exchange.send(Call("POST", "/api/v3/auth/login", body=body, kind=Kind.LOGIN)), "accessToken")
    organization = _choose(records(exchange.send(get("/api/v1/organization"), first), "organizations"), who)
    choice: Json = {"organizationId": text(organization, "id")}
    selected = exchange.send(Call("POST", "/api/v3/auth/select-organization", body=choice, kind=Kind.LOGIN), first)
    if selected.get("isMfaEnabled"):
        raise InfisicalError(
            f"{exchange.base_url} asks {who.email} for a second factor.",
            "Use a machine identity from here on: give its client_id and client_secret to the other modules.",
        )
    token = text(selected, "token")
    user = {"id": _claims(token).get("userId", ""), "email": who.email}
    return Session(user, _organization(organization), token)


def _choose(organizations: list[Json], who: Administrator) -> Json:
    for organization in organizations:
        if who.organization in (text(organization, "name"), text(organization, "slug")):
            return organization
    if len(organizations) == 1:  # renamed since
        return organizations[0]
    names = ", ".join(text(organization, "name") for organization in organizations) or "none"
    raise InfisicalError(
        f"{who.email} belongs to no organisation {who.organization}; it belongs to: {names}.",
        "Give one of these as organization.",
    )


def _user(item: Json) -> dict[str, str]:
    return {"id": text(item, "id"), "email": text(item, "email")}


def _organization(item: Json) -> dict[str, str]:
    return {"id": text(item, "id"), "name": text(item, "name"), "slug": text(item, "slug")}


def _claims(token: str) -> dict[str, str]:
    """What a token says of itself; nothing if it is no JWT. Only used for the user's id, which is no secret."""
    middle = token.split(".")[1] if token.count(".") == 2 else ""
    try:
        claims = json.loads(base64.urlsafe_b64decode(middle + "=" * (-len(middle) % 4)))
    except ValueError:
        return {}
    return {name: value for name, value in claims.items() if isinstance(value, str)} if isinstance(claims, dict) else {}
