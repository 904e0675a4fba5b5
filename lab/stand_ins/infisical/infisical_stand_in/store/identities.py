# SPDX-License-Identifier: GPL-3.0-or-later
"""Machine identities and their ways to authenticate."""

from __future__ import annotations

import datetime
import ipaddress
import json
import uuid
from typing import Any

from .. import crypto
from ..database import Db, Row, as_id
from ..errors import bad_request, not_found, unauthorized
from ..limits import Limits, Lockout
from ..web import Actor, Services
from . import tokens
from .people import ORG_ROLES

ANYWHERE = [{"ipAddress": "0.0.0.0/0"}, {"ipAddress": "::/0"}]
TTL = 2592000
REFUSED = "Invalid credentials"


def create(db: Db, org_id: Any, name: str, role: str, protected: bool = False, metadata: Any = ()) -> Row:
    """A new identity; names need not be unique, so this makes a second one without a word."""
    _require_org_role(role)
    identity = db.insert(
        "identities", name=name, orgId=org_id, hasDeleteProtection=protected, metadata=_with_ids(metadata)
    )
    db.insert("identity_org_memberships", identityId=identity["id"], orgId=org_id, role=role)
    return identity


def _require_org_role(role: str) -> None:
    if role not in ORG_ROLES:
        raise not_found(f"Organization role with slug '{role}' not found")


def _with_ids(metadata: Any) -> str:
    return json.dumps([{"id": str(uuid.uuid4()), **entry} for entry in metadata])


def find(db: Db, actor: Actor, identity_id: str) -> Row:
    """An identity of the caller's organisation with its `role`. Raises 404."""
    wanted = as_id(identity_id)
    row = wanted and db.one(
        """SELECT i.*, m.role, m.id AS "membershipId", m."roleId" FROM identities i
           JOIN identity_org_memberships m ON m."identityId" = i.id WHERE i.id = %s AND i."orgId" = %s""",
        wanted,
        actor.org_id,
    )
    if not row:
        raise not_found(f"Failed to find identity with ID {identity_id}")
    return row


def methods(db: Db, identity_id: Any) -> list[str]:
    rows = db.all(
        """SELECT 'universal-auth' AS method FROM identity_universal_auths WHERE "identityId" = %s
           UNION ALL SELECT 'token-auth' FROM identity_token_auths WHERE "identityId" = %s""",
        identity_id,
        identity_id,
    )
    return [row["method"] for row in rows]


def universal_auth(db: Db, identity: Row) -> Row:
    row = db.one('SELECT * FROM identity_universal_auths WHERE "identityId" = %s', identity["id"])
    if row is None:
        raise bad_request("The identity does not have universal auth")
    return row


def token_auth(db: Db, identity: Row) -> Row:
    row = db.one('SELECT * FROM identity_token_auths WHERE "identityId" = %s', identity["id"])
    if row is None:
        raise bad_request("The identity does not have token auth")
    return row


DEFAULTS = {
    "accessTokenTTL": TTL,
    "accessTokenMaxTTL": TTL,
    "accessTokenNumUsesLimit": 0,
    "accessTokenTrustedIps": ANYWHERE,
}


def attach_universal(db: Db, identity: Row, given: dict[str, Any]) -> Row:
    wanted = {**DEFAULTS, "clientSecretTrustedIps": ANYWHERE, **given}
    return db.insert("identity_universal_auths", identityId=identity["id"], **method_settings(wanted))


def attach_token(db: Db, identity: Row, given: dict[str, Any]) -> Row:
    wanted = {**DEFAULTS, **given}
    return db.insert("identity_token_auths", identityId=identity["id"], **method_settings(wanted))


def update(db: Db, identity: Row, changes: dict[str, Any]) -> Row:
    """Change name, organisation role, delete protection or metadata."""
    values = dict(changes)
    role = values.pop("role", None)
    if role is not None:
        _require_org_role(role)
        db.run('UPDATE identity_org_memberships SET role = %s WHERE "identityId" = %s', role, identity["id"])
    if "metadata" in values:
        values["metadata"] = _with_ids(values["metadata"])
    return db.update("identities", identity["id"], **values)


def method_settings(given: dict[str, Any], present: Row | None = None) -> dict[str, Any]:
    """Columns of an auth method from a request's body. Raises the 400s of the real server."""
    found = dict(given)
    for column in ("clientSecretTrustedIps", "accessTokenTrustedIps"):
        if column in found:
            found[column] = json.dumps(_trusted_ips(found[column]))
    whole = {**(present or {}), **found}
    if whole["accessTokenMaxTTL"] and whole["accessTokenTTL"] > whole["accessTokenMaxTTL"]:
        raise bad_request("Access token TTL cannot be greater than max TTL")
    return found


def _trusted_ips(given: list[dict[str, str]]) -> list[dict[str, Any]]:
    """Only everywhere: anything narrower is a feature of paid plans."""
    found = []
    for entry in given:
        try:
            network = ipaddress.ip_network(entry["ipAddress"], strict=False)
        except ValueError:
            raise bad_request("The IP is not a valid IPv4, IPv6, or CIDR block") from None
        if network.prefixlen:
            raise bad_request(
                "Failed to add IP access range to access token due to plan restriction. "
                "Upgrade plan to add IP access range."
            )
        found.append({"type": f"ipv{network.version}", "prefix": 0, "ipAddress": str(network.network_address)})
    return found


def add_client_secret(db: Db, config: Row, description: str, ttl: int, limit: int) -> tuple[str, Row]:
    """The secret in clear, which is seen here once, and its row."""
    secret = crypto.new_client_secret()
    row = db.insert(
        "identity_ua_client_secrets",
        identityUAId=config["id"],
        description=description,
        clientSecretPrefix=secret[:4],
        clientSecretHash=crypto.hash_secret(secret),
        clientSecretTTL=ttl,
        clientSecretNumUsesLimit=limit,
    )
    return secret, row


def client_secret(db: Db, config: Row, secret_id: str) -> Row:
    wanted = as_id(secret_id)
    row = wanted and db.one(
        'SELECT * FROM identity_ua_client_secrets WHERE id = %s AND "identityUAId" = %s', wanted, config["id"]
    )
    if not row:
        raise not_found(f"Client secret with ID '{secret_id}' not found")
    return row


def lockout_key(config: Row) -> str:
    return f"identity:{config['identityId']}:universal-auth:{config['clientId']}"


def log_in(db: Db, services: Services, client_id: str, secret: str) -> tuple[str, Row]:
    """An access token for a client id and secret. Refusals are counted and lock the method, but not in the v3 era."""
    settings, limits = services.settings, services.limits
    wanted = as_id(client_id)
    config = wanted and db.one('SELECT * FROM identity_universal_auths WHERE "clientId" = %s', wanted)
    if not config:
        if settings.is_current:
            raise unauthorized(REFUSED)
        raise not_found("No identity with specified client ID was found")
    locks = settings.is_current and config["lockoutEnabled"]
    if locks:
        limits.refuse_locked(lockout_key(config))
    found = _matching(db, config, secret)
    if found is None:
        if locks:
            _count_refused(limits, config)
        raise unauthorized(REFUSED)
    _use(db, found)
    if locks:
        limits.clear(lockout_key(config))
    identity = db.the("SELECT * FROM identities WHERE id = %s", config["identityId"])
    return tokens.issue(
        db, settings.auth_secret, identity, "universal-auth", config, identityUAClientSecretId=found["id"]
    )


def _count_refused(limits: Limits, config: Row) -> None:
    lockout = Lockout(
        config["lockoutThreshold"], config["lockoutDurationSeconds"], config["lockoutCounterResetSeconds"]
    )
    limits.count_refused(lockout_key(config), lockout)


def _matching(db: Db, config: Row, secret: str) -> Row | None:
    rows = db.all(
        """SELECT * FROM identity_ua_client_secrets WHERE "identityUAId" = %s AND "clientSecretPrefix" = %s
           AND NOT "isClientSecretRevoked" """,
        config["id"],
        secret[:4],
    )
    return next((row for row in rows if crypto.is_secret(secret, row["clientSecretHash"])), None)


def _use(db: Db, row: Row) -> None:
    """Count one use. Raises 401 for a secret past its TTL (seconds) or its uses."""
    ttl, limit = row["clientSecretTTL"], row["clientSecretNumUsesLimit"]
    ends = row["createdAt"] + datetime.timedelta(seconds=ttl)
    if ttl and datetime.datetime.now(datetime.timezone.utc) > ends:
        raise unauthorized("Access denied due to expired client secret")
    if limit and row["clientSecretNumUses"] >= limit:
        raise unauthorized("Access denied due to client secret usage limit reached")
    db.update("identity_ua_client_secrets", row["id"], clientSecretNumUses=row["clientSecretNumUses"] + 1)
