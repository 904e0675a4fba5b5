# Copyright: (c) 2026, The omakase.homelab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The secrets of one lookup: which folder, through the run cache or past it, and what to say if a name is missing."""

from __future__ import annotations

from dataclasses import dataclass

from ansible_collections.omakase.homelab.plugins.module_utils._infisical import existence, projects, store
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.client import Client
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.errors import InfisicalError
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.model import (
    Scope,
    normal_path,
    parent_and_name,
)
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.resolve import Resolved, resolve
from ansible_collections.omakase.homelab.plugins.plugin_utils._infisical.run_cache import (
    EVERY_PROJECT,
    NEVER,
    Cache,
    Drawer,
    Entry,
)


@dataclass(frozen=True)
class SecretRef:
    """A name in a folder."""

    path: str
    name: str

    @classmethod
    def parse(cls, term: str, default_path: str) -> SecretRef:
        """NAME in the default folder, or /folder/NAME. Without a slash at its beginning, slashes belong to the name."""
        path, name = parent_and_name(term) if term.startswith("/") else (default_path, term)
        if not name:
            raise InfisicalError(f"'{term}' is not the name of a secret.", "It looks like NAME or /folder/NAME.")
        return cls(path, name)


class MissingSecretError(InfisicalError):
    """There is no secret of that name in a folder that exists."""


@dataclass(frozen=True)
class Place:
    """Where a lookup looks by default. One of project_id and project_slug is empty."""

    project_id: str
    project_slug: str
    environment: str
    path: str


class Vault:
    """What lookups ask. identity: who asks, as a part of the names in the cache."""

    def __init__(
        self, client: Client, cache: Cache, drawer: Drawer, identity: str, place: Place, view: store.View, fresh: bool
    ) -> None:
        self.client = client
        self.cache = cache
        self.drawer = drawer
        self.identity = identity
        self.place = place
        self.view = view
        self.fresh = fresh
        self.path = normal_path(place.path)

    def value(self, ref: SecretRef) -> str:
        """The value, byte for byte. Raises MissingSecretError, and InfisicalError for all else."""
        folder = self.folder(ref.path)
        value = folder.value(ref.name)
        if value is None:
            raise self._missing(ref, folder)
        return value

    def folder(self, path: str) -> Resolved:
        """All that a folder gives, by name. Raises InfisicalError, also for a folder that does not exist."""
        scope = Scope(self._project_id(), self.place.environment, normal_path(path))
        generation = self.cache.generation(scope.project_id)
        if self.fresh or generation == NEVER:
            return self._fetch(scope)
        view = self.view
        flags = "".join("01"[flag] for flag in (view.expand, view.imports, view.recursive))
        entry = self.drawer.once(
            ("folder", self.client.server, self.identity, scope.project_id, scope.environment, scope.path, flags),
            lambda found: found["generation"] == self.cache.generation(scope.project_id),
            lambda: self._entry(scope),
        )
        return Resolved(**entry["folder"])

    def _entry(self, scope: Scope) -> Entry:
        # Before the request: what is written while it is under way must not count as read.
        generation = self.cache.generation(scope.project_id)
        return {"generation": generation, "folder": self._fetch(scope).as_json()}

    def _fetch(self, scope: Scope) -> Resolved:
        listing = store.read(self.client, scope, self.view)
        if listing.is_empty:
            existence.explain_empty(self.client, scope)
        return resolve(listing)

    def _project_id(self) -> str:
        if self.place.project_id:
            return self.place.project_id
        slug = self.place.project_slug
        if not slug:
            raise InfisicalError(
                "No project was given.", "Give project_id or project_slug, or set INFISICAL_PROJECT_ID."
            )
        entry = self.drawer.once(
            ("project", self.client.server, self.identity, slug),
            lambda found: found["generation"] == self.cache.generation(EVERY_PROJECT),
            lambda: {
                "generation": self.cache.generation(EVERY_PROJECT),
                "id": projects.id_of(self.client, slug),
            },
        )
        project_id: str = entry["id"]
        return project_id

    def _missing(self, ref: SecretRef, folder: Resolved) -> MissingSecretError:
        where = f"{ref.path} of the environment {self.place.environment}"
        if not folder.names:
            return MissingSecretError(
                f"There is no secret {ref.name} in {where}.", "That folder holds none that this identity may read."
            )
        advice = existence.nearest(ref.name, folder.names, "It holds %s.")
        return MissingSecretError(f"There is no secret {ref.name} in {where}.", advice)
