# SPDX-License-Identifier: GPL-3.0-or-later
"""Secrets: sealed rows, their versions, and writing them one by one or in batches."""

from __future__ import annotations

import datetime
import json
import uuid
from dataclasses import dataclass
from typing import Any

from .. import crypto
from ..database import Db, Row
from ..errors import ApiError, bad_request, no_folder, not_found
from ..permissions import Rights
from ..web import Actor
from . import folders


@dataclass(frozen=True)
class Place:
    """A folder with all that is needed to read and write in it."""

    project: Row
    environment: str
    path: str
    folder: Row
    data_key: bytes
    rights: Rights

    def require(self, action: str) -> None:
        self.rights.require(action, "secrets", self.environment, self.path)


def trimmed(value: str) -> str:
    """Without blanks at both ends, but for one newline at the end: what the server makes of every value."""
    return value.strip() + "\n" if value.endswith("\n") else value.strip()


def in_folders(db: Db, folder_ids: list[Any], user_id: Any = None) -> list[Row]:
    """The shared secrets of these folders, and a user's personal ones if asked; in an order that means nothing."""
    return db.all(
        """SELECT * FROM secrets_v2 WHERE "folderId" = ANY(%s) AND ("userId" IS NULL OR "userId" = %s) ORDER BY id""",
        folder_ids,
        user_id,
    )


def named(db: Db, place: Place, names: list[str], user_id: Any = None) -> dict[str, Row]:
    rows = db.all(
        """SELECT * FROM secrets_v2 WHERE "folderId" = %s AND key = ANY(%s)
           AND "userId" IS NOT DISTINCT FROM %s FOR UPDATE""",
        place.folder["id"],
        names,
        user_id,
    )
    return {row["key"]: row for row in rows}


def owner(actor: Actor, kind: str) -> Any:
    """Whose a secret of this type is: nobody's for a shared one."""
    if kind == "shared":
        return None
    if actor.kind != "user":
        raise bad_request("Only users can have personal secrets")
    return actor.id


def version(db: Db, row: Row, wanted: int | None) -> Row:
    """A former version; the row itself where there is none, as the real server does."""
    if wanted is None:
        return row
    old = db.one('SELECT * FROM secret_versions_v2 WHERE "secretId" = %s AND version = %s', row["id"], wanted)
    return {**row, **{name: old[name] for name in old if name != "secretId"}} if old else row


def create(db: Db, place: Place, actor: Actor, wanted: list[Row]) -> list[Row]:
    """New secrets, all or none. Raises 400 naming those that exist."""
    place.require("create")
    by_owner = _by_owner(actor, wanted)
    taken = [name for who, items in by_owner.items() for name in named(db, place, _names(items), who)]
    if taken:
        raise bad_request("Secret already exist" + (": " + ", ".join(taken) if len(wanted) > 1 else ""))
    now = datetime.datetime.now(datetime.timezone.utc)
    rows = [_new_row(place, actor, item, now) for item in wanted]
    if len({(row["key"], row["userId"]) for row in rows}) < len(rows):
        raise bad_request("Secrets have duplicate names")
    db.insert_many("secrets_v2", rows)
    _remember(db, rows)
    return rows


def update(db: Db, place: Place, actor: Actor, wanted: list[Row]) -> list[Row]:
    """A new version of each, even for an equal value. Raises 404 as a whole when one is missing."""
    place.require("edit")
    rows = []
    for who, items in _by_owner(actor, wanted).items():
        found = named(db, place, _names(items), who)
        missing = [name for name in _names(items) if name not in found]
        if missing:
            raise missing_secret(items, missing)
        rows += [_changed(db, place, actor, found[item["secretKey"]], item) for item in items]
    _remember(db, rows)
    return rows


def missing_secret(items: list[Row], missing: list[str]) -> ApiError:
    """A batch's message names the first secret of the batch, not the missing one: recorded so."""
    if len(items) > 1:
        return not_found(f"Secret does not exist: {items[0]['secretKey']}")
    return not_found(f"Secret with name {missing[0]} not found")


def delete(db: Db, place: Place, actor: Actor, wanted: list[Row]) -> list[Row]:
    place.require("delete")
    rows = []
    for who, items in _by_owner(actor, wanted).items():
        found = named(db, place, _names(items), who)
        for name in _names(items):
            if name not in found:
                raise not_found(f"Secret with name '{name}' not found", "DeleteSecret")
            rows.append(found[name])
    db.run("DELETE FROM secrets_v2 WHERE id = ANY(%s)", [row["id"] for row in rows])
    return rows


def place_or_refuse(
    db: Db, project: Row, environment: str, path: str, data_key: bytes, rights: Rights, error: str
) -> Place:
    folder = folders.at_path(db, project, environment, path)
    if folder is None:
        raise no_folder(path, environment, error)
    return Place(project, environment, path, folder, data_key, rights)


def _names(items: list[Row]) -> list[str]:
    return [item["secretKey"] for item in items]


def _by_owner(actor: Actor, wanted: list[Row]) -> dict[Any, list[Row]]:
    found: dict[Any, list[Row]] = {}
    for item in wanted:
        found.setdefault(owner(actor, item.get("type", "shared")), []).append(item)
    return found


def _new_row(place: Place, actor: Actor, item: Row, now: datetime.datetime) -> Row:
    who = owner(actor, item.get("type", "shared"))
    return {
        "id": uuid.uuid4(),
        "version": 1,
        "type": "personal" if who else "shared",
        "key": item["secretKey"],
        "encryptedValue": crypto.seal(place.data_key, item["secretValue"].encode()),
        "encryptedComment": crypto.seal(place.data_key, item.get("secretComment", "").encode()),
        "reminderNote": item.get("secretReminderNote"),
        "reminderRepeatDays": item.get("secretReminderRepeatDays"),
        "skipMultilineEncoding": item.get("skipMultilineEncoding") or False,
        "metadata": json.dumps(item.get("secretMetadata") or []),
        "tagIds": item.get("tagIds") or [],
        "userId": who,
        "folderId": place.folder["id"],
        "actor": json.dumps(actor.as_author()),
        "createdAt": now,
        "updatedAt": now,
    }


def _changed(db: Db, place: Place, actor: Actor, row: Row, item: Row) -> Row:
    changes: dict[str, Any] = {"version": row["version"] + 1, "actor": json.dumps(actor.as_author())}
    if item.get("secretValue") is not None:
        changes["encryptedValue"] = crypto.seal(place.data_key, item["secretValue"].encode())
    if item.get("secretComment") is not None:
        changes["encryptedComment"] = crypto.seal(place.data_key, item["secretComment"].encode())
    if item.get("newSecretName"):
        if named(db, place, [item["newSecretName"]], row["userId"]):
            raise bad_request("Secret with the new name already exist")
        changes["key"] = item["newSecretName"]
    if item.get("secretMetadata") is not None:
        changes["metadata"] = json.dumps(item["secretMetadata"])
    if item.get("tagIds") is not None:
        changes["tagIds"] = item["tagIds"]
    for given, column in (
        ("skipMultilineEncoding", "skipMultilineEncoding"),
        ("secretReminderNote", "reminderNote"),
        ("secretReminderRepeatDays", "reminderRepeatDays"),
    ):
        if given in item:
            changes[column] = item[given]
    return db.update("secrets_v2", row["id"], **changes)


def _remember(db: Db, rows: list[Row]) -> None:
    """Keep this version of each."""
    columns = ("version", "key", "encryptedValue", "encryptedComment", "actor", "updatedAt")
    kept = [{"secretId": row["id"], **{column: row[column] for column in columns}} for row in rows]
    for entry in kept:
        if not isinstance(entry["actor"], str):
            entry["actor"] = json.dumps(entry["actor"])
    db.insert_many("secret_versions_v2", kept)


def no_such_secret(name: str) -> ApiError:
    return not_found(f"Secret with name '{name}' not found")


def from_json(value: Any) -> Any:
    """A JSON column, read from the database or just about to be written."""
    return json.loads(value) if isinstance(value, str) else value
