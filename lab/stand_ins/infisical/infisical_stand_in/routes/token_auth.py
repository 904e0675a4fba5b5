# SPDX-License-Identifier: GPL-3.0-or-later
"""Token auth of machine identities: tokens that are made by hand."""

from __future__ import annotations

from typing import Any

from ..database import as_id
from ..errors import bad_request, not_found
from ..permissions import require_in_org
from ..store import identities, tokens
from ..validation import counted, text
from ..web import Area, Call
from .identities import find
from .universal_auth import TOKEN_METHOD

area = Area()
METHOD = "/api/v1/auth/token-auth/identities/{identityId}"


@area.route("POST", METHOD, body=TOKEN_METHOD)
def attach_token(call: Call) -> Any:
    identity = find(call, "create")
    if "token-auth" in identities.methods(call.db, identity["id"]):
        raise bad_request("Failed to add Token Auth to already configured identity")
    return {"identityTokenAuth": identities.attach_token(call.db, identity, call.body)}


@area.route("GET", METHOD)
def get_token_method(call: Call) -> Any:
    return {"identityTokenAuth": identities.token_auth(call.db, find(call, "read"))}


@area.route("DELETE", METHOD)
def detach_token(call: Call) -> Any:
    row = identities.token_auth(call.db, find(call, "delete"))
    call.db.run("DELETE FROM identity_token_auths WHERE id = %s", row["id"])
    return {"identityTokenAuth": row}


@area.route(
    "POST",
    METHOD + "/tokens",
    body={"name": text(clean=str.strip).optional(), "organizationSlug": text().optional()},
)
def create_token(call: Call) -> Any:
    identity = find(call, "edit")
    config = identities.token_auth(call.db, identity)
    secret = call.services.settings.auth_secret
    token, row = tokens.issue(call.db, secret, identity, "token-auth", config, name=call.body.get("name"))
    return {**tokens.as_answer(token, row), "tokenData": row}


@area.route("GET", METHOD + "/tokens", query={"offset": counted(), "limit": counted()})
def list_tokens(call: Call) -> Any:
    identity = find(call, "read")
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
