# SPDX-License-Identifier: GPL-3.0-or-later
"""Projects, environments, tags and custom roles."""

from __future__ import annotations

import json
from typing import Any

from ..answers import pick, without
from ..database import Row, as_id
from ..errors import bad_request, not_found
from ..permissions import find_project, open_project, project_rights, require_in_org
from ..store import projects
from ..validation import anything, flag, name, number, objects, text
from ..web import PEOPLE, Area, Call

area = Area()


def check_slug(value: str) -> str | None:
    return None if projects.SLUG.fullmatch(value) else "Slug must be a valid slug"


SLUG = text(clean=str.strip, minimum=1, check=check_slug)

CREATE = {
    "projectName": name(),
    "projectDescription": text(clean=str.strip).optional(),
    "slug": text(clean=str.strip, minimum=5, check=check_slug).optional(),
    "type": text().optional("secret-manager"),
    "shouldCreateDefaultEnvs": flag().optional(True),
    "hasDeleteProtection": flag().optional(False),
    "kmsKeyId": text().optional(),
    "template": text().optional("default"),
}


def project_answer(call: Call, project: Row) -> Row:
    """A project as each era describes it."""
    environments = [pick(env, "name", "slug", "id") for env in projects.environments(call.db, project)]
    found = {
        **pick(project, "id", "name", "slug", "autoCapitalization", "orgId", "createdAt", "updatedAt"),
        "version": 3,
        "upgradeStatus": None,
        "pitVersionLimit": 10,
        "kmsCertificateKeyId": None,
        "auditLogsRetentionDays": None,
        "_id": project["id"],
        "environments": environments,
    }
    if call.is_current:
        found |= {
            **pick(project, "description", "hasDeleteProtection"),
            "type": "secret-manager",
            "defaultProduct": None,
            "secretSharing": True,
            "showSnapshotsLegacy": False,
            "secretDetectionIgnoreValues": [],
            "enforceEncryptedSecretManagerSecretMetadata": False,
        }
    return found


@area.route("POST", "/api/v1/projects", body=CREATE)
@area.route("POST", "/api/v2/workspace", body=CREATE)
def create(call: Call) -> Any:
    require_in_org(call.actor, "create", "workspace")
    project = projects.create(call.db, call.actor, call.services.keys, call.body, is_current=call.is_current)
    return {"project": project_answer(call, project)}


@area.route("GET", "/api/v1/projects")
def list_current(call: Call) -> Any:
    return {"projects": [project_answer(call, row) for row in projects.of_actor(call.db, call.actor)]}


@area.route("GET", "/api/v1/workspace", actors=PEOPLE)
def list_old(call: Call) -> Any:
    return {"workspaces": [project_answer(call, row) for row in projects.of_actor(call.db, call.actor)]}


def _open(call: Call, project_id: str) -> Row:
    project = find_project(call.db, call.actor, project_id)
    project_rights(call.db, call.actor, project)
    return project


@area.route("GET", "/api/v1/projects/{projectId}")
def get_current(call: Call) -> Any:
    return {"project": project_answer(call, _open(call, call.params["projectId"]))}


@area.route("GET", "/api/v1/workspace/{projectId}")
def get_old(call: Call) -> Any:
    return {"workspace": project_answer(call, _open(call, call.params["projectId"]))}


@area.route("GET", "/api/v1/projects/slug/{slug}")
@area.route("GET", "/api/v2/workspace/{slug}")
def get_by_slug(call: Call) -> Any:
    project = projects.by_slug(call.db, call.actor, call.params["slug"])
    project_rights(call.db, call.actor, project)
    return project_answer(call, project)


CHANGE = {
    "name": name().optional(),
    "description": text(clean=str.strip).optional(),
    "slug": SLUG.optional(),
    "autoCapitalization": flag().optional(),
    "hasDeleteProtection": flag().optional(),
}


@area.route("PATCH", "/api/v1/projects/{projectId}", "/api/v1/workspace/{projectId}", body=CHANGE)
def change(call: Call) -> Any:
    project = open_project(call.db, call.actor, call.params["projectId"], "edit", "workspace")
    answer = project_answer(call, call.db.update("projects", project["id"], **call.body))
    return {"project": answer, "workspace": answer}


@area.route("DELETE", "/api/v1/projects/{projectId}", "/api/v1/workspace/{projectId}")
def delete(call: Call) -> Any:
    project = open_project(call.db, call.actor, call.params["projectId"], "delete", "workspace")
    if project["hasDeleteProtection"]:
        raise bad_request("Cannot delete project due to delete protection")
    answer = project_answer(call, project)
    call.db.run("DELETE FROM projects WHERE id = %s", project["id"])
    return {"project": answer, "workspace": answer}


ENVIRONMENTS = ("/api/v1/projects/{projectId}/environments", "/api/v1/workspace/{projectId}/environments")
ONE_ENVIRONMENT = tuple(f"{path}/{{envId}}" for path in ENVIRONMENTS)
ENVIRONMENT = {"name": name(), "slug": SLUG, "position": number().optional()}


def _environment_answer(message: str, project: Row, env: Row) -> Row:
    return {"message": message, "workspace": project["id"], "environment": env}


@area.route("POST", *ENVIRONMENTS, body=ENVIRONMENT)
def create_environment(call: Call) -> Any:
    project = open_project(call.db, call.actor, call.params["projectId"], "create", "environments")
    env = projects.add_environment(call.db, project, call.body["name"], call.body["slug"])
    if call.body.get("position"):
        env = projects.change_environment(call.db, project, str(env["id"]), {"position": call.body["position"]})
    return _environment_answer("Successfully created new environment", project, env)


@area.route("GET", *ONE_ENVIRONMENT)
def get_environment(call: Call) -> Any:
    project = open_project(call.db, call.actor, call.params["projectId"], "read", "environments")
    return {"environment": projects.environment_by_id(call.db, project, call.params["envId"])}


@area.route("PATCH", *ONE_ENVIRONMENT, body={key: field.optional() for key, field in ENVIRONMENT.items()})
def change_environment(call: Call) -> Any:
    project = open_project(call.db, call.actor, call.params["projectId"], "edit", "environments")
    env = projects.change_environment(call.db, project, call.params["envId"], call.body)
    return _environment_answer("Successfully updated environment", project, env)


@area.route("DELETE", *ONE_ENVIRONMENT)
def delete_environment(call: Call) -> Any:
    project = open_project(call.db, call.actor, call.params["projectId"], "delete", "environments")
    env = projects.remove_environment(call.db, project, call.params["envId"])
    return _environment_answer("Successfully deleted environment", project, env)


TAGS = ("/api/v1/projects/{projectId}/tags", "/api/v1/workspace/{projectId}/tags")


@area.route("GET", *TAGS)
def list_tags(call: Call) -> Any:
    project = open_project(call.db, call.actor, call.params["projectId"], "read", "tags")
    rows = call.db.all('SELECT * FROM secret_tags WHERE "projectId" = %s ORDER BY slug', project["id"])
    tags = [{**row, "name": row["slug"]} for row in rows]
    return {"tags": tags, "workspaceTags": tags}


@area.route("POST", *TAGS, body={"slug": SLUG, "color": text(clean=str.strip).optional("")})
def create_tag(call: Call) -> Any:
    project = open_project(call.db, call.actor, call.params["projectId"], "create", "tags")
    if call.db.one('SELECT 1 FROM secret_tags WHERE "projectId" = %s AND slug = %s', project["id"], call.body["slug"]):
        raise bad_request("Tag already exist")
    row = call.db.insert(
        "secret_tags",
        **call.body,
        projectId=project["id"],
        createdBy=call.actor.id,
        createdByActorType=call.actor.kind,
    )
    return {"tag": {**row, "name": row["slug"]}, "workspaceTag": {**row, "name": row["slug"]}}


@area.route("DELETE", *(f"{path}/{{tagId}}" for path in TAGS))
def delete_tag(call: Call) -> Any:
    project = open_project(call.db, call.actor, call.params["projectId"], "delete", "tags")
    wanted = as_id(call.params["tagId"])
    row = wanted and call.db.one(
        'DELETE FROM secret_tags WHERE id = %s AND "projectId" = %s RETURNING *', wanted, project["id"]
    )
    if not row:
        raise not_found(f"Tag with ID '{call.params['tagId']}' not found")
    return {"tag": row, "workspaceTag": row}


ROLES = "/api/v1/projects/{projectId}/roles"
ROLE = {
    "slug": SLUG,
    "name": name(),
    "description": text(clean=str.strip).optional(),
    "permissions": objects(
        {"subject": anything(), "action": anything(), "conditions": anything(), "inverted": flag().optional(False)}
    ),
}


@area.route("GET", ROLES)
def list_roles(call: Call) -> Any:
    project = open_project(call.db, call.actor, call.params["projectId"], "read", "role")
    rows = call.db.all('SELECT * FROM project_roles WHERE "projectId" = %s ORDER BY slug', project["id"])
    return {"roles": [without(row, "permissions") for row in rows]}


@area.route("GET", f"{ROLES}/slug/{{slug}}")
def get_role(call: Call) -> Any:
    project = open_project(call.db, call.actor, call.params["projectId"], "read", "role")
    return {"role": _role(call, project, call.params["slug"])}


@area.route("POST", ROLES, body=ROLE)
def create_role(call: Call) -> Any:
    project = open_project(call.db, call.actor, call.params["projectId"], "create", "role")
    slug = call.body["slug"]
    if call.db.one('SELECT 1 FROM project_roles WHERE "projectId" = %s AND slug = %s', project["id"], slug):
        raise bad_request("Create Role. Role already exist")
    return {"role": call.db.insert("project_roles", **_stored_role(call.body), projectId=project["id"])}


@area.route("PATCH", f"{ROLES}/{{roleId}}", body={key: rule.optional() for key, rule in ROLE.items()})
def change_role(call: Call) -> Any:
    project = open_project(call.db, call.actor, call.params["projectId"], "edit", "role")
    row = _role(call, project, call.params["roleId"])
    return {"role": call.db.update("project_roles", row["id"], **_stored_role(call.body))}


@area.route("DELETE", f"{ROLES}/{{roleId}}")
def delete_role(call: Call) -> Any:
    project = open_project(call.db, call.actor, call.params["projectId"], "delete", "role")
    row = _role(call, project, call.params["roleId"])
    call.db.run("DELETE FROM project_roles WHERE id = %s", row["id"])
    return {"role": row}


def _role(call: Call, project: Row, slug_or_id: str) -> Row:
    row = call.db.one(
        'SELECT * FROM project_roles WHERE "projectId" = %s AND %s IN (slug, id::text)', project["id"], slug_or_id
    )
    if row is None:
        raise not_found("Project role not found")
    return row


def _stored_role(body: Row) -> Row:
    return {**body, "permissions": json.dumps(body["permissions"])} if "permissions" in body else body
