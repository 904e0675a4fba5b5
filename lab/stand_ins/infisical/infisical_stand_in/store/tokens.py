# SPDX-License-Identifier: GPL-3.0-or-later
"""Access tokens of machine identities: a signed JWT, and a row by which it ends, counts its uses and is revoked."""

from __future__ import annotations

import datetime
import time
from typing import Any

from .. import crypto
from ..database import Db, Row, as_id
from ..errors import ApiError, unauthorized
from ..web import Actor

GONE = "No identity access token found"


def issue(db: Db, secret: str, identity: Row, method: str, config: Row, **origin: Any) -> tuple[str, Row]:
    """A token under the TTLs (seconds) and the use limit of `config`, the row of an auth method."""
    row = db.insert(
        "identity_access_tokens",
        identityId=identity["id"],
        authMethod=method,
        accessTokenTTL=config["accessTokenTTL"],
        accessTokenMaxTTL=config["accessTokenMaxTTL"],
        accessTokenPeriod=config["accessTokenPeriod"],
        accessTokenNumUsesLimit=config["accessTokenNumUsesLimit"],
        **origin,
    )
    return sign(row, secret), row


def sign(row: Row, secret: str) -> str:
    """The JWT of a token's row; its own `exp` is the maximum TTL, as in the real server."""
    client_secret = row["identityUAClientSecretId"]
    payload = {
        "identityId": str(row["identityId"]),
        "clientSecretId": str(client_secret) if client_secret else "",
        "identityAccessTokenId": str(row["id"]),
        "authTokenType": "identityAccessToken",
    }
    most = row["accessTokenMaxTTL"] or row["accessTokenTTL"]
    return crypto.sign_token(payload, secret, int(time.time()) + most if most else None)


def as_answer(token: str, row: Row) -> dict[str, Any]:
    return {
        "accessToken": token,
        "expiresIn": row["accessTokenTTL"],
        "accessTokenMaxTTL": row["accessTokenMaxTTL"],
        "tokenType": "Bearer",
    }


def find(db: Db, claims: dict[str, Any]) -> Row:
    wanted = as_id(str(claims.get("identityAccessTokenId", "")))
    row = db.one("SELECT * FROM identity_access_tokens WHERE id = %s FOR UPDATE", wanted) if wanted else None
    if row is None:
        raise unauthorized(GONE)
    return row


def identity_actor(db: Db, claims: dict[str, Any]) -> Actor:
    """Who holds this token, counting one use. A token past its end is refused and gone."""
    row = find(db, claims)
    if row["isAccessTokenRevoked"]:
        raise unauthorized("Failed to authorize revoked access token, access token is revoked")
    if is_past(row):
        raise _end(db, row, "Failed to renew MI access token due to TTL expiration")
    limit = row["accessTokenNumUsesLimit"]
    if limit and row["accessTokenNumUses"] >= limit:
        raise _end(db, row, "Unable to renew because access token number of uses limit reached")
    db.run(
        """UPDATE identity_access_tokens SET "accessTokenNumUses" = "accessTokenNumUses" + 1,
           "accessTokenLastUsedAt" = clock_timestamp() WHERE id = %s""",
        row["id"],
    )
    identity = db.the(
        """SELECT i.*, m.role FROM identities i
           JOIN identity_org_memberships m ON m."identityId" = i.id WHERE i.id = %s""",
        row["identityId"],
    )
    return Actor("identity", identity["id"], identity["name"], identity["orgId"], identity["role"])


def is_past(row: Row) -> bool:
    started = row["accessTokenLastRenewedAt"] or row["createdAt"]
    return bool(row["accessTokenTTL"]) and _now() > started + datetime.timedelta(seconds=row["accessTokenTTL"])


def renew(db: Db, claims: dict[str, Any]) -> Row:
    """Begin the TTL anew. Past the maximum TTL the token is refused and gone, as recorded."""
    row = find(db, claims)
    if is_past(row):
        raise _end(db, row, "Failed to renew MI access token due to TTL expiration")
    ends = _now() + datetime.timedelta(seconds=row["accessTokenTTL"])
    most = row["accessTokenMaxTTL"]
    if most and ends > row["createdAt"] + datetime.timedelta(seconds=most):
        raise _end(db, row, "Failed to renew MI access token past its Max TTL expiration")
    return db.update("identity_access_tokens", row["id"], accessTokenLastRenewedAt=_now())


def revoke(db: Db, claims: dict[str, Any]) -> None:
    db.run("DELETE FROM identity_access_tokens WHERE id = %s", find(db, claims)["id"])


def _end(db: Db, row: Row, message: str) -> ApiError:
    db.run("DELETE FROM identity_access_tokens WHERE id = %s", row["id"])
    refusal = unauthorized(message)
    refusal.keeps_changes = True
    return refusal


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.timezone.utc)
