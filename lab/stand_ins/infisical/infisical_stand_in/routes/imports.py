# SPDX-License-Identifier: GPL-3.0-or-later
"""Imports, by the current names (v2, projectId) and the old ones (v1, workspaceId)."""

from __future__ import annotations

from typing import Any

from ..answers import without
from ..database import Row
from ..errors import no_folder
from ..permissions import project_rights
from ..store import folders, imports
from ..validation import Field, flag, number, secret_path, text
from ..web import Area, Call
from .folders import project_of

area = Area()
ERAS = (("/api/v2/secret-imports", "projectId"), ("/api/v1/secret-imports", "workspaceId"))


def _answer(row: Row) -> Row:
    env = {"name": row["envName"], "slug": row["envSlug"], "id": row["importEnv"]}
    return {**without(row, "importEnv", "envSlug", "envName"), "importEnv": env}


def _folder(call: Call, action: str) -> tuple[Row, Row | None]:
    given = {**call.query, **call.body}
    project = project_of(call)
    rights = project_rights(call.db, call.actor, project)
    rights.require(action, "secret-imports", given["environment"], given["path"])
    return project, folders.at_path(call.db, project, given["environment"], given["path"])


def _existing(call: Call, action: str) -> tuple[Row, Row]:
    project, folder = _folder(call, action)
    if folder is None:
        raise no_folder(call.body["path"], call.body["environment"], "NotFound")
    return project, folder


def create(call: Call) -> Any:
    project, folder = _existing(call, "create")
    source = call.body["import"]
    row = imports.create(call.db, project, folder, source["environment"], source["path"])
    return {"message": "Successfully created secret import", "secretImport": _answer(row)}


def list_imports(call: Call) -> Any:
    _, folder = _folder(call, "read")
    rows = imports.of_folder(call.db, folder["id"]) if folder else []
    return {"message": "Successfully fetched secret imports", "secretImports": [_answer(row) for row in rows]}


def change(call: Call) -> Any:
    project, folder = _existing(call, "edit")
    row = imports.update(call.db, project, folder, call.params["importId"], call.body["import"])
    return {"message": "Successfully updated secret import", "secretImport": _answer(row)}


def delete(call: Call) -> Any:
    _, folder = _existing(call, "delete")
    row = imports.delete(call.db, folder, call.params["importId"])
    return {"message": "Successfully deleted secret import", "secretImport": _answer(row)}


for _base, _project_key in ERAS:
    _scope = {_project_key: text(clean=str.strip), "environment": text(clean=str.strip), "path": secret_path()}
    _source = {"environment": text(clean=str.strip), "path": secret_path()}
    _new = {**_scope, "import": Field("object", members=_source), "isReplication": flag().optional(False)}
    _changes = {"environment": text().optional(), "path": text().optional(), "position": number().optional()}
    _one = _base + "/{importId}"
    area.route("POST", _base, limit="secrets", body=_new)(create)
    area.route("GET", _base, query=_scope)(list_imports)
    area.route(
        "PATCH",
        _one,
        limit="secrets",
        body={**_scope, "import": Field("object", members=_changes)},
    )(change)
    area.route("DELETE", _one, limit="secrets", body=_scope)(delete)
