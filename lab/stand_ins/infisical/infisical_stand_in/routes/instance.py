# SPDX-License-Identifier: GPL-3.0-or-later
"""The instance itself: health, configuration, the first administrator."""

from __future__ import annotations

import datetime
from typing import Any

from .. import crypto
from ..answers import pick, without
from ..database import Row
from ..errors import bad_request
from ..store import identities, people, tokens
from ..validation import name, text
from ..web import Area, Call

area = Area()
NOBODY: frozenset[str] = frozenset()
# The real token of a bootstrap lives 90 days.
BOOTSTRAP_TTL = 90 * 24 * 3600


@area.route("GET", "/api/status", actors=NOBODY, limit="none")
def status(call: Call) -> Any:
    return {
        "date": datetime.datetime.now(datetime.timezone.utc),
        "message": "Ok",
        "emailConfigured": call.services.settings.smtp_configured,
        "inviteOnlySignup": people.instance(call.db)["allowSignUp"],
        "redisConfigured": bool(call.services.limits.redis.ping()),
        "secretScanningConfigured": False,
    }


@area.route("GET", "/api/v1/admin/config", actors=NOBODY)
def config(call: Call) -> Any:
    row = people.instance(call.db)
    return {
        "config": {
            **pick(row, "id", "initialized", "allowSignUp", "instanceId"),
            "allowedSignUpDomain": None,
            "trustSamlEmails": False,
            "trustLdapEmails": False,
            "trustOidcEmails": False,
            "defaultAuthOrgId": None,
            "enabledLoginMethods": None,
            "isMigrationModeOn": False,
            "defaultAuthOrgSlug": None,
            "isSecretScanningDisabled": False,
        }
    }


def _check_email(value: str) -> str | None:
    return None if "@" in value.strip("@") else "Invalid email"


EMAIL = text(check=_check_email, clean=lambda value: value.strip().lower())


@area.route(
    "POST",
    "/api/v1/admin/bootstrap",
    actors=NOBODY,
    body={"email": EMAIL, "password": text(minimum=1), "organization": name()},
)
def bootstrap(call: Call) -> Any:
    user, org = people.set_up(call.db, **call.body, names=("Admin", "User"), closes_sign_up=True)
    identity = identities.create(call.db, org["id"], "Instance Admin Identity", "admin")
    ttls = {"accessTokenTTL": BOOTSTRAP_TTL, "accessTokenMaxTTL": BOOTSTRAP_TTL}
    method = identities.attach_token(call.db, identity, ttls)
    secret = call.services.settings.auth_secret
    token, _ = tokens.issue(call.db, secret, identity, "token-auth", method, name="Instance Admin Token")
    return {
        "message": "Successfully bootstrapped instance",
        "user": pick(user, "username", "firstName", "lastName", "email", "id", "superAdmin"),
        "organization": pick(org, "id", "name", "slug"),
        "identity": {"id": identity["id"], "name": identity["name"], "credentials": {"token": token}},
    }


@area.route(
    "POST",
    "/api/v1/admin/signup",
    actors=NOBODY,
    body={"email": EMAIL, "firstName": name(), "lastName": text().optional(""), "password": text(minimum=1)},
)
def signup(call: Call) -> Any:
    if people.instance(call.db)["initialized"]:
        raise bad_request("Admin has already been set up", "Admin sign up")
    body = call.body
    names = (body["firstName"], body["lastName"])
    user, org = people.set_up(
        call.db, body["email"], body["password"], "Admin Org", names, closes_sign_up=call.is_current
    )
    return {
        "message": "Successfully set up admin account",
        "user": pick(user_answer(user), *NEW_USER) if call.is_current else user_answer(user),
        "organization": organization_answer(org),
        "token": people.user_token(user, call.services.settings.auth_secret, org["id"]),
        "new": crypto.new_client_secret(),
    }


NEW_USER = ("id", "username", "email", "firstName", "lastName", "authMethods", "isEmailVerified", "publicKey")


def user_answer(user: Row) -> Row:
    return {
        **without(user, "hashedPassword"),
        "authMethods": ["email"],
        "isEmailVerified": False,
        "publicKey": "",
    }


# Every field that the description of the current server lists beside id, name, slug and the dates.
ORGANIZATION_DEFAULTS: Row = {
    "allowSecretSharingOutsideOrganization": True,
    "authEnforced": False,
    "blockDuplicateSecretSyncDestinations": False,
    "bypassOrgAuthEnabled": False,
    "customerId": None,
    "defaultMembershipRole": "member",
    "enforceMfa": False,
    "googleSsoAuthEnforced": False,
    "googleSsoAuthLastUsed": None,
    "kmsDefaultKeyId": None,
    "kmsEncryptedDataKey": None,
    "kmsProductEnabled": True,
    "maxSharedSecretLifetime": 2592000,
    "maxSharedSecretViewLimit": None,
    "parentOrgId": None,
    "pkiProductEnabled": True,
    "privilegeUpgradeInitiatedAt": None,
    "privilegeUpgradeInitiatedByUsername": None,
    "rootOrgId": None,
    "scannerProductEnabled": True,
    "scimEnabled": False,
    "secretShareBrandConfig": None,
    "secretsProductEnabled": True,
    "selectedMfaMethod": None,
    "shareSecretsProductEnabled": True,
    "shouldUseNewPrivilegeSystem": True,
    "sshProductEnabled": True,
    "userTokenExpiration": None,
}


def organization_answer(org: Row) -> Row:
    return {**ORGANIZATION_DEFAULTS, **org}


PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Infisical stand-in</title>
<h1>This is the lab's stand-in for Infisical</h1>
<p>It speaks a part of Infisical's HTTP API over a real PostgreSQL and Redis. It is not Infisical and has no web
interface; use the API under <code>/api</code>.</p></html>
"""


@area.route("GET", "/", actors=NOBODY, limit="none")
def front_page(_: Call) -> Any:
    return PAGE
