# SPDX-License-Identifier: GPL-3.0-or-later
"""Imports: a folder that also shows the secrets of another."""

from __future__ import annotations

from typing import Any

from ..database import Db, Row, as_id
from ..errors import bad_request, not_found
from . import folders


def of_folder(db: Db, folder_id: Any) -> list[Row]:
    """In their order, each with `envSlug` and `envName`."""
    return db.all(
        """SELECT i.*, e.slug AS "envSlug", e.name AS "envName" FROM secret_imports i
           JOIN project_environments e ON e.id = i."importEnv" WHERE i."folderId" = %s ORDER BY i.position""",
        folder_id,
    )


def create(db: Db, project: Row, folder: Row, environment: str, path: str) -> Row:
    """An import at the end of the list. Raises 400 for a second one of the same folder, 404 for a missing source."""
    env = folders.environment_or_refuse(db, project, environment)
    if folders.at_path(db, project, environment, path) is None:
        raise not_found(f"Folder with path '{path}' in environment with slug '{environment}' not found")
    present = of_folder(db, folder["id"])
    if any(row["importEnv"] == env["id"] and row["importPath"] == path for row in present):
        raise bad_request("Secret import already exist")
    row = db.insert(
        "secret_imports", importPath=path, importEnv=env["id"], position=len(present) + 1, folderId=folder["id"]
    )
    return by_id(db, folder, str(row["id"]))


def by_id(db: Db, folder: Row, import_id: str) -> Row:
    wanted = as_id(import_id)
    row = next((row for row in of_folder(db, folder["id"]) if row["id"] == wanted), None)
    if row is None:
        raise not_found(f"Secret import with ID '{import_id}' not found")
    return row


def update(db: Db, project: Row, folder: Row, import_id: str, changes: dict[str, Any]) -> Row:
    row = by_id(db, folder, import_id)
    values: dict[str, Any] = {}
    if changes.get("environment"):
        values["importEnv"] = folders.environment_or_refuse(db, project, changes["environment"])["id"]
    if changes.get("path"):
        values["importPath"] = changes["path"]
    if changes.get("position") is not None:
        _shift(db, row, changes["position"])
        values["position"] = changes["position"]
    db.update("secret_imports", row["id"], **values)
    return by_id(db, folder, import_id)


def _shift(db: Db, row: Row, position: int) -> None:
    low, high = sorted((row["position"], position))
    db.run(
        """UPDATE secret_imports SET position = position + %s
           WHERE "folderId" = %s AND id <> %s AND position BETWEEN %s AND %s""",
        1 if position < row["position"] else -1,
        row["folderId"],
        row["id"],
        low,
        high,
    )


def delete(db: Db, folder: Row, import_id: str) -> Row:
    row = by_id(db, folder, import_id)
    db.run("DELETE FROM secret_imports WHERE id = %s", row["id"])
    db.run(
        'UPDATE secret_imports SET position = position - 1 WHERE "folderId" = %s AND position > %s',
        folder["id"],
        row["position"],
    )
    return row


def sources(db: Db, project: Row, folder_id: Any) -> list[tuple[Row, Row]]:
    """Each import with the folder it shows; those whose folder is gone are left out."""
    found = ((row, folders.at_path(db, project, row["envSlug"], row["importPath"])) for row in of_folder(db, folder_id))
    return [(row, source) for row, source in found if source is not None]
