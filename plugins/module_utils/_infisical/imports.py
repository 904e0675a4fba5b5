# Copyright: (c) 2026, The omakase.homelab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Imports on the server: a folder that takes secrets from another folder or environment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.omakase.homelab.plugins.module_utils._infisical import eras
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.client import Client
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.exchange import Json
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.model import Scope, record, records, text
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.paths import normal_path
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.plan import Plan


@dataclass(frozen=True)
class Import:
    """One import of a folder. position: counts from 1; of two imports the one with the higher position wins."""

    id: str
    environment: str
    path: str
    position: int

    def as_result(self) -> dict[str, Any]:
        return {"id": self.id, "environment": self.environment, "path": self.path, "position": self.position}


def of_folder(client: Client, scope: Scope) -> list[Import]:
    """All imports of a folder by position. Raises InfisicalError if the folder does not exist."""
    answer = client.ask(eras.list_imports(scope))
    found = [_import(item) for item in records(answer, "secretImports") if not item.get("isReserved")]
    return sorted(found, key=lambda item: item.position)


def perform(client: Client, scope: Scope, source: Scope, step: Plan, found: Import | None) -> Import | None:
    """The import as it is afterwards; None if there is none."""
    if step.step == "create":
        where = {"environment": source.environment, "path": source.path}
        answer = client.ask(eras.write_import("POST", scope, {"import": where}))
        found = _import(record(answer, "secretImport"))
    if step.step == "delete" and found is not None:
        client.ask(eras.write_import("DELETE", scope, {}, found.id))
        return None
    position = step.changes.get("position")
    if found is not None and position is not None and position != found.position:
        change: Json = {"position": position}
        answer = client.ask(eras.write_import("PATCH", scope, {"import": change}, found.id))
        found = _import(record(answer, "secretImport"))
    return found


def _import(item: Mapping[str, Any]) -> Import:
    position = item.get("position")
    return Import(
        text(item, "id"),
        text(record(item, "importEnv"), "slug"),
        normal_path(text(item, "importPath")),
        position if isinstance(position, int) else 0,
    )
