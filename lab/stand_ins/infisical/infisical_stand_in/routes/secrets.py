# SPDX-License-Identifier: GPL-3.0-or-later
"""Secrets, by the current names (v4) and the old ones (v3/raw): one set of handlers, and a Dialect for each."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

from ..database import Row
from ..errors import bad_request
from ..permissions import Rights, find_project, project_rights
from ..store import approvals, folders, projects, secrets
from ..store.secrets import Place
from ..validation import Field, anything, counted, flag, number, objects, one_of, secret_path, switch, text, texts
from ..web import Area, Call
from .secret_answers import Reader

area = Area()
NO_BOT = "Project with ID '{}' not found during bot lookup. Are you sure you are using the correct project ID?"


@dataclass(frozen=True)
class Dialect:
    """The names of one generation of routes."""

    base: str
    batch: str
    project: str
    imports: str
    default: bool  # of expandSecretReferences and the imports


V4 = Dialect("/api/v4/secrets", "/api/v4/secrets/batch", "projectId", "includeImports", True)
V3 = Dialect("/api/v3/secrets/raw", "/api/v3/secrets/batch/raw", "workspaceId", "include_imports", False)


def _check_name(value: str) -> str | None:
    return "Secret name cannot contain colon." if ":" in value else None


VALUE = text(clean=secrets.trimmed)
COMMENT = text(clean=str.strip)
NAME = text(clean=str.strip, minimum=1, check=_check_name)
METADATA = objects({"key": text(), "value": text().optional(""), "isEncrypted": flag().optional(False)})
REMINDER = {"secretReminderNote": text().or_null(), "secretReminderRepeatDays": number().or_null()}
NEW = {
    "secretValue": VALUE,
    "secretComment": COMMENT.optional(""),
    "secretMetadata": METADATA.optional(),
    "tagIds": texts().optional(),
    "skipMultilineEncoding": flag().or_null(),
    **REMINDER,
}
CHANGE = {
    **NEW,
    "secretValue": VALUE.optional(),
    "secretComment": COMMENT.optional(),
    "newSecretName": NAME.optional(),
    "metadata": anything(),
}
TYPE = {"type": one_of("shared", "personal", default="shared")}
MODES = ("upsert", "ignore", "failOnNotFound")


def _where(dialect: Dialect) -> dict[str, Field]:
    return {dialect.project: text(clean=str.strip), "environment": text(clean=str.strip), "secretPath": secret_path()}


def _reading(dialect: Dialect) -> dict[str, Field]:
    return {
        **{key: rule.optional() for key, rule in _where(dialect).items() if key != "secretPath"},
        "secretPath": secret_path(),
        "workspaceSlug": text().optional(),
        "viewSecretValue": switch(True),
        "expandSecretReferences": switch(dialect.default),
        dialect.imports: switch(dialect.default),
    }


def _project(call: Call, dialect: Dialect, given: Row) -> tuple[Row, Rights]:
    slug = given.get("workspaceSlug")
    if slug and not given.get(dialect.project):
        project = projects.by_slug(call.db, call.actor, slug)
    else:
        project = find_project(call.db, call.actor, given[dialect.project], NO_BOT)
    return project, project_rights(call.db, call.actor, project)


def _place(call: Call, dialect: Dialect, given: Row, error: str) -> Place:
    project, rights = _project(call, dialect, given)
    key = call.services.keys.data_key(project)
    return secrets.place_or_refuse(call.db, project, given["environment"], given["secretPath"], key, rights, error)


def _require_scope(dialect: Dialect, query: Row) -> None:
    if not (query.get(dialect.project) or query.get("workspaceSlug")) or not query.get("environment"):
        raise bad_request("Missing project id or environment")


def _reader(call: Call, project: Row, rights: Rights, **options: Any) -> Reader:
    return Reader(call.db, project, rights, call.services.keys.data_key(project), call.is_current, **options)


def list_secrets(dialect: Dialect, call: Call) -> Any:
    """An environment or folder that does not exist gives an empty list, as the real server does."""
    query = call.query
    _require_scope(dialect, query)
    project, rights = _project(call, dialect, query)
    environment, path = query["environment"], query["secretPath"]
    if query["recursive"]:
        if not rights.may("read", "secrets", environment, path):
            return {"secrets": []}
    else:
        rights.require("read", "secrets", environment, path)
    top = folders.at_path(call.db, project, environment, path)
    if top is None:
        return {"secrets": [], "imports": []}
    reader = _reader(call, project, rights, shows_values=query["viewSecretValue"])
    paths = folders.tree(call.db, top, path) if query["recursive"] else {top["id"]: path}
    personal = call.actor.id if query["includePersonalOverrides"] and call.actor.kind == "user" else None
    rows = _filtered(call, project, _overridden(secrets.in_folders(call.db, list(paths), personal)), query)
    rows = [row for row in rows if rights.may("read", "secrets", environment, paths[row["folderId"]])]
    expands = query["expandSecretReferences"]
    found = [reader.listed(row, environment, paths[row["folderId"]], expands=expands) for row in rows]
    answer: Row = {"secrets": found}
    if query[dialect.imports]:
        answer["imports"] = reader.imports(list(paths), expands=expands or not call.is_current)
    return answer


def _overridden(rows: list[Row]) -> list[Row]:
    """A personal secret stands in for the shared one of its name."""
    personal = {(row["folderId"], row["key"]) for row in rows if row["userId"]}
    return [row for row in rows if row["userId"] or (row["folderId"], row["key"]) not in personal]


def _filtered(call: Call, project: Row, rows: list[Row], query: Row) -> list[Row]:
    wanted = {slug.strip() for slug in query.get("tagSlugs", "").split(",") if slug.strip()}
    if wanted:
        tags = call.db.all('SELECT id, slug FROM secret_tags WHERE "projectId" = %s', project["id"])
        ids = {tag["id"] for tag in tags if tag["slug"] in wanted}
        rows = [row for row in rows if ids & set(row["tagIds"])]
    for pair in query.get("metadataFilter", "").split("|"):
        terms = dict(part.split("=", 1) for part in pair.split(",") if "=" in part)
        if terms:
            rows = [row for row in rows if any(terms.items() <= {**m}.items() for m in row["metadata"])]
    return rows


def get_secret(dialect: Dialect, call: Call) -> Any:
    query = call.query
    _require_scope(dialect, query)
    place = _place(call, dialect, query, "GetSecretByName")
    place.require("read")
    reader = _reader(call, place.project, place.rights, shows_values=query["viewSecretValue"])
    name, expands = call.params["secretName"].strip(), query["expandSecretReferences"]
    owner = secrets.owner(call.actor, query["type"])
    row = secrets.named(call.db, place, [name], owner).get(name)
    if row is not None:
        row = secrets.version(call.db, row, query.get("version"))
        return {"secret": reader.single(row, place.environment, place.path, expands=expands)}
    imported = reader.imported_secret(place.folder, name, expands=expands) if query[dialect.imports] else None
    if imported is None:
        raise secrets.no_such_secret(name)
    return {"secret": imported}


def _written(call: Call, place: Place, rows: list[Row], items: list[Row] | None = None) -> list[Row]:
    reader = _reader(call, place.project, place.rights)
    found = [reader.written(row, place.environment, place.path) for row in rows]
    if items and not call.is_current:
        for answer, item in zip(found, items):  # recorded: an update answers with the comment of the request
            answer["secretComment"] = item.get("secretComment") or ""
    return found


def _approval(call: Call, place: Place, items: list[Row]) -> Row | None:
    request = approvals.request(call.db, place, call.actor, [item["secretKey"] for item in items])
    return {"approval": request} if request else None


def create_one(dialect: Dialect, call: Call) -> Any:
    item = {**call.body, "secretKey": call.params["secretName"]}
    place = _place(call, dialect, call.body, "CreateSecret")
    place.require("create")
    rows = partial(secrets.create, call.db, place, call.actor, [item])
    return _approval(call, place, [item]) or {"secret": _written(call, place, rows())[0]}


def update_one(dialect: Dialect, call: Call) -> Any:
    item = {**call.body, "secretKey": call.params["secretName"]}
    place = _place(call, dialect, call.body, "UpdateSecret")
    place.require("edit")
    rows = partial(secrets.update, call.db, place, call.actor, [item])
    return _approval(call, place, [item]) or {"secret": _written(call, place, rows(), [item])[0]}


def delete_one(dialect: Dialect, call: Call) -> Any:
    item = {**call.body, "secretKey": call.params["secretName"]}
    place = _place(call, dialect, call.body, "DeleteSecret")
    place.require("delete")
    rows = partial(secrets.delete, call.db, place, call.actor, [item])
    return _approval(call, place, [item]) or {"secret": _written(call, place, rows())[0]}


def create_batch(dialect: Dialect, call: Call) -> Any:
    items = call.body["secrets"]
    place = _place(call, dialect, call.body, "CreateSecret")
    place.require("create")
    rows = partial(secrets.create, call.db, place, call.actor, items)
    return _approval(call, place, items) or {"secrets": _written(call, place, rows())}


def update_batch(dialect: Dialect, call: Call) -> Any:
    items = call.body["secrets"]
    place = _place(call, dialect, call.body, "UpdateSecret")
    place.require("edit")
    new: list[Row] = []
    mode = call.body.get("mode", "failOnNotFound")
    if mode != "failOnNotFound":
        present = secrets.named(call.db, place, [item["secretKey"] for item in items])
        new = [item for item in items if item["secretKey"] not in present] if mode == "upsert" else []
        items = [item for item in items if item["secretKey"] in present]
    approval = _approval(call, place, [*items, *new])
    if approval:
        return approval
    rows = secrets.update(call.db, place, call.actor, items)
    rows += secrets.create(call.db, place, call.actor, [{"secretValue": "", **item} for item in new]) if new else []
    return {"secrets": _written(call, place, rows, items)}


def delete_batch(dialect: Dialect, call: Call) -> Any:
    items = call.body["secrets"]
    place = _place(call, dialect, call.body, "DeleteSecret")
    place.require("delete")
    rows = partial(secrets.delete, call.db, place, call.actor, items)
    return _approval(call, place, items) or {"secrets": _written(call, place, rows())}


def _add_routes(dialect: Dialect) -> None:
    where, key = _where(dialect), {"secretKey": NAME}
    one = dialect.base + "/{secretName}"
    listing = {
        **_reading(dialect),
        "recursive": switch(False),
        "includePersonalOverrides": switch(False),
        "tagSlugs": text().optional(""),
        "metadataFilter": text().optional(""),
    }
    mode = {"mode": one_of(*MODES, default="failOnNotFound")} if dialect is V4 else {}

    def add(method: str, path: str, handler: Any, **schemas: Any) -> None:
        area.route(method, path, limit="secrets", **schemas)(partial(handler, dialect))

    add("GET", dialect.base, list_secrets, query=listing)
    add("GET", one, get_secret, query={**_reading(dialect), **TYPE, "version": counted()})
    add("POST", one, create_one, body={**where, **NEW, **TYPE})
    add("PATCH", one, update_one, body={**where, **CHANGE, **TYPE})
    add("DELETE", one, delete_one, body={**where, **TYPE})
    add("POST", dialect.batch, create_batch, body={**where, "secrets": objects({**key, **NEW}, minimum=1)})
    add("PATCH", dialect.batch, update_batch, body={**where, **mode, "secrets": objects({**key, **CHANGE}, minimum=1)})
    add("DELETE", dialect.batch, delete_batch, body={**where, "secrets": objects({**key, **TYPE}, minimum=1)})


_add_routes(V4)
_add_routes(V3)
