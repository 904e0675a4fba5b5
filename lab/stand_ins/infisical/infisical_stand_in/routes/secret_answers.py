# SPDX-License-Identifier: GPL-3.0-or-later
"""How secrets look in an answer: opened, expanded, with their tags, and the imported ones beside them."""

from __future__ import annotations

from typing import Any

from .. import crypto
from ..database import Db, Row
from ..permissions import Rights
from ..references import Place, expand
from ..store import folders, imports, secrets

HIDDEN = "<hidden-by-infisical>"


class Reader:
    """Opens the secrets of one project for one caller. Keeps what it has opened for further references."""

    def __init__(
        self, db: Db, project: Row, rights: Rights, data_key: bytes, is_current: bool, shows_values: bool = True
    ) -> None:
        self.db = db
        self.project = project
        self.rights = rights
        self.data_key = data_key
        self.is_current = is_current
        self.shows_values = shows_values
        self.opened: dict[Place, dict[str, str]] = {}
        self.tags = self._tags()

    def written(self, row: Row, environment: str, path: str) -> Row:
        """A secret in the answer to a write: as stored."""
        answer = self._answer(row, environment, path, self._open(row["encryptedValue"]))
        return answer if self.is_current else _without(answer, "tags")

    def single(self, row: Row, environment: str, path: str, *, expands: bool) -> Row:
        return self._answer(row, environment, path, self._value(row, environment, path, expands))

    def listed(self, row: Row, environment: str, path: str, *, expands: bool) -> Row:
        return {**self.single(row, environment, path, expands=expands), "secretPath": path}

    def imports(self, folder_ids: list[Any], *, expands: bool) -> list[Row]:
        """What these folders import, each source with its secrets and those that it imports itself."""
        found = self._imports(folder_ids, expands)
        return [{**entry, "secrets": [self._as_imported(secret) for secret in entry["secrets"]]} for entry in found]

    def _imports(self, folder_ids: list[Any], expands: bool) -> list[Row]:
        found = []
        for folder_id in folder_ids:
            for row, source in imports.sources(self.db, self.project, folder_id):
                if self.rights.may("read", "secrets", row["envSlug"], row["importPath"]):
                    found.append(self._import(row, source, expands))
        return found

    def imported_secret(self, folder: Row, name: str, *, expands: bool) -> Row | None:
        """One secret by way of the imports; the last import that has it wins."""
        for entry in reversed(self._imports([folder["id"]], expands)):
            for secret in entry["secrets"]:
                if secret["secretKey"] == name:
                    return {**secret, "secretPath": entry["secretPath"]}
        return None

    def _import(self, row: Row, source: Row, expands: bool) -> Row:
        members = self._with_nested(row, source, expands, {source["id"]})
        return {
            "secretPath": row["importPath"],
            "environment": row["envSlug"],
            "folderId": source["id"],
            "secrets": list(members.values()),
        }

    def _with_nested(self, row: Row, source: Row, expands: bool, seen: set[Any]) -> dict[str, Row]:
        found: dict[str, Row] = {}
        for inner, folder in imports.sources(self.db, self.project, source["id"]):
            if folder["id"] not in seen:
                found |= self._with_nested(inner, folder, expands, {*seen, folder["id"]})
        for secret in secrets.in_folders(self.db, [source["id"]]):
            found[secret["key"]] = self.single(secret, row["envSlug"], row["importPath"], expands=expands)
        return found

    def _as_imported(self, answer: Row) -> Row:
        """What the answers leave out of an imported secret."""
        shorter = _without(answer, "createdAt", "updatedAt", "tags", "secretPath")
        if self.is_current:
            return shorter
        return {**_without(shorter, "secretReminderNote", "secretReminderRepeatDays"), "workspace": ""}

    def _answer(self, row: Row, environment: str, path: str, value: str) -> Row:
        answer = {
            "id": row["id"],
            "_id": row["id"],
            "workspace": self.project["id"],
            "environment": environment,
            "version": row["version"],
            "type": row["type"],
            "secretKey": row["key"],
            "secretValue": value if self.shows_values else HIDDEN,
            "secretComment": self._open(row["encryptedComment"]),
            "secretReminderNote": row["reminderNote"],
            "secretReminderRepeatDays": row["reminderRepeatDays"],
            "skipMultilineEncoding": row["skipMultilineEncoding"],
            "createdAt": row["createdAt"],
            "updatedAt": row["updatedAt"],
            "tags": [self.tags[tag] for tag in row["tagIds"] if tag in self.tags],
        }
        if not self.is_current:
            return {**answer, "metadata": None}
        return answer | {
            "secretPath": path,
            "secretValueHidden": not self.shows_values,
            "secretMetadata": secrets.from_json(row["metadata"]),
            "actor": secrets.from_json(row["actor"]),
            "isRotatedSecret": False,
            "rotationId": None,
        }

    def _value(self, row: Row, environment: str, path: str, expands: bool) -> str:
        value = self._open(row["encryptedValue"])
        return expand(value, (environment, path), self._values) if expands and self.shows_values else value

    def _values(self, place: Place) -> dict[str, str]:
        """All values of a folder, for references; none where the caller may not read."""
        if place not in self.opened:
            environment, path = place
            folder = folders.at_path(self.db, self.project, environment, path)
            rows = secrets.in_folders(self.db, [folder["id"]]) if folder else []
            allowed = self.rights.may("read", "secrets", environment, path)
            self.opened[place] = {row["key"]: self._open(row["encryptedValue"]) for row in rows if allowed}
        return self.opened[place]

    def _open(self, sealed: Any) -> str:
        return crypto.unseal(self.data_key, bytes(sealed)).decode()

    def _tags(self) -> dict[Any, Row]:
        rows = self.db.all('SELECT id, slug, color FROM secret_tags WHERE "projectId" = %s', self.project["id"])
        return {row["id"]: {**row, "name": row["slug"]} for row in rows}


def _without(answer: Row, *names: str) -> Row:
    return {name: value for name, value in answer.items() if name not in names}
