# SPDX-License-Identifier: GPL-3.0-or-later
"""Logging in: users with a password, machine identities, and what becomes of the identities' tokens."""

from __future__ import annotations

from typing import Any

from .. import crypto
from ..database import as_id
from ..errors import ApiError, not_found, unauthorized
from ..store import identities, people, tokens
from ..validation import text
from ..web import PEOPLE, Area, Call
from .instance import NOBODY, organization_answer, user_answer

area = Area()


@area.route("POST", "/api/v3/auth/login", actors=NOBODY, body={"email": text(clean=str.strip), "password": text()})
def log_in(call: Call) -> Any:
    user = people.log_in(call.db, call.body["email"], call.body["password"])
    return {"accessToken": people.user_token(user, call.services.settings.auth_secret)}


@area.route("POST", "/api/v3/auth/select-organization", actors=PEOPLE, body={"organizationId": text(clean=str.strip)})
def select_organization(call: Call) -> Any:
    if not call.headers.get("user-agent"):
        raise unauthorized("User-Agent header is required")
    wanted = as_id(call.body["organizationId"])
    if wanted is None or people.find_membership(call.db, call.actor.id, wanted) is None:
        raise ApiError(
            403,
            "ForbiddenError",
            f"User does not have access to the organization with ID {call.body['organizationId']}",
        )
    user = call.db.the("SELECT * FROM users WHERE id = %s", call.actor.id)
    return {"isMfaEnabled": False, "token": people.user_token(user, call.services.settings.auth_secret, wanted)}


@area.route("GET", "/api/v1/user", "/api/v2/users/me", actors=PEOPLE)
def me(call: Call) -> Any:
    user = call.db.the("SELECT * FROM users WHERE id = %s", call.actor.id)
    return {"user": user_answer(user)}


@area.route("GET", "/api/v1/organization", "/api/v2/users/me/organizations", actors=PEOPLE)
def organizations(call: Call) -> Any:
    found = people.organizations(call.db, call.actor.id)
    return {"organizations": [{**organization_answer(org), "orgAuthMethod": "", "userRole": "admin"} for org in found]}


@area.route("GET", "/api/v1/organization/{organizationId}")
def organization(call: Call) -> Any:
    wanted = as_id(call.params["organizationId"])
    org = call.db.one("SELECT * FROM organizations WHERE id = %s", wanted) if wanted == call.actor.org_id else None
    if org is None:
        raise not_found(f"Organization with ID '{call.params['organizationId']}' not found")
    return {"organization": organization_answer(org)}


@area.route(
    "POST",
    "/api/v1/auth/universal-auth/login",
    actors=NOBODY,
    body={"clientId": text(clean=str.strip), "clientSecret": text(clean=str.strip)},
)
def universal_auth_login(call: Call) -> Any:
    token, row = identities.log_in(call.db, call.services, call.body["clientId"], call.body["clientSecret"])
    return tokens.as_answer(token, row)


@area.route("POST", "/api/v1/auth/token/renew", actors=NOBODY, body={"accessToken": text(clean=str.strip)})
def renew_token(call: Call) -> Any:
    token = call.body["accessToken"]
    claims = crypto.read_token(token, call.services.settings.auth_secret)
    return tokens.as_answer(token, tokens.renew(call.db, claims))


@area.route("POST", "/api/v1/auth/token/revoke", actors=NOBODY, body={"accessToken": text(clean=str.strip)})
def revoke_token(call: Call) -> Any:
    tokens.revoke(call.db, crypto.read_token(call.body["accessToken"], call.services.settings.auth_secret))
    return {"message": "Successfully revoked access token"}
