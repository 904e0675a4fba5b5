# SPDX-License-Identifier: GPL-3.0-or-later
"""Further users: invited to the organisation by link, as on a server without SMTP, and added to projects."""

from __future__ import annotations

import time
from typing import Any
from urllib.parse import urlencode

from .. import crypto
from ..answers import without
from ..database import as_id
from ..errors import bad_request, permission_denied, unauthorized
from ..permissions import open_project, require_in_org
from ..store import people, projects
from ..validation import name, text, texts
from ..web import PEOPLE, Area, Call
from .instance import NOBODY, user_answer

area = Area()
INVITATION = "organizationInvite"
INVITATION_SECONDS = 24 * 3600


@area.route(
    "POST",
    "/api/v1/invite-org/signup",
    body={
        "inviteeEmails": texts(minimum=1),
        "organizationId": text(clean=str.strip),
        "organizationRoleSlug": name().optional("member"),
    },
)
def invite(call: Call) -> Any:
    require_in_org(call.actor, "create", "member")
    if as_id(call.body["organizationId"]) != call.actor.org_id:
        raise permission_denied("create", "member")
    links = []
    for email in call.body["inviteeEmails"]:
        user = people.invite(call.db, email.strip().lower(), call.actor.org_id, call.body["organizationRoleSlug"])
        payload = {"authTokenType": INVITATION, "userId": str(user["id"])}
        ends = int(time.time()) + INVITATION_SECONDS
        code = crypto.sign_token(payload, call.services.settings.auth_secret, ends)
        query = urlencode({"token": code, "to": user["email"], "organization_id": call.actor.org_id})
        links.append({"email": user["email"], "link": f"{call.services.settings.site_url}/signupinvite?{query}"})
    return {"message": "Send an invite link to each", "completeInviteLinks": links}


@area.route(
    "POST",
    "/api/v1/invite-org/verify",
    actors=NOBODY,
    body={"email": text(clean=str.strip), "organizationId": text(clean=str.strip), "code": text(clean=str.strip)},
)
def verify(call: Call) -> Any:
    user = _invited(call, call.body["code"])
    if user["email"] != call.body["email"].lower():
        raise bad_request("Failed to find user")
    return {"message": "Successfully verified email", "token": call.body["code"], "user": user_answer(user)}


@area.route(
    "POST",
    "/api/v3/signup/complete-account/invite",
    actors=NOBODY,
    body={
        "email": text(clean=str.strip),
        "firstName": name(),
        "lastName": text().optional(""),
        "password": text(minimum=1),
    },
)
def complete(call: Call) -> Any:
    """The Bearer token is the one that verifying gave."""
    user = _invited(call, call.headers.get("authorization", "").partition(" ")[2])
    if user["hashedPassword"]:
        raise bad_request("User has already completed their account")
    user = call.db.update(
        "users",
        user["id"],
        firstName=call.body["firstName"],
        lastName=call.body["lastName"],
        hashedPassword=crypto.hash_secret(call.body["password"]),
    )
    token = people.user_token(user, call.services.settings.auth_secret)
    return {"message": "Successfully set up account", "user": user_answer(user), "token": token}


def _invited(call: Call, code: str) -> dict[str, Any]:
    claims = crypto.read_token(code, call.services.settings.auth_secret)
    user = call.db.one("SELECT * FROM users WHERE id = %s", as_id(str(claims.get("userId"))))
    if claims.get("authTokenType") != INVITATION or user is None:
        raise unauthorized("Invalid invitation")
    return user


@area.route(
    "POST",
    "/api/v1/projects/{projectId}/memberships",
    "/api/v2/workspace/{projectId}/memberships",
    actors=PEOPLE,
    body={"emails": texts().optional([]), "usernames": texts().optional([]), "roleSlugs": texts().optional(["member"])},
)
def add_to_project(call: Call) -> Any:
    project = open_project(call.db, call.actor, call.params["projectId"], "create", "member")
    roles = [{"role": slug} for slug in call.body["roleSlugs"]]
    rows = []
    for username in {*call.body["emails"], *call.body["usernames"]}:
        user = call.db.one("SELECT * FROM users WHERE username = %s", username.strip().lower())
        if user is None or people.find_membership(call.db, user["id"], call.actor.org_id) is None:
            raise bad_request("Some users are not part of org", "AddMembership")
        rows.append(projects.add_member(call.db, project, "user", user["id"], roles))
    return {"memberships": [without(row, "identityId") for row in rows]}
