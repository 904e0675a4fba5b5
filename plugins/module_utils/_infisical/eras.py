# Copyright: (c) 2026, The omakase.homelab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The routes of two generations of servers, side by side: the only place that knows how they differ.

Each function gives the current call and the older one (servers of July 2024 and newer) for the same question.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ansible_collections.omakase.homelab.plugins.module_utils._infisical.exchange import (
    Call,
    Json,
    get,
    segment,
    write,
)
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.model import Scope

# What the routes call that which lies in a folder besides secrets.
_RESOURCES = {"folders": "folders", "imports": "secret-imports"}


@dataclass(frozen=True)
class Routes:
    """One question in both generations. family: routes that came to be in the same release."""

    family: str
    current: Call
    older: Call


@dataclass(frozen=True)
class Member:
    """An identity in a project; one generation asks for the project's id, the other for its slug."""

    identity_id: str
    project_id: str
    project_slug: str


def _flag(value: bool) -> str:
    return "true" if value else "false"


def list_secrets(scope: Scope, expand: bool, imports: bool, recursive: bool, view: bool = True) -> Routes:
    """Every flag is always sent: the servers' own defaults differ."""
    advice = f"May this identity read {scope.path} in {scope.environment}?"
    where = {"environment": scope.environment, "secretPath": scope.path}
    flags = {"expandSecretReferences": _flag(expand), "recursive": _flag(recursive), "viewSecretValue": _flag(view)}
    current = dict(where, projectId=scope.project_id, includeImports=_flag(imports), **flags)
    older = dict(where, workspaceId=scope.project_id, include_imports=_flag(imports), **flags)
    return Routes(
        "secrets",
        get("/api/v4/secrets", advice, current),
        get("/api/v3/secrets/raw", advice, older),
    )


def write_secrets(method: str, scope: Scope, secrets: Sequence[Json]) -> Routes:
    """POST creates, PATCH updates, DELETE removes; each fails as a whole."""
    advice = f"May this identity write to {scope.path} in {scope.environment}?"
    body: Json = {"environment": scope.environment, "secretPath": scope.path, "secrets": list(secrets)}
    return Routes(
        "secrets",
        write(method, "/api/v4/secrets/batch", dict(body, projectId=scope.project_id), advice),
        write(method, "/api/v3/secrets/batch/raw", dict(body, workspaceId=scope.project_id), advice),
    )


def _project(suffix: str = "", advice: str = "", method: str = "GET", body: Json | None = None) -> Routes:
    paths = ("/api/v1/projects" + suffix, "/api/v1/workspace" + suffix)
    if method == "GET":
        return Routes("projects", get(paths[0], advice), get(paths[1], advice))
    content = body or {}
    return Routes(
        "projects",
        write(method, paths[0], content, advice),
        write(method, paths[1], content, advice),
    )


def list_projects() -> Routes:
    return _project()


def get_project(project_id: str) -> Routes:
    return _project("/" + segment(project_id), "Is the project id right, and is this identity a member?")


def get_project_by_slug(slug: str) -> Routes:
    advice = "Is the project slug right, and is this identity a member?"
    return Routes(
        "projects",
        get("/api/v1/projects/slug/" + segment(slug), advice),
        get("/api/v2/workspace/" + segment(slug), advice),
    )


def create_project(name: str, slug: str, description: str, default_environments: bool) -> Routes:
    """Older servers make their own environments, whatever they are told."""
    older: Json = {"projectName": name}
    if slug:
        older["slug"] = slug
    current = dict(older, type="secret-manager", shouldCreateDefaultEnvs=default_environments)
    if description:
        current["projectDescription"] = description
    advice = "May this identity create projects in its organisation?"
    return Routes(
        "projects",
        write("POST", "/api/v1/projects", current, advice),
        write("POST", "/api/v2/workspace", older, advice),
    )


def update_project(project_id: str, changes: Mapping[str, str]) -> Routes:
    return _project("/" + segment(project_id), method="PATCH", body=dict(changes))


def delete_project(project_id: str) -> Routes:
    return _project("/" + segment(project_id), method="DELETE")


def write_environment(method: str, project_id: str, environment_id: str = "", body: Json | None = None) -> Routes:
    """POST creates one, PATCH and DELETE need its id."""
    suffix = f"/{segment(project_id)}/environments"
    if environment_id:
        suffix += "/" + segment(environment_id)
    return _project(suffix, "May this identity change the project's environments?", method, body)


def list_tags(project_id: str) -> Routes:
    return _project(f"/{segment(project_id)}/tags", "May this identity read the project's tags?")


def list_folders(scope: Scope) -> Routes:
    return _list_in(scope, "folders", f"May this identity read {scope.path} in {scope.environment}?")


def write_folder(method: str, scope: Scope, body: Json, folder: str = "") -> Routes:
    """scope.path is the folder's parent; folder its id, for anything but POST."""
    advice = f"May this identity change folders in {scope.path} of {scope.environment}?"
    return _write_in(method, scope, "folders", body, folder, advice)


def list_imports(scope: Scope) -> Routes:
    return _list_in(scope, "imports", f"May this identity read the imports of {scope.path} in {scope.environment}?")


def write_import(method: str, scope: Scope, body: Json, import_id: str = "") -> Routes:
    """scope is the folder that imports."""
    advice = f"May this identity change the imports of {scope.path} in {scope.environment}?"
    return _write_in(method, scope, "imports", body, import_id, advice)


def _list_in(scope: Scope, what: str, advice: str) -> Routes:
    """What lies in a folder besides secrets: folders or imports."""
    where = {"environment": scope.environment, "path": scope.path}
    return Routes(
        what,
        get(f"/api/v2/{_RESOURCES[what]}", advice, dict(where, projectId=scope.project_id)),
        get(f"/api/v1/{_RESOURCES[what]}", advice, dict(where, workspaceId=scope.project_id)),
    )


def _write_in(method: str, scope: Scope, what: str, body: Json, ident: str, advice: str) -> Routes:
    suffix = _RESOURCES[what] + ("/" + segment(ident) if ident else "")
    content = dict(body, environment=scope.environment, path=scope.path)
    return Routes(
        what,
        write(method, f"/api/v2/{suffix}", dict(content, projectId=scope.project_id), advice),
        write(method, f"/api/v1/{suffix}", dict(content, workspaceId=scope.project_id), advice),
    )


def list_memberships(project_id: str) -> Routes:
    project = segment(project_id)
    advice = "May this identity see who belongs to the project?"
    return Routes(
        "memberships",
        get(f"/api/v1/projects/{project}/memberships/identities", advice),
        get(f"/api/v2/workspace/{project}/identity-memberships", advice),
    )


def get_membership(project_id: str, identity_id: str) -> Routes:
    current, older = _membership_paths(project_id, identity_id)
    advice = "May this identity see who belongs to the project?"
    return Routes("memberships", get(current, advice), get(older, advice))


def write_membership(method: str, project_id: str, identity_id: str, roles: Sequence[str]) -> Routes:
    """Roles are slugs; DELETE takes none."""
    current, older = _membership_paths(project_id, identity_id)
    body: Json = {"roles": [{"role": role, "isTemporary": False} for role in roles]} if roles else {}
    advice = "May this identity change who belongs to the project, and do the roles exist?"
    return Routes("memberships", write(method, current, body, advice), write(method, older, body, advice))


PRIVILEGES = "privileges"
_PRIVILEGE_ADVICE = "May this identity change the rights of others in the project?"
_OLD_PRIVILEGES = "/api/v1/additional-privilege/identity"
_PRIVILEGES = "/api/v2/identity-project-additional-privilege"


def get_privilege(project_slug: str, identity_id: str, slug: str) -> Routes:
    """An additional privilege of an identity by its slug."""
    whose = {"identityId": identity_id, "projectSlug": project_slug}
    advice = "May this identity see the rights of others in the project?"
    return Routes(
        PRIVILEGES,
        get(f"{_PRIVILEGES}/slug/{segment(slug)}", advice, whose),
        get(f"{_OLD_PRIVILEGES}/{segment(slug)}", advice, whose),
    )


def create_privilege(member: Member, slug: str, permissions: Sequence[Json], older: Sequence[Json]) -> Routes:
    """permissions: for current servers; older: the same for those that know rules for secrets alone."""
    body: Json = {"identityId": member.identity_id, "slug": slug}
    current = dict(body, projectId=member.project_id, permissions=list(permissions), type={"isTemporary": False})
    old = dict(body, projectSlug=member.project_slug, permissions=list(older))
    return Routes(
        PRIVILEGES,
        write("POST", _PRIVILEGES, current, _PRIVILEGE_ADVICE),
        write("POST", _OLD_PRIVILEGES + "/permanent", old, _PRIVILEGE_ADVICE),
    )


def update_privilege(
    member: Member, privilege_id: str, slug: str, permissions: Sequence[Json], older: Sequence[Json]
) -> Routes:
    current: Json = {"slug": slug, "permissions": list(permissions), "type": {"isTemporary": False}}
    old = dict(_named_privilege(member, slug), privilegeDetails={"permissions": list(older)})
    return Routes(
        PRIVILEGES,
        write("PATCH", f"{_PRIVILEGES}/{segment(privilege_id)}", current, _PRIVILEGE_ADVICE),
        write("PATCH", _OLD_PRIVILEGES, old, _PRIVILEGE_ADVICE),
    )


def delete_privilege(member: Member, privilege_id: str, slug: str) -> Routes:
    return Routes(
        PRIVILEGES,
        write("DELETE", f"{_PRIVILEGES}/{segment(privilege_id)}", {}, _PRIVILEGE_ADVICE),
        write("DELETE", _OLD_PRIVILEGES, _named_privilege(member, slug), _PRIVILEGE_ADVICE),
    )


def _named_privilege(member: Member, slug: str) -> Json:
    return {"identityId": member.identity_id, "projectSlug": member.project_slug, "privilegeSlug": slug}


def _membership_paths(project_id: str, identity_id: str) -> Sequence[str]:
    project, identity = segment(project_id), segment(identity_id)
    return (
        f"/api/v1/projects/{project}/memberships/identities/{identity}",
        f"/api/v2/workspace/{project}/identity-memberships/{identity}",
    )
