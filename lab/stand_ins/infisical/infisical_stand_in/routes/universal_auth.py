# SPDX-License-Identifier: GPL-3.0-or-later
"""Universal auth of machine identities: its settings and client secrets."""

from __future__ import annotations

from typing import Any

from ..answers import without
from ..database import Row
from ..errors import bad_request
from ..store import identities
from ..validation import Field, flag, number, objects, text
from ..web import Area, Call
from .identities import find

area = Area()
METHOD = "/api/v1/auth/universal-auth/identities/{identityId}"


def seconds(most: int = 315360000) -> Field:
    too_long = f"Number must be less than or equal to {most}"
    return number(minimum=0, check=lambda value: too_long if value > most else None).optional()


TOKEN_METHOD = {
    "accessTokenTTL": seconds(),
    "accessTokenMaxTTL": seconds(),
    "accessTokenNumUsesLimit": number(minimum=0).optional(),
    "accessTokenTrustedIps": objects({"ipAddress": text(clean=str.strip)}).optional(),
}
UNIVERSAL_METHOD = {
    **TOKEN_METHOD,
    "accessTokenPeriod": seconds(),
    "clientSecretTrustedIps": objects({"ipAddress": text(clean=str.strip)}).optional(),
    "lockoutEnabled": flag().optional(),
    "lockoutThreshold": number(minimum=1).optional(),
    "lockoutDurationSeconds": number(minimum=30).optional(),
    "lockoutCounterResetSeconds": number(minimum=5).optional(),
}
LOCKOUT = ("lockoutEnabled", "lockoutThreshold", "lockoutDurationSeconds", "lockoutCounterResetSeconds")


def _universal_answer(call: Call, row: Row) -> Row:
    return {"identityUniversalAuth": row if call.is_current else without(row, *LOCKOUT, "accessTokenPeriod")}


@area.route("POST", METHOD, body=UNIVERSAL_METHOD)
def attach_universal(call: Call) -> Any:
    identity = find(call, "create")
    if "universal-auth" in identities.methods(call.db, identity["id"]):
        raise bad_request("Failed to add universal auth to already configured identity")
    row = identities.attach_universal(call.db, identity, call.body)
    return _universal_answer(call, row)


@area.route("GET", METHOD)
def get_universal(call: Call) -> Any:
    return _universal_answer(call, identities.universal_auth(call.db, find(call, "read")))


@area.route("PATCH", METHOD, body=UNIVERSAL_METHOD)
def change_universal(call: Call) -> Any:
    row = identities.universal_auth(call.db, find(call, "edit"))
    changes = identities.method_settings(call.body, row)
    return _universal_answer(call, call.db.update("identity_universal_auths", row["id"], **changes))


@area.route("DELETE", METHOD)
def detach_universal(call: Call) -> Any:
    row = identities.universal_auth(call.db, find(call, "delete"))
    call.db.run("DELETE FROM identity_universal_auths WHERE id = %s", row["id"])
    return _universal_answer(call, row)


@area.route("POST", METHOD + "/clear-lockouts")
def clear_lockouts(call: Call) -> Any:
    row = identities.universal_auth(call.db, find(call, "edit"))
    return {"deleted": call.services.limits.clear(identities.lockout_key(row))}


SECRETS = METHOD + "/client-secrets"


def _client_secret_answer(row: Row) -> Row:
    return without(row, "clientSecretHash")


@area.route(
    "POST",
    SECRETS,
    body={
        "description": text(clean=str.strip).optional(""),
        "ttl": seconds(),
        "numUsesLimit": number(minimum=0).optional(0),
    },
)
def create_client_secret(call: Call) -> Any:
    config = identities.universal_auth(call.db, find(call, "edit"))
    body = call.body
    secret, row = identities.add_client_secret(
        call.db, config, body["description"], body.get("ttl", 0), body["numUsesLimit"]
    )
    return {"clientSecret": secret, "clientSecretData": _client_secret_answer(row)}


@area.route("GET", SECRETS)
def list_client_secrets(call: Call) -> Any:
    config = identities.universal_auth(call.db, find(call, "read"))
    rows = call.db.all(
        """SELECT * FROM identity_ua_client_secrets WHERE "identityUAId" = %s AND NOT "isClientSecretRevoked"
           ORDER BY "createdAt", id""",
        config["id"],
    )
    return {"clientSecretData": [_client_secret_answer(row) for row in rows]}


@area.route("GET", SECRETS + "/{secretId}")
def get_client_secret(call: Call) -> Any:
    config = identities.universal_auth(call.db, find(call, "read"))
    row = identities.client_secret(call.db, config, call.params["secretId"])
    return {"clientSecretData": _client_secret_answer(row)}


@area.route("POST", SECRETS + "/{secretId}/revoke")
def revoke_client_secret(call: Call) -> Any:
    config = identities.universal_auth(call.db, find(call, "edit"))
    row = identities.client_secret(call.db, config, call.params["secretId"])
    row = call.db.update("identity_ua_client_secrets", row["id"], isClientSecretRevoked=True)
    return {"clientSecretData": _client_secret_answer(row)}
