# SPDX-License-Identifier: GPL-3.0-or-later
"""Projects, their environments, and who is in them."""

from __future__ import annotations

import re
from typing import Any

from ..database import Db, Row, as_id
from ..errors import ApiError, bad_request, not_found
from ..keys import KeyRing
from ..permissions import BUILT_IN_ROLES, no_such_role
from ..web import Actor
from . import people

DEFAULT_ENVIRONMENTS = (("Development", "dev"), ("Staging", "staging"), ("Production", "prod"))
SLUG = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")


def create(db: Db, actor: Actor, keys: KeyRing, wanted: dict[str, Any], *, is_current: bool) -> Row:
    """A project whose administrator is the caller, with the usual environments unless told otherwise."""
    slug = wanted.get("slug") or people.slug_of(wanted["projectName"])
    if db.one('SELECT 1 FROM projects WHERE "orgId" = %s AND slug = %s', actor.org_id, slug):
        raise _slug_taken(slug, is_current)
    project = db.insert(
        "projects",
        name=wanted["projectName"],
        slug=slug,
        description=wanted.get("projectDescription"),
        orgId=actor.org_id,
        hasDeleteProtection=wanted.get("hasDeleteProtection", False),
        encryptedDataKey=keys.new_data_key(),
    )
    if wanted.get("shouldCreateDefaultEnvs", True):
        for name, env_slug in DEFAULT_ENVIRONMENTS:
            add_environment(db, project, name, env_slug)
    add_member(db, project, actor.kind, actor.id, [{"role": "admin"}])
    return project


def _slug_taken(slug: str, is_current: bool) -> ApiError:
    if is_current:
        return bad_request(f'A project with the slug "{slug}" already exists in your organization.')
    return ApiError(500, "Create", "Something went wrong")


def by_slug(db: Db, actor: Actor, slug: str) -> Row:
    row = db.one('SELECT * FROM projects WHERE slug = %s AND "orgId" = %s', slug, actor.org_id)
    if row is None:
        raise not_found(f"Project with slug '{slug}' not found")
    return row


def of_actor(db: Db, actor: Actor) -> list[Row]:
    return db.all(
        """SELECT p.* FROM projects p JOIN project_memberships m ON m."projectId" = p.id
           WHERE %s IN (m."userId", m."identityId") AND p."orgId" = %s ORDER BY p.name, p.id""",
        actor.id,
        actor.org_id,
    )


def environments(db: Db, project: Row) -> list[Row]:
    return db.all('SELECT * FROM project_environments WHERE "projectId" = %s ORDER BY position', project["id"])


def environment(db: Db, project: Row, slug: str) -> Row | None:
    return db.one('SELECT * FROM project_environments WHERE "projectId" = %s AND slug = %s', project["id"], slug)


def environment_by_id(db: Db, project: Row, env_id: str) -> Row:
    wanted = as_id(env_id)
    row = wanted and db.one(
        'SELECT * FROM project_environments WHERE "projectId" = %s AND id = %s', project["id"], wanted
    )
    if not row:
        raise not_found(f"Environment with id '{env_id}' in project with ID '{project['id']}' not found")
    return row


def add_environment(db: Db, project: Row, name: str, slug: str) -> Row:
    """An environment at the end, with its root folder. Raises 400 where the slug is taken."""
    if environment(db, project, slug):
        raise bad_request("Environment with slug already exist", "CreateEnvironment")
    position = len(environments(db, project)) + 1
    env = db.insert("project_environments", name=name, slug=slug, position=position, projectId=project["id"])
    db.insert("secret_folders", name="root", envId=env["id"])
    return env


def change_environment(db: Db, project: Row, env_id: str, changes: dict[str, Any]) -> Row:
    env = environment_by_id(db, project, env_id)
    slug = str(changes.get("slug", env["slug"]))
    if slug != env["slug"] and environment(db, project, slug):
        raise bad_request("Environment with slug already exist", "UpdateEnvironment")
    position = changes.get("position")
    if position is not None:
        move_environment(db, project, env, position)
    return db.update("project_environments", env["id"], **changes) if changes else env


def move_environment(db: Db, project: Row, env: Row, position: int) -> None:
    """Shift those between the old and the new place by one."""
    low, high = sorted((env["position"], position))
    db.run(
        """UPDATE project_environments SET position = position + %s
           WHERE "projectId" = %s AND id <> %s AND position BETWEEN %s AND %s""",
        1 if position < env["position"] else -1,
        project["id"],
        env["id"],
        low,
        high,
    )


def remove_environment(db: Db, project: Row, env_id: str) -> Row:
    env = environment_by_id(db, project, env_id)
    db.run("DELETE FROM project_environments WHERE id = %s", env["id"])
    db.run(
        'UPDATE project_environments SET position = position - 1 WHERE "projectId" = %s AND position > %s',
        project["id"],
        env["position"],
    )
    return env


def member(db: Db, project: Row, identity: Row) -> Row | None:
    return db.one(
        'SELECT * FROM project_memberships WHERE "projectId" = %s AND "identityId" = %s', project["id"], identity["id"]
    )


def add_member(db: Db, project: Row, kind: str, actor_id: Any, roles: list[dict[str, Any]]) -> Row:
    column = "userId" if kind == "user" else "identityId"
    membership = db.insert("project_memberships", **{"projectId": project["id"], column: actor_id})
    set_roles(db, project, membership, roles)
    return membership


def set_roles(db: Db, project: Row, membership: Row, roles: list[dict[str, Any]]) -> list[Row]:
    """Replace the roles of a membership. Raises 404 for a role that the project does not know."""
    db.run('DELETE FROM project_membership_roles WHERE "projectMembershipId" = %s', membership["id"])
    return [_add_role(db, project, membership, wanted) for wanted in roles]


def _add_role(db: Db, project: Row, membership: Row, wanted: dict[str, Any]) -> Row:
    slug, custom = wanted["role"], None
    if slug not in BUILT_IN_ROLES:
        custom = db.one('SELECT * FROM project_roles WHERE "projectId" = %s AND slug = %s', project["id"], slug)
        if custom is None:
            raise no_such_role(slug)
    return db.insert(
        "project_membership_roles",
        projectMembershipId=membership["id"],
        role="custom" if custom else slug,
        customRoleId=custom["id"] if custom else None,
    )


def memberships_of(db: Db, identity: Row) -> list[Row]:
    """Every project that the identity belongs to, with the name of the project."""
    return db.all(
        """SELECT m.*, p.name AS "projectName" FROM project_memberships m JOIN projects p ON p.id = m."projectId"
           WHERE m."identityId" = %s ORDER BY p.name, p.id""",
        identity["id"],
    )


def roles_of(db: Db, membership: Row) -> list[Row]:
    return db.all(
        """SELECT r.*, c.name AS "customRoleName", c.slug AS "customRoleSlug" FROM project_membership_roles r
           LEFT JOIN project_roles c ON c.id = r."customRoleId" WHERE r."projectMembershipId" = %s
           ORDER BY r."createdAt", r.id""",
        membership["id"],
    )
