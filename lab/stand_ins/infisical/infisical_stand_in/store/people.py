# SPDX-License-Identifier: GPL-3.0-or-later
"""Users, organisations, and the users' tokens."""

from __future__ import annotations

import re
import secrets
import time
from typing import Any

from .. import crypto
from ..database import Db, Row, as_id
from ..errors import bad_request, not_found, unauthorized
from ..web import Actor

ORG_ROLES = ("admin", "member", "no-access")
USER_TOKEN_SECONDS = 10 * 24 * 3600


def instance(db: Db) -> Row:
    return db.the("SELECT * FROM super_admin")


def set_up(
    db: Db, email: str, password: str, organization: str, names: tuple[str, str], *, closes_sign_up: bool
) -> tuple[Row, Row]:
    """The first administrator and the organisation. Raises 400 when the instance has them already."""
    row = db.the("SELECT * FROM super_admin FOR UPDATE")
    if row["initialized"]:
        raise bad_request("Instance has already been set up")
    db.update("super_admin", row["id"], initialized=True, allowSignUp=not closes_sign_up)
    user = db.insert(
        "users",
        username=email,
        email=email,
        firstName=names[0],
        lastName=names[1],
        hashedPassword=crypto.hash_secret(password),
        superAdmin=True,
    )
    org = db.insert("organizations", name=organization, slug=slug_of(organization))
    db.insert("org_memberships", userId=user["id"], orgId=org["id"], role="admin")
    return user, org


def slug_of(name: str) -> str:
    """A slug with a tail that makes it unique."""
    stem = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
    return f"{stem or 'x'}-{secrets.token_hex(2)}"


def log_in(db: Db, email: str, password: str) -> Row:
    user = db.one("SELECT * FROM users WHERE username = %s", email.lower())
    if user is None:
        raise bad_request("User not found")
    if not user["hashedPassword"]:
        raise bad_request("No password found")
    if not crypto.is_secret(password, user["hashedPassword"]):
        raise bad_request("Invalid username or email")
    return user


def invite(db: Db, email: str, org_id: Any, role: str) -> Row:
    """A user without a password yet, in the organisation. Raises 400 for one who is in it already."""
    if role not in ORG_ROLES:
        raise not_found(f"Organization role with slug '{role}' not found")
    user = db.one("SELECT * FROM users WHERE username = %s", email)
    if user and find_membership(db, user["id"], org_id):
        raise bad_request("User is already part of the organization", "InviteUser")
    user = user or db.insert("users", username=email, email=email)
    db.insert("org_memberships", userId=user["id"], orgId=org_id, role=role)
    return user


def user_token(user: Row, secret: str, org_id: Any = None) -> str:
    """A token for ten days; without an organisation it only serves to choose one."""
    payload = {"authMethod": "email", "authTokenType": "accessToken", "userId": str(user["id"])}
    if org_id is not None:
        payload["organizationId"] = str(org_id)
    return crypto.sign_token(payload, secret, int(time.time()) + USER_TOKEN_SECONDS)


def user_actor(db: Db, claims: dict[str, Any]) -> Actor:
    user = db.one("SELECT * FROM users WHERE id = %s", as_id(str(claims.get("userId"))))
    if user is None:
        raise unauthorized("User not found")
    org_id = as_id(str(claims.get("organizationId", "")))
    membership = find_membership(db, user["id"], org_id) if org_id else None
    role = membership["role"] if membership else ""
    return Actor("user", user["id"], user["username"], org_id, role, user["superAdmin"])


def find_membership(db: Db, user_id: Any, org_id: Any) -> Row | None:
    return db.one('SELECT * FROM org_memberships WHERE "userId" = %s AND "orgId" = %s', user_id, org_id)


def organizations(db: Db, user_id: Any) -> list[Row]:
    return db.all(
        'SELECT o.* FROM organizations o JOIN org_memberships m ON m."orgId" = o.id WHERE m."userId" = %s', user_id
    )
