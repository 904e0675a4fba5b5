# Copyright: (c) 2026, The omakase.homelab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The course of infisical_rotation: what it reads, decides and does in each state."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.omakase.homelab.plugins.module_utils._doctor import containers
from ansible_collections.omakase.homelab.plugins.module_utils._doctor.findings import PROBLEM
from ansible_collections.omakase.homelab.plugins.module_utils._infisical import existence, generate, store
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.client import Client
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.errors import InfisicalError
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.model import Scope, Secret
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.store import View, Written
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.target import Target
from ansible_collections.omakase.homelab.plugins.module_utils._rotation import course, plan
from ansible_collections.omakase.homelab.plugins.module_utils._rotation.containers import Run
from ansible_collections.omakase.homelab.plugins.module_utils._rotation.databases import ComposeDatabases
from ansible_collections.omakase.homelab.plugins.module_utils._rotation.journal import Change, Journal, truly_dated
from ansible_collections.omakase.homelab.plugins.module_utils._rotation.plan import Row


class ProjectVault:
    """A folder of a project on the server."""

    def __init__(self, client: Client, scope: Scope) -> None:
        self._client = client
        self._scope = scope

    def read(self) -> dict[str, Secret]:
        listing = store.read(self._client, self._scope, View(expand=False, imports=False))
        if listing.is_empty:
            existence.explain_empty(self._client, self._scope)
        return {secret.name: secret for secret in listing.secrets}

    def create(self, name: str, value: str, comment: str) -> None:
        self._write("POST", [{"secretKey": name, "secretValue": value, "secretComment": comment}])

    def update(self, values: Mapping[str, str]) -> None:
        if len(values) > store.BATCH:
            raise InfisicalError(f"{len(values)} secrets at once are more than a server takes.", "Name fewer.")
        self._write("PATCH", [{"secretKey": name, "secretValue": value} for name, value in values.items()])

    def delete(self, name: str) -> None:
        self._write("DELETE", [{"secretKey": name, "type": "shared"}])

    def _write(self, method: str, secrets: Sequence[dict[str, Any]]) -> None:
        written = Written([], [])
        store.write_all(self._client, method, self._scope, secrets, written)
        if written.awaiting_approval:
            raise InfisicalError(
                f"Not applied: the server keeps {', '.join(written.awaiting_approval)} until somebody approves it.",
                "Take this environment out of the approval policy for this identity, or rotate by hand.",
            )


@dataclass
class Result:
    """What is told: names and sentences, never a value."""

    changed: bool = False
    project_id: str = ""
    table: list[Row] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    unfinished: list[str] = field(default_factory=list)
    settled: list[str] = field(default_factory=list)
    left_alone: list[str] = field(default_factory=list)
    back: bool = False

    def as_dict(self) -> dict[str, Any]:
        return {
            "changed": self.changed,
            "project_id": self.project_id,
            "secrets": [row.as_result() for row in self.table],
            "lines": plan.lines(self.table),
            "to_rotate": [row.name for row in self.table if row.state == plan.ROTATE],
            "refused": self.refused,
            "unfinished": self.unfinished,
            "settled": self.settled,
            "left_alone": self.left_alone,
            "back": self.back,
        }


class Rotation:
    """One run of the module. It fills result. Raises InfisicalError."""

    def __init__(self, target: Target, run: Run, result: Result) -> None:
        client = target.client()
        scope = target.scope(client)
        result.project_id = scope.project_id
        self.params, self.result, self._run, self._now = target.params, result, run, client.now
        self.vault = ProjectVault(client, scope)
        self.databases = ComposeDatabases(run, self.params["directory"])
        self.secrets = self.vault.read()
        self.dated = truly_dated(self.secrets)
        self.journal = course.found_journal(self.secrets)
        if self.journal:
            result.unfinished = [change.name for change in self.journal.changes]
            result.back = self.journal.back

    def planned(self) -> None:
        names, now = self.params["names"], self._now()
        readers, catalogue = self.params["readers"], self.params["catalogue"]
        shared_with = self.params["shared_with"]
        self.result.table = plan.rows(catalogue, self.dated, names, now, self.databases, readers, shared_with)
        self.result.refused = [f"{row.name}: {row.action}" for row in plan.refused_by_name(self.result.table, names)]
        self.result.changed = bool(self.journal) or any(row.state == plan.ROTATE for row in self.result.table)

    def foreseen(self, state: str) -> None:
        """What the state would change, or why it could not, without changing anything."""
        self.planned()
        if state == "rotated" and self.journal is None:
            self._new_journal()
        elif state in ("undone", "finished"):
            self.result.changed = self.journal is not None

    def rotated(self) -> None:
        if self.journal is None:
            self.planned()
            self.journal = self._new_journal()
            if self.journal is None:
                return
            course.begin(self.vault, self.journal)
        self._settle(self.journal)

    def undone(self) -> None:
        if self.journal is not None:
            self._settle(course.turn_back(self.vault, self.journal))

    def finished(self) -> None:
        if self.journal is not None:
            self.result.changed = True
            course.finish(self.vault, self.databases, self.journal, self.secrets)

    def _settle(self, journal: Journal) -> None:
        self.result.changed = True
        settled = course.settle(self.vault, self.databases, journal, self.secrets)
        self.result.settled, self.result.left_alone, self.result.back = settled.names, settled.left_alone, settled.back

    def _new_journal(self) -> Journal | None:
        """None if there is nothing to rotate."""
        if self.result.refused:
            raise InfisicalError(f"Nothing was rotated. {'; '.join(self.result.refused)}.")
        known = {entry["name"]: entry for entry in self.params["catalogue"]}
        due = [row for row in self.result.table if row.state == plan.ROTATE]
        if not due:
            return None
        self._refuse_a_sick_stack()
        return Journal(tuple(self._change(known[row.name], row.recipe) for row in due))

    def _change(self, entry: Mapping[str, Any], recipe: str) -> Change:
        made = {"kind": entry["type"], "length": entry.get("length") or 32, "alphabet": entry.get("alphabet")}
        generate.check(made)
        secret = self.dated[entry["name"]]
        return Change(entry["name"], secret.value, generate.value(made), plan.place_of(entry, recipe), secret.updated)

    def _refuse_a_sick_stack(self) -> None:
        """Afterwards nobody could tell whether the rotation did it."""
        found = containers.project(self._run, self.params["directory"])
        sick = [finding for finding in found if finding.state == PROBLEM]
        if sick:
            told = "; ".join(f"{finding.check}: {finding.evidence.splitlines()[0]}" for finding in sick)
            raise InfisicalError(
                f"Nothing was rotated, since the stack is not well before ({told}).",
                "playbooks/doctor.yml says more, playbooks/omakase.yml starts it.",
            )
