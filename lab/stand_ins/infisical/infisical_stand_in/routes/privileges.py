# SPDX-License-Identifier: GPL-3.0-or-later
"""What a machine identity may do in a project beyond its roles, by the names of either era. No plan restricts it."""

from __future__ import annotations

import json
from typing import Any

from ..answers import without
from ..database import Row, as_id
from ..errors import bad_request, not_found
from ..permissions import open_project
from ..store import identities, projects
from ..validation import anything, flag, objects, one_of, text
from ..web import Area, Call
from .projects import SLUG

area = Area()
OLD = "/api/v1/additional-privilege/identity"
NEW = "/api/v2/identity-project-additional-privilege"
TABLE = "identity_project_additional_privilege"

ACTIONS = {
    "secrets": ("read", "describeSecret", "readValue", "create", "edit", "delete"),
    "secret-folders": ("read", "create", "edit", "delete"),
    "secret-imports": ("read", "create", "edit", "delete"),
}
# What the old route's rules for secrets also stand for.
BESIDE_SECRETS = {"secret-folders": ("create", "edit", "delete"), "secret-imports": ACTIONS["secret-imports"]}


def _permissions(*subjects: str) -> Any:
    return objects(
        {
            "subject": one_of(*subjects),
            "action": anything(),
            "conditions": anything(),
            "inverted": flag().optional(False),
        }
    )


def _checked(permissions: list[Row]) -> list[Row]:
    """The rules as they are given back: actions always a list."""
    found = []
    for rule in permissions:
        actions = rule["action"] if isinstance(rule.get("action"), list) else [rule.get("action")]
        if not actions or set(actions) - set(ACTIONS[rule["subject"]]):
            raise bad_request(f"Invalid actions on {rule['subject']}")
        if "read" in actions and {"readValue", "describeSecret"} & set(actions):
            raise bad_request("You have selected Read, and cannot select Read Value or Describe Secret for secrets.")
        kept = {"action": actions, "subject": rule["subject"], "inverted": rule.get("inverted", False)}
        found.append({**kept, "conditions": rule["conditions"]} if rule.get("conditions") else kept)
    return found


def _member(call: Call, project: Row, identity_id: str) -> Row:
    identity = identities.find(call.db, call.actor, identity_id)
    row = projects.member(call.db, project, identity)
    if row is None:
        raise not_found(f"Failed to find identity with id {identity_id}")
    return row


def _by_slug(call: Call, membership: Row, slug: str) -> Row:
    row = call.db.one(
        """SELECT * FROM identity_project_additional_privilege WHERE "projectMembershipId" = %s AND slug = %s""",
        membership["id"],
        slug,
    )
    if row is None:
        raise not_found(f"Identity additional privilege with slug '{slug}' not found")
    return row


def _create(call: Call, membership: Row, permissions: list[Row]) -> Row:
    slug = call.body["slug"]
    if call.db.one(
        'SELECT 1 FROM identity_project_additional_privilege WHERE "projectMembershipId" = %s AND slug = %s',
        membership["id"],
        slug,
    ):
        raise bad_request("Additional privilege with provided slug already exists")
    return call.db.insert(
        TABLE,
        slug=slug,
        permissions=json.dumps(permissions),
        projectMembershipId=membership["id"],
    )


# The current routes: by the id of the project, then by the privilege's own


def _answer(membership: Row, row: Row) -> Row:
    return {
        **without(row, "projectMembershipId"),
        "name": row["slug"],
        "identityId": membership["identityId"],
        "projectId": membership["projectId"],
        "temporaryMode": None,
        "temporaryRange": None,
        "temporaryAccessStartTime": None,
        "temporaryAccessEndTime": None,
    }


def _by_id(call: Call, action: str) -> tuple[Row, Row]:
    """Membership and privilege."""
    wanted = as_id(call.params["id"])
    row = wanted and call.db.one("SELECT * FROM identity_project_additional_privilege WHERE id = %s", wanted)
    if not row:
        raise not_found(f"Additional privilege with id {call.params['id']} doesn't exist")
    membership = call.db.the("SELECT * FROM project_memberships WHERE id = %s", row["projectMembershipId"])
    open_project(call.db, call.actor, str(membership["projectId"]), action, "identity")
    return membership, row


TYPE = {"type": anything()}


@area.route(
    "POST",
    NEW,
    body={
        "identityId": text(minimum=1),
        "projectId": text(minimum=1),
        "slug": SLUG,
        "permissions": _permissions(*ACTIONS),
        **TYPE,
    },
)
def create(call: Call) -> Any:
    if not isinstance(call.body.get("type"), dict) or call.body["type"].get("isTemporary") is not False:
        raise bad_request("Temporary privileges are not in the stand-in")
    project = open_project(call.db, call.actor, call.body["projectId"], "edit", "identity")
    membership = _member(call, project, call.body["identityId"])
    row = _create(call, membership, _checked(call.body["permissions"]))
    return {"privilege": _answer(membership, row)}


@area.route("PATCH", f"{NEW}/{{id}}", body={"slug": SLUG, "permissions": _permissions(*ACTIONS).optional(), **TYPE})
def change(call: Call) -> Any:
    membership, row = _by_id(call, "edit")
    permissions = json.dumps(_checked(call.body["permissions"])) if "permissions" in call.body else row["permissions"]
    changes = {"slug": call.body["slug"], "permissions": permissions}
    return {"privilege": _answer(membership, call.db.update(TABLE, row["id"], **changes))}


@area.route("DELETE", f"{NEW}/{{id}}")
def delete(call: Call) -> Any:
    membership, row = _by_id(call, "edit")
    call.db.run("DELETE FROM identity_project_additional_privilege WHERE id = %s", row["id"])
    return {"privilege": _answer(membership, row)}


@area.route("GET", f"{NEW}/{{id}}")
def get(call: Call) -> Any:
    return {"privilege": _answer(*_by_id(call, "read"))}


@area.route("GET", f"{NEW}/slug/{{slug}}", query={"identityId": text(minimum=1), "projectSlug": text(minimum=1)})
def get_by_slug(call: Call) -> Any:
    membership = _named_member(call, call.query, "read")
    return {"privilege": _answer(membership, _by_slug(call, membership, call.params["slug"]))}


@area.route("GET", NEW, query={"identityId": text(minimum=1), "projectId": text(minimum=1)})
def list_all(call: Call) -> Any:
    project = open_project(call.db, call.actor, call.query["projectId"], "read", "identity")
    membership = _member(call, project, call.query["identityId"])
    rows = _of(call, membership)
    return {"privileges": [without(_answer(membership, row), "permissions") for row in rows]}


def _of(call: Call, membership: Row) -> list[Row]:
    return call.db.all(
        """SELECT * FROM identity_project_additional_privilege WHERE "projectMembershipId" = %s
           ORDER BY "createdAt", id""",
        membership["id"],
    )


# The old routes: by the slugs of the project and of the privilege, with rules for secrets alone


def _widened(permissions: list[Row]) -> list[Row]:
    """Rules for secrets held for the folders and imports there as well."""
    beside = [
        {**rule, "subject": subject, "action": [action for action in rule["action"] if action in actions]}
        for rule in permissions
        for subject, actions in BESIDE_SECRETS.items()
    ]
    return [*permissions, *(rule for rule in beside if rule["action"])]


def _old_answer(row: Row) -> Row:
    rules = [rule for rule in row["permissions"] if rule["subject"] == "secrets"]
    return {**row, "permissions": rules}


def _named_member(call: Call, given: Row, action: str) -> Row:
    project = projects.by_slug(call.db, call.actor, given["projectSlug"])
    open_project(call.db, call.actor, str(project["id"]), action, "identity")
    return _member(call, project, given["identityId"])


WHOSE = {"identityId": text(minimum=1), "projectSlug": text(minimum=1)}


@area.route("POST", f"{OLD}/permanent", body={**WHOSE, "slug": SLUG, "permissions": _permissions("secrets")})
def create_old(call: Call) -> Any:
    membership = _named_member(call, call.body, "edit")
    row = _create(call, membership, _widened(_checked(call.body["permissions"])))
    return {"privilege": _old_answer(row)}


@area.route("PATCH", OLD, body={**WHOSE, "privilegeSlug": text(minimum=1), "privilegeDetails": anything()})
def change_old(call: Call) -> Any:
    membership = _named_member(call, call.body, "edit")
    row = _by_slug(call, membership, call.body["privilegeSlug"])
    permissions = _widened(_checked(call.body["privilegeDetails"]["permissions"]))
    return {"privilege": _old_answer(call.db.update(TABLE, row["id"], permissions=json.dumps(permissions)))}


@area.route("DELETE", OLD, body={**WHOSE, "privilegeSlug": text(minimum=1)})
def delete_old(call: Call) -> Any:
    row = _by_slug(call, _named_member(call, call.body, "edit"), call.body["privilegeSlug"])
    call.db.run("DELETE FROM identity_project_additional_privilege WHERE id = %s", row["id"])
    return {"privilege": _old_answer(row)}


@area.route("GET", f"{OLD}/{{slug}}", query=WHOSE)
def get_old(call: Call) -> Any:
    return {"privilege": _old_answer(_by_slug(call, _named_member(call, call.query, "read"), call.params["slug"]))}


@area.route("GET", OLD, query=WHOSE)
def list_old(call: Call) -> Any:
    return {"privileges": [_old_answer(row) for row in _of(call, _named_member(call, call.query, "read"))]}
