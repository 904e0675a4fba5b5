# Copyright: (c) 2026, The omakase.homelab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Folders of an environment on the server: which there are, and what to do to have those that are wanted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.omakase.homelab.plugins.module_utils._infisical import eras, existence, store
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.client import Client
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.errors import InfisicalError
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.model import Scope, records, text
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.paths import below, parent_and_name


class Tree:
    """The folders of an environment by path, read level by level, and each level once."""

    def __init__(self, client: Client, root: Scope) -> None:
        self._client = client
        self._root = root
        self._levels: dict[str, dict[str, str]] = {}

    def children(self, path: str) -> dict[str, str]:
        """Ids by name of the folders in a folder that exists."""
        if path not in self._levels:
            answer = self._client.ask(eras.list_folders(self._root.at(path)))
            self._levels[path] = {text(item, "name"): text(item, "id") for item in records(answer, "folders")}
        return self._levels[path]

    def id_of(self, path: str) -> str | None:
        """The id of the folder; None if it, or one above it, does not exist."""
        here = "/"
        found: str | None = None
        for name in path.strip("/").split("/"):
            found = self.children(here).get(name)
            if found is None:
                return None
            here = below(here, name)
        return found


class NoTree(Tree):
    """The folders of an environment that does not exist yet: none."""

    def __init__(self) -> None:
        pass

    def children(self, path: str) -> dict[str, str]:
        return {}


NO_TREE = NoTree()


@dataclass(frozen=True)
class FolderPlan:
    """Paths to create, and paths with ids to delete."""

    create: list[str]
    delete: dict[str, str]

    def __bool__(self) -> bool:
        return bool(self.create or self.delete)

    def as_diff(self) -> dict[str, Any]:
        return {"before": {"folders": sorted(self.delete)}, "after": {"folders": self.create}}

    def perform(self, client: Client, root: Scope) -> None:
        for path in self.create:
            create(client, root.at(path))
        for path, folder_id in self.delete.items():
            delete(client, root.at(path), folder_id)


def plan_folders(paths: Sequence[str], tree: Tree, state: str) -> FolderPlan:
    """paths: of the folders that are to be there, or not. The root is always there."""
    for path in paths:
        _check(path, state)
    ids = {path: tree.id_of(path) for path in dict.fromkeys(paths) if path != "/"}
    if state == "present":
        return FolderPlan([path for path, folder_id in ids.items() if folder_id is None], {})
    return FolderPlan([], {path: folder_id for path, folder_id in ids.items() if folder_id is not None})


def _check(path: str, state: str) -> None:
    if path == "/" and state == "absent":
        raise InfisicalError("The root of an environment cannot be deleted.", "Name a folder in it.")
    for name in path.strip("/").split("/"):
        if any(not (character.isascii() and (character.isalnum() or character in "-_")) for character in name):
            raise InfisicalError(
                f"'{name}' is not the name of a folder.", "It is made of letters, digits, dashes and underscores."
            )


def refuse_full(client: Client, root: Scope, plan: FolderPlan) -> None:
    """Raises InfisicalError if a folder that is to be deleted holds anything."""
    view = store.View(expand=False, imports=False, recursive=True)
    for path in plan.delete:
        held = [secret.name for secret in store.read(client, root.at(path), view).secrets]
        held += [name + "/" for name in existence.folder_names(client, root.at(path))]
        if held:
            raise InfisicalError(
                f"The folder {path} holds {', '.join(held[:5])}{', …' if len(held) > 5 else ''}.",
                "Set force: true to delete it with all that it holds.",
            )


def create(client: Client, scope: Scope) -> None:
    """Makes the folder and those above it. Servers of 2024 accept one that exists, newer ones say 400."""
    parent, name = parent_and_name(scope.path)
    client.ask(eras.write_folder("POST", scope.at(parent), {"name": name}))


def delete(client: Client, scope: Scope, folder_id: str) -> None:
    parent, _name = parent_and_name(scope.path)
    client.ask(eras.write_folder("DELETE", scope.at(parent), {"forceDelete": True}, folder_id))
