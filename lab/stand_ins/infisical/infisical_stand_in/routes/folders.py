# SPDX-License-Identifier: GPL-3.0-or-later
"""Folders, by the current names (v2, projectId) and the old ones (v1, workspaceId)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..answers import pick
from ..database import Row
from ..errors import bad_request, not_found
from ..permissions import find_project, project_rights
from ..store import folders
from ..validation import Field, name, secret_path, switch, text
from ..web import Area, Call

area = Area()
ERAS = (("/api/v2/folders", "projectId"), ("/api/v1/folders", "workspaceId"))


def project_of(call: Call) -> Row:
    """The project that a query or body names, under the name of either era."""
    given = {**call.query, **call.body}
    return find_project(call.db, call.actor, given.get("projectId") or given["workspaceId"])


def path_of(given: Mapping[str, Any]) -> str:
    """`path`, or the `directory` of old clients."""
    directory = given.get("directory")
    return str(directory if directory and directory != "/" else given["path"])


def _where(project_key: str) -> dict[str, Field]:
    return {
        project_key: text(clean=str.strip),
        "environment": text(clean=str.strip),
        "path": secret_path(),
        "directory": secret_path(),
    }


def _answer(call: Call, folder: Row, **more: Any) -> Row:
    found = pick(folder, "id", "name", "version", "createdAt", "updatedAt", "envId", "parentId", "isReserved")
    if call.is_current:
        found |= {"description": folder["description"], "lastSecretModified": None, **more}
    return found


def _parent(call: Call, given: Mapping[str, Any], action: str) -> tuple[Row, Row | None]:
    """The project, and the folder at the path, when the caller may do this there; all of the project may read."""
    project = project_of(call)
    rights = project_rights(call.db, call.actor, project)
    if action != "read":
        rights.require(action, "secret-folders", given["environment"], path_of(given))
    folders.environment_or_refuse(call.db, project, given["environment"])
    return project, folders.at_path(call.db, project, given["environment"], path_of(given))


def create(call: Call) -> Any:
    body = call.body
    project, _ = _parent(call, body, "create")
    folder, is_new = folders.create(
        call.db, project, body["environment"], path_of(body), body["name"], body.get("description")
    )
    if call.is_current and not is_new:
        raise bad_request(f"Folder with name '{body['name']}' already exists in path '{path_of(body)}'")
    return {"folder": _answer(call, folder, path=_join(path_of(body), folder["name"]))}


def list_folders(call: Call) -> Any:
    _, parent = _parent(call, call.query, "read")
    if parent is None:
        return {"folders": []}
    if not call.query.get("recursive"):
        return {"folders": [_answer(call, row) for row in folders.children(call.db, parent)]}
    found = []
    for folder_id, path in folders.tree(call.db, parent, "/").items():
        row = folders.by_id(call.db, str(folder_id))
        if row and row["id"] != parent["id"]:
            found.append(_answer(call, row, relativePath=path))
    return {"folders": found}


def get(call: Call) -> Any:
    row = folders.by_id(call.db, call.params["id"])
    env = row and call.db.one("SELECT * FROM project_environments WHERE id = %s", row["envId"])
    if not row or not env:
        raise not_found(f"Folder with ID '{call.params['id']}' not found")
    project = find_project(call.db, call.actor, str(env["projectId"]))
    path = folders.path_of(call.db, row)
    project_rights(call.db, call.actor, project)
    where = {"path": path, "projectId": project["id"], "environment": {"envId": env["id"], "envName": env["name"]}}
    where["environment"]["envSlug"] = env["slug"]
    return {"folder": _answer(call, row, **where)}


def change(call: Call) -> Any:
    _, parent = _parent(call, call.body, "edit")
    folder = folders.below(call.db, _existing(parent, call.body), call.params["folderId"])
    new_name = call.body["name"]
    if not folders.NAME.fullmatch(new_name):
        raise bad_request(folders.BAD_NAME)
    same = folders.child(call.db, _existing(parent, call.body), new_name)
    if same and same["id"] != folder["id"]:
        raise bad_request("Folder with specified name already exists", "UpdateFolder")
    row = call.db.update("secret_folders", folder["id"], name=new_name, version=folder["version"] + 1)
    return {"folder": _answer(call, row, path=_join(path_of(call.body), new_name))}


def delete(call: Call) -> Any:
    _, parent = _parent(call, call.body, "delete")
    folder = folders.below(call.db, _existing(parent, call.body), call.params["folderId"])
    call.db.run("DELETE FROM secret_folders WHERE id = %s", folder["id"])
    return {"folder": _answer(call, folder)}


def _existing(parent: Row | None, given: Mapping[str, Any]) -> Row:
    if parent is None:
        raise not_found(f"Folder with path '{path_of(given)}' in environment '{given['environment']}' not found")
    return parent


def _join(path: str, name_: str) -> str:
    return path.rstrip("/") + "/" + name_


for _base, _project_key in ERAS:
    _scope = _where(_project_key)
    _named = {**_scope, "name": name(), "description": text(clean=str.strip).or_null()}
    area.route("POST", _base, limit="secrets", body=_named)(create)
    area.route("GET", _base, query={**_scope, "recursive": switch(False)})(list_folders)
    area.route("GET", _base + "/{id}")(get)
    area.route("PATCH", _base + "/{folderId}", limit="secrets", body=_named)(change)
    area.route("DELETE", _base + "/{folderId}", limit="secrets", body=_scope)(delete)
