# SPDX-License-Identifier: GPL-3.0-or-later
"""Machine identities in projects."""

from __future__ import annotations

from typing import Any

from ..answers import pick, without
from ..database import Row
from ..errors import bad_request, not_found
from ..permissions import BUILT_IN_ROLES, open_project, require_in_org
from ..store import identities, projects
from ..validation import anything, objects, text
from ..web import Area, Call
from .identities import short_answer

area = Area()
MEMBERSHIPS = (
    "/api/v1/projects/{projectId}/memberships/identities",
    "/api/v2/workspace/{projectId}/identity-memberships",
)
MEMBERSHIP = tuple(f"{path}/{{identityId}}" for path in MEMBERSHIPS)
ROLES = {
    "role": text(clean=str.strip).optional(),
    "roles": objects({"role": text(), "isTemporary": anything()}).optional(),
}


CUSTOM_ROLE = (
    "Failed to assign custom role to identity due to plan RBAC restriction. "
    "Upgrade to Infisical Enterprise to assign custom roles."
)


def _wanted_roles(call: Call) -> list[Row]:
    found = call.body.get("roles") or [{"role": call.body.get("role") or "no-access"}]
    if any(role.get("isTemporary") for role in found):
        raise bad_request("Failed to set temporary role due to plan restriction. Upgrade plan to set temporary roles.")
    is_custom = any(role["role"] not in BUILT_IN_ROLES for role in found)
    if is_custom and call.is_current and not call.services.settings.has_paid_plan:
        raise bad_request(CUSTOM_ROLE)
    return list(found)


@area.route("POST", *MEMBERSHIP, body=ROLES)
def add_member(call: Call) -> Any:
    project = open_project(call.db, call.actor, call.params["projectId"], "create", "identity")
    identity = identities.find(call.db, call.actor, call.params["identityId"])
    if projects.member(call.db, project, identity):
        raise bad_request(f"Identity with ID {identity['id']} already exists in project with ID {project['id']}")
    row = projects.add_member(call.db, project, "identity", identity["id"], _wanted_roles(call))
    return {"identityMembership": pick(row, "id", "projectId", "identityId", "createdAt", "updatedAt")}


@area.route("PATCH", *MEMBERSHIP, body=ROLES)
def change_member(call: Call) -> Any:
    project = open_project(call.db, call.actor, call.params["projectId"], "edit", "identity")
    row = _membership(call, project)
    return {"roles": projects.set_roles(call.db, project, row, _wanted_roles(call))}


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


@area.route("GET", "/api/v1/identities/{identityId}/identity-memberships")
def list_projects(call: Call) -> Any:
    require_in_org(call.actor, "read", "identity")
    identity = identities.find(call.db, call.actor, call.params["identityId"])
    rows = projects.memberships_of(call.db, identity)
    return {
        "identityMemberships": [
            _membership_answer(call, {"id": row["projectId"], "name": row["projectName"]}, row) for row in rows
        ]
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
