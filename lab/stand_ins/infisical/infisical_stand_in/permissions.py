# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may do what in a project or an organisation."""

from __future__ import annotations

import fnmatch
from collections.abc import Callable, Iterable
from typing import Any

from .database import Db, Row, as_id
from .errors import ApiError, no_access, not_found, permission_denied
from .web import Actor

BUILT_IN_ROLES = ("admin", "member", "viewer", "no-access")
# What a member may change; the rest of a project is the administrators'.
MEMBER_WRITES = {"secrets", "secret-folders", "secret-imports", "environments", "tags"}
READING = {"read", "readValue", "describeSecret"}


class Rights:
    """What one caller may do in one project."""

    def __init__(self, roles: Iterable[str], rules: list[dict[str, Any]]) -> None:
        self.roles = set(roles)
        self.rules = rules

    def may(self, action: str, subject: str, environment: str = "", path: str = "/") -> bool:
        if "admin" in self.roles:
            return True
        if action in READING and self.roles & {"member", "viewer"}:
            return True
        if "member" in self.roles and subject in MEMBER_WRITES:
            return True
        verdict = False
        for rule in self.rules:  # the last rule that speaks of it wins
            if _covers(rule, action, subject) and _holds(rule.get("conditions") or {}, environment, path):
                verdict = not rule.get("inverted", False)
        return verdict

    def require(self, action: str, subject: str, environment: str = "", path: str = "/") -> None:
        if not self.may(action, subject, environment, path):
            raise permission_denied(action, subject)


def project_rights(db: Db, actor: Actor, project: Row) -> Rights:
    """Raises the 403 of the recordings for a caller who is not in the project."""
    rows = db.all(
        """SELECT r.role, c.permissions FROM project_memberships m
           JOIN project_membership_roles r ON r."projectMembershipId" = m.id
           LEFT JOIN project_roles c ON c.id = r."customRoleId"
           WHERE m."projectId" = %s AND %s IN (m."userId", m."identityId")""",
        project["id"],
        actor.id,
    )
    if not rows:
        who = "User" if actor.kind == "user" else "Identity"
        raise no_access(f"{who} is not a member of the specified project with ID '{project['id']}'")
    additional = db.all(
        """SELECT p.permissions FROM identity_project_additional_privilege p
           JOIN project_memberships m ON m.id = p."projectMembershipId"
           WHERE m."projectId" = %s AND m."identityId" = %s ORDER BY p.slug""",
        project["id"],
        actor.id,
    )
    rules = [rule for row in [*rows, *additional] for rule in row["permissions"] or []]
    return Rights((row["role"] for row in rows), rules)


def require_in_org(actor: Actor, action: str, subject: str) -> None:
    """Administrators of the organisation may do all, members may read and may make projects."""
    if actor.org_role == "admin":
        return
    if actor.org_role == "member" and (action == "read" or subject == "workspace"):
        return
    raise permission_denied(action, subject)


def find_project(db: Db, actor: Actor, project_id: str, missing: str = "Project with ID '{}' not found") -> Row:
    """The project with this id in the caller's organisation. Raises 404."""
    wanted = as_id(project_id)
    row = db.one('SELECT * FROM projects WHERE id = %s AND "orgId" = %s', wanted, actor.org_id) if wanted else None
    if row is None:
        raise not_found(missing.format(project_id))
    return row


def open_project(db: Db, actor: Actor, project_id: str, action: str, subject: str) -> Row:
    """The project, when the caller may do this in it."""
    project = find_project(db, actor, project_id)
    project_rights(db, actor, project).require(action, subject)
    return project


def no_such_role(slug: str) -> ApiError:
    return not_found(f"Custom role with slug '{slug}' not found")


def _covers(rule: dict[str, Any], action: str, subject: str) -> bool:
    subjects, actions = _listed(rule.get("subject")), set(_listed(rule.get("action")))
    if subject not in subjects:
        return False
    if action == "read":
        return bool(actions & {"read", "readValue"})
    return action in actions


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _holds(conditions: dict[str, Any], environment: str, path: str) -> bool:
    facts = {"environment": environment, "secretPath": path}
    return all(_compare(wanted, facts[name]) for name, wanted in conditions.items() if name in facts)


def _compare(wanted: Any, found: str) -> bool:
    if isinstance(wanted, str):
        return wanted == found
    tests: dict[str, Callable[[Any], bool]] = {
        "$eq": lambda value: found == value,
        "$ne": lambda value: found != value,
        "$in": lambda value: found in value,
        "$glob": lambda value: matches_glob(value, found),
    }
    return all(tests[operator](value) for operator, value in wanted.items())


def matches_glob(pattern: str, path: str) -> bool:
    """`/db/**` takes in `/db` too, as the real server's matcher does."""
    return fnmatch.fnmatchcase(path, pattern) or (pattern.endswith("/**") and path == (pattern[:-3] or "/"))
