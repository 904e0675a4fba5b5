# SPDX-License-Identifier: GPL-3.0-or-later
"""Machine identities, universal and token authentication, and their places in projects."""

from __future__ import annotations

from typing import Any

from ..answers import pick, without
from ..database import Row, as_id
from ..errors import bad_request, not_found, permission_denied
from ..permissions import open_project, require_in_org
from ..store import identities, projects, tokens
from ..validation import Field, anything, counted, flag, name, number, objects, text
from ..web import Area, Call

area = Area()
METADATA = objects({"key": text(), "value": text()})
UNIVERSAL = "/api/v1/auth/universal-auth/identities/{identityId}"
BY_TOKEN = "/api/v1/auth/token-auth/identities/{identityId}"  # noqa: S105 - a path


def _seconds(most: int = 315360000) -> Field:
    too_long = f"Number must be less than or equal to {most}"
    return number(minimum=0, check=lambda value: too_long if value > most else None).optional()


TOKEN_METHOD = {
    "accessTokenTTL": _seconds(),
    "accessTokenMaxTTL": _seconds(),
    "accessTokenNumUsesLimit": number(minimum=0).optional(),
    "accessTokenTrustedIps": objects({"ipAddress": text(clean=str.strip)}).optional(),
}
UNIVERSAL_METHOD = {
    **TOKEN_METHOD,
    "accessTokenPeriod": _seconds(),
    "clientSecretTrustedIps": objects({"ipAddress": text(clean=str.strip)}).optional(),
    "lockoutEnabled": flag().optional(),
    "lockoutThreshold": number(minimum=1).optional(),
    "lockoutDurationSeconds": number(minimum=30).optional(),
    "lockoutCounterResetSeconds": number(minimum=5).optional(),
}
LOCKOUT = ("lockoutEnabled", "lockoutThreshold", "lockoutDurationSeconds", "lockoutCounterResetSeconds")


def identity_answer(call: Call, row: Row) -> Row:
    found = pick(row, "id", "name", "createdAt", "updatedAt")
    methods = identities.methods(call.db, row["id"])
    if not call.is_current:
        return {**found, "authMethod": methods[0] if methods else None}
    return {
        **found,
        **pick(row, "orgId", "hasDeleteProtection", "metadata"),
        "projectId": None,
        "authMethod": methods[0] if methods else None,
        "authMethods": methods,
    }


def short_answer(call: Call, row: Row) -> Row:
    """An identity inside a membership."""
    methods = identities.methods(call.db, row["id"])
    found = {**pick(row, "name", "id"), "authMethod": methods[0] if methods else None}
    if call.is_current:
        found |= {"authMethods": methods, "orgId": row["orgId"], "hasDeleteProtection": row["hasDeleteProtection"]}
    return found


def org_membership_answer(call: Call, row: Row) -> Row:
    return {
        "id": row["membershipId"],
        **pick(row, "role", "roleId", "orgId", "createdAt", "updatedAt"),
        "identityId": row["id"],
        "identity": short_answer(call, row),
    }


@area.route(
    "POST",
    "/api/v1/identities",
    body={
        "name": name(),
        "organizationId": text(clean=str.strip),
        "role": name().optional("no-access"),
        "hasDeleteProtection": flag().optional(False),
        "metadata": METADATA.optional([]),
    },
)
def create(call: Call) -> Any:
    body = call.body
    require_in_org(call.actor, "create", "identity")
    _require_own_org(call, body["organizationId"])
    row = identities.create(
        call.db, call.actor.org_id, body["name"], body["role"], body["hasDeleteProtection"], body["metadata"]
    )
    return {"identity": identity_answer(call, row)}


@area.route(
    "GET", "/api/v1/identities", limit="write", query={"orgId": text().optional(), "organizationId": text().optional()}
)
def list_all(call: Call) -> Any:
    require_in_org(call.actor, "read", "identity")
    _require_own_org(call, call.query.get("orgId") or call.query.get("organizationId") or str(call.actor.org_id))
    rows = call.db.all(
        """SELECT i.*, m.role, m.id AS "membershipId", m."roleId" FROM identities i
           JOIN identity_org_memberships m ON m."identityId" = i.id WHERE i."orgId" = %s ORDER BY i.name, i.id""",
        call.actor.org_id,
    )
    return {"identities": [org_membership_answer(call, row) for row in rows], "totalCount": len(rows)}


def _require_own_org(call: Call, org_id: str) -> None:
    if as_id(org_id) != call.actor.org_id:
        raise permission_denied("read", "identity")


@area.route("GET", "/api/v1/identities/{identityId}")
def get(call: Call) -> Any:
    require_in_org(call.actor, "read", "identity")
    row = identities.find(call.db, call.actor, call.params["identityId"])
    return {"identity": {**org_membership_answer(call, row), "metadata": row["metadata"]}}


@area.route(
    "PATCH",
    "/api/v1/identities/{identityId}",
    body={
        "name": name().optional(),
        "role": name().optional(),
        "hasDeleteProtection": flag().optional(),
        "metadata": METADATA.optional(),
    },
)
def change(call: Call) -> Any:
    require_in_org(call.actor, "edit", "identity")
    row = identities.find(call.db, call.actor, call.params["identityId"])
    return {"identity": identity_answer(call, identities.update(call.db, row, call.body))}


@area.route("DELETE", "/api/v1/identities/{identityId}")
def delete(call: Call) -> Any:
    require_in_org(call.actor, "delete", "identity")
    row = identities.find(call.db, call.actor, call.params["identityId"])
    if row["hasDeleteProtection"]:
        raise bad_request("Identity has delete protection")
    answer = identity_answer(call, row)
    call.db.run("DELETE FROM identities WHERE id = %s", row["id"])
    return {"identity": answer}


def _find(call: Call, action: str) -> Row:
    require_in_org(call.actor, action, "identity")
    return identities.find(call.db, call.actor, call.params["identityId"])


def _universal_answer(call: Call, row: Row) -> Row:
    return {"identityUniversalAuth": row if call.is_current else without(row, *LOCKOUT, "accessTokenPeriod")}


@area.route("POST", UNIVERSAL, body=UNIVERSAL_METHOD)
def attach_universal(call: Call) -> Any:
    identity = _find(call, "create")
    if "universal-auth" in identities.methods(call.db, identity["id"]):
        raise bad_request("Failed to add universal auth to already configured identity")
    row = identities.attach_universal(call.db, identity, call.body)
    return _universal_answer(call, row)


@area.route("GET", UNIVERSAL)
def get_universal(call: Call) -> Any:
    return _universal_answer(call, identities.universal_auth(call.db, _find(call, "read")))


@area.route("PATCH", UNIVERSAL, body=UNIVERSAL_METHOD)
def change_universal(call: Call) -> Any:
    row = identities.universal_auth(call.db, _find(call, "edit"))
    changes = identities.method_settings(call.body, row)
    return _universal_answer(call, call.db.update("identity_universal_auths", row["id"], **changes))


@area.route("DELETE", UNIVERSAL)
def detach_universal(call: Call) -> Any:
    row = identities.universal_auth(call.db, _find(call, "delete"))
    call.db.run("DELETE FROM identity_universal_auths WHERE id = %s", row["id"])
    return _universal_answer(call, row)


@area.route("POST", UNIVERSAL + "/clear-lockouts")
def clear_lockouts(call: Call) -> Any:
    row = identities.universal_auth(call.db, _find(call, "edit"))
    return {"deleted": call.services.limits.clear(identities.lockout_key(row))}


SECRETS = UNIVERSAL + "/client-secrets"


def _client_secret_answer(row: Row) -> Row:
    return without(row, "clientSecretHash")


@area.route(
    "POST",
    SECRETS,
    body={
        "description": text(clean=str.strip).optional(""),
        "ttl": _seconds(),
        "numUsesLimit": number(minimum=0).optional(0),
    },
)
def create_client_secret(call: Call) -> Any:
    config = identities.universal_auth(call.db, _find(call, "edit"))
    body = call.body
    secret, row = identities.add_client_secret(
        call.db, config, body["description"], body.get("ttl", 0), body["numUsesLimit"]
    )
    return {"clientSecret": secret, "clientSecretData": _client_secret_answer(row)}


@area.route("GET", SECRETS)
def list_client_secrets(call: Call) -> Any:
    config = identities.universal_auth(call.db, _find(call, "read"))
    rows = call.db.all(
        """SELECT * FROM identity_ua_client_secrets WHERE "identityUAId" = %s AND NOT "isClientSecretRevoked"
           ORDER BY "createdAt", id""",
        config["id"],
    )
    return {"clientSecretData": [_client_secret_answer(row) for row in rows]}


@area.route("GET", SECRETS + "/{secretId}")
def get_client_secret(call: Call) -> Any:
    config = identities.universal_auth(call.db, _find(call, "read"))
    row = identities.client_secret(call.db, config, call.params["secretId"])
    return {"clientSecretData": _client_secret_answer(row)}


@area.route("POST", SECRETS + "/{secretId}/revoke")
def revoke_client_secret(call: Call) -> Any:
    config = identities.universal_auth(call.db, _find(call, "edit"))
    row = identities.client_secret(call.db, config, call.params["secretId"])
    row = call.db.update("identity_ua_client_secrets", row["id"], isClientSecretRevoked=True)
    return {"clientSecretData": _client_secret_answer(row)}


@area.route("POST", BY_TOKEN, body=TOKEN_METHOD)
def attach_token(call: Call) -> Any:
    identity = _find(call, "create")
    if "token-auth" in identities.methods(call.db, identity["id"]):
        raise bad_request("Failed to add Token Auth to already configured identity")
    return {"identityTokenAuth": identities.attach_token(call.db, identity, call.body)}


@area.route("GET", BY_TOKEN)
def get_token_method(call: Call) -> Any:
    return {"identityTokenAuth": identities.token_auth(call.db, _find(call, "read"))}


@area.route("DELETE", BY_TOKEN)
def detach_token(call: Call) -> Any:
    row = identities.token_auth(call.db, _find(call, "delete"))
    call.db.run("DELETE FROM identity_token_auths WHERE id = %s", row["id"])
    return {"identityTokenAuth": row}


@area.route(
    "POST",
    BY_TOKEN + "/tokens",
    body={"name": text(clean=str.strip).optional(), "organizationSlug": text().optional()},
)
def create_token(call: Call) -> Any:
    identity = _find(call, "edit")
    config = identities.token_auth(call.db, identity)
    secret = call.services.settings.auth_secret
    token, row = tokens.issue(call.db, secret, identity, "token-auth", config, name=call.body.get("name"))
    return {**tokens.as_answer(token, row), "tokenData": row}


@area.route("GET", BY_TOKEN + "/tokens", query={"offset": counted(), "limit": counted()})
def list_tokens(call: Call) -> Any:
    identity = _find(call, "read")
    rows = call.db.all(
        """SELECT * FROM identity_access_tokens WHERE "identityId" = %s AND "authMethod" = 'token-auth'
           ORDER BY "createdAt", id OFFSET %s LIMIT %s""",
        identity["id"],
        call.query.get("offset") or 0,
        call.query.get("limit") or 20,
    )
    return {"tokens": rows}


@area.route("POST", "/api/v1/auth/token-auth/tokens/{tokenId}/revoke")
def revoke_token(call: Call) -> Any:
    require_in_org(call.actor, "edit", "identity")
    wanted = as_id(call.params["tokenId"])
    row = wanted and call.db.one(
        """DELETE FROM identity_access_tokens t USING identities i
           WHERE t.id = %s AND i.id = t."identityId" AND i."orgId" = %s RETURNING 1""",
        wanted,
        call.actor.org_id,
    )
    if not row:
        raise not_found(f"Token with ID '{call.params['tokenId']}' not found")
    return {"message": "Successfully revoked access token"}


MEMBERSHIPS = (
    "/api/v1/projects/{projectId}/memberships/identities",
    "/api/v2/workspace/{projectId}/identity-memberships",
)
MEMBERSHIP = tuple(f"{path}/{{identityId}}" for path in MEMBERSHIPS)
ROLES = {
    "role": text(clean=str.strip).optional(),
    "roles": objects({"role": text(), "isTemporary": anything()}).optional(),
}


def _wanted_roles(body: Row) -> list[Row]:
    found = body.get("roles") or [{"role": body.get("role") or "no-access"}]
    if any(role.get("isTemporary") for role in found):
        raise bad_request("Failed to set temporary role due to plan restriction. Upgrade plan to set temporary roles.")
    return list(found)


@area.route("POST", *MEMBERSHIP, body=ROLES)
def add_member(call: Call) -> Any:
    project = open_project(call.db, call.actor, call.params["projectId"], "create", "identity")
    identity = identities.find(call.db, call.actor, call.params["identityId"])
    if projects.member(call.db, project, identity):
        raise bad_request(f"Identity with ID {identity['id']} already exists in project with ID {project['id']}")
    row = projects.add_member(call.db, project, "identity", identity["id"], _wanted_roles(call.body))
    return {"identityMembership": pick(row, "id", "projectId", "identityId", "createdAt", "updatedAt")}


@area.route("PATCH", *MEMBERSHIP, body=ROLES)
def change_member(call: Call) -> Any:
    project = open_project(call.db, call.actor, call.params["projectId"], "edit", "identity")
    row = _membership(call, project)
    return {"roles": projects.set_roles(call.db, project, row, _wanted_roles(call.body))}


@area.route("GET", *MEMBERSHIP)
def get_member(call: Call) -> Any:
    project = open_project(call.db, call.actor, call.params["projectId"], "read", "identity")
    return {"identityMembership": _membership_answer(call, project, _membership(call, project))}


@area.route("DELETE", *MEMBERSHIP)
def remove_member(call: Call) -> Any:
    project = open_project(call.db, call.actor, call.params["projectId"], "delete", "identity")
    row = _membership(call, project)
    call.db.run("DELETE FROM project_memberships WHERE id = %s", row["id"])
    return {"identityMembership": pick(row, "id", "projectId", "identityId", "createdAt", "updatedAt")}


@area.route("GET", *MEMBERSHIPS)
def list_members(call: Call) -> Any:
    project = open_project(call.db, call.actor, call.params["projectId"], "read", "identity")
    rows = call.db.all(
        """SELECT * FROM project_memberships WHERE "projectId" = %s AND "identityId" IS NOT NULL
           ORDER BY "createdAt", id""",
        project["id"],
    )
    return {
        "identityMemberships": [_membership_answer(call, project, row) for row in rows],
        "totalCount": len(rows),
    }


def _membership(call: Call, project: Row) -> Row:
    identity = identities.find(call.db, call.actor, call.params["identityId"])
    row = projects.member(call.db, project, identity)
    if row is None:
        raise not_found(f"Identity with ID '{identity['id']}' not found in project with ID '{project['id']}'")
    return row


def _membership_answer(call: Call, project: Row, row: Row) -> Row:
    identity = call.db.the("SELECT * FROM identities WHERE id = %s", row["identityId"])
    roles = [without(role, "projectMembershipId", "createdAt", "updatedAt") for role in projects.roles_of(call.db, row)]
    return {
        **pick(row, "id", "identityId", "createdAt", "updatedAt"),
        "roles": roles,
        "identity": short_answer(call, identity),
        "project": {"name": project["name"], "id": project["id"]},
    }
