# SPDX-License-Identifier: GPL-3.0-or-later
"""Machine identities of an organisation."""

from __future__ import annotations

from typing import Any

from ..answers import pick
from ..database import Row, as_id
from ..errors import bad_request, permission_denied
from ..permissions import require_in_org
from ..store import identities
from ..validation import flag, name, objects, text
from ..web import Area, Call

area = Area()
METADATA = objects({"key": text(), "value": text()})


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
    row = find(call, "read")
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
    row = find(call, "edit")
    return {"identity": identity_answer(call, identities.update(call.db, row, call.body))}


@area.route("DELETE", "/api/v1/identities/{identityId}")
def delete(call: Call) -> Any:
    row = find(call, "delete")
    if row["hasDeleteProtection"]:
        raise bad_request("Identity has delete protection")
    answer = identity_answer(call, row)
    call.db.run("DELETE FROM identities WHERE id = %s", row["id"])
    return {"identity": answer}


def find(call: Call, action: str) -> Row:
    """The identity in the path, when the caller may do this to identities."""
    require_in_org(call.actor, action, "identity")
    return identities.find(call.db, call.actor, call.params["identityId"])
