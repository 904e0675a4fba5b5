# SPDX-License-Identifier: GPL-3.0-or-later
"""Folders of an environment."""

from __future__ import annotations

import re
from typing import Any

from ..database import Db, Row, as_id
from ..errors import bad_request, not_found
from . import projects

NAME = re.compile(r"[a-zA-Z0-9_-]+")
BAD_NAME = "Invalid folder name. Only alphanumeric characters, dashes, and underscores are allowed."


def root(db: Db, env: Row) -> Row:
    return db.the('SELECT * FROM secret_folders WHERE "envId" = %s AND "parentId" IS NULL', env["id"])


def child(db: Db, parent: Row, name: str) -> Row | None:
    return db.one('SELECT * FROM secret_folders WHERE "parentId" = %s AND name = %s', parent["id"], name)


def children(db: Db, parent: Row) -> list[Row]:
    return db.all('SELECT * FROM secret_folders WHERE "parentId" = %s ORDER BY "createdAt", id', parent["id"])


def at_path(db: Db, project: Row, environment: str, path: str) -> Row | None:
    """The folder at an absolute path; None where it or its environment does not exist."""
    env = projects.environment(db, project, environment)
    if env is None or not path.startswith("/"):
        return None
    folder: Row | None = root(db, env)
    for name in filter(None, path.split("/")):
        folder = child(db, folder, name) if folder else None
    return folder


def environment_or_refuse(db: Db, project: Row, slug: str) -> Row:
    env = projects.environment(db, project, slug)
    if env is None:
        raise not_found(f"Environment with slug '{slug}' in project with ID '{project['id']}' not found")
    return env


def create(db: Db, project: Row, environment: str, path: str, name: str, description: str | None) -> tuple[Row, bool]:
    """The folder, and whether it is new; missing parents are made on the way."""
    folder = root(db, environment_or_refuse(db, project, environment))
    is_new = False
    for part in [*filter(None, path.split("/")), name]:
        if not NAME.fullmatch(part):
            raise bad_request(BAD_NAME)
        found = child(db, folder, part)
        is_new = found is None
        folder = found or db.insert("secret_folders", name=part, envId=folder["envId"], parentId=folder["id"])
    if is_new and description is not None:
        folder = db.update("secret_folders", folder["id"], description=description)
    return folder, is_new


def by_id(db: Db, folder_id: str) -> Row | None:
    wanted = as_id(folder_id)
    return db.one("SELECT * FROM secret_folders WHERE id = %s", wanted) if wanted else None


def below(db: Db, parent: Row, id_or_name: str) -> Row:
    row = child(db, parent, id_or_name) or by_id(db, id_or_name)
    if row is None or row["parentId"] != parent["id"]:
        raise not_found(f"Folder with identifier '{id_or_name}' not found")
    return row


def tree(db: Db, top: Row, path: str) -> dict[Any, str]:
    """The ids of a folder and all below it, each with its path."""
    rows = db.all(
        """WITH RECURSIVE below AS (
               SELECT id, %s::text AS path FROM secret_folders WHERE id = %s
               UNION ALL
               SELECT f.id, rtrim(b.path, '/') || '/' || f.name
               FROM secret_folders f JOIN below b ON f."parentId" = b.id
           ) SELECT * FROM below""",
        path,
        top["id"],
    )
    return {row["id"]: row["path"] for row in rows}


def path_of(db: Db, folder: Row) -> str:
    """The absolute path of a folder."""
    parts: list[str] = []
    here: Row | None = folder
    while here and here["parentId"] is not None:
        parts.insert(0, here["name"])
        here = db.one("SELECT * FROM secret_folders WHERE id = %s", here["parentId"])
    return "/" + "/".join(parts)
