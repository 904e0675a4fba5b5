# Copyright: (c) 2026, The omakase.homelab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The secrets of one lookup: which folder, through the run cache or past it, and what to say if a name is missing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from ansible_collections.omakase.homelab.plugins.module_utils._infisical.errors import InfisicalError
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.paths import normal_path, parent_and_name
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.resolved import Resolved
from ansible_collections.omakase.homelab.plugins.plugin_utils._infisical.run_cache import (
    EVERY_PROJECT,
    NEVER,
    Drawer,
    Entry,
)

if TYPE_CHECKING:
    from ansible_collections.omakase.homelab.plugins.module_utils._infisical.client import Client
    from ansible_collections.omakase.homelab.plugins.plugin_utils._infisical.process_cache import Cache


class SecretRef(NamedTuple):
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


class Place(NamedTuple):
    """Where a lookup looks: the server's address, who asks, and the lookup's options."""

    server: str
    identity: str
    options: Mapping[str, Any]


class Vault:
    """What lookups ask. connect: gives a client, and is only called if the run's cache does not have the answer."""

    def __init__(self, place: Place, cache: Cache, drawer: Drawer, connect: Callable[[], Client]) -> None:
        self.place = place
        self.cache = cache
        self.drawer = drawer
        self.connect = connect
        self.environment: str = place.options["environment"] or "dev"
        self.path = normal_path(place.options["path"] or "/")

    def value(self, ref: SecretRef) -> str:
        """The value, byte for byte. Raises MissingSecretError, and InfisicalError for all else."""
        folder = self.folder(ref.path)
        value = folder.value(ref.name)
        if value is None:
            raise self._missing(ref, folder)
        return value

    def folder(self, path: str) -> Resolved:
        """All that a folder gives, by name. Raises InfisicalError, also for a folder that does not exist."""
        project_id, path, options = self._project_id(), normal_path(path), self.place.options
        if not options["cache"] or self.cache.generation(project_id) == NEVER:
            return self._fetch(project_id, path)
        flags = "".join("01"[options[name]] for name in ("expand_references", "include_imports", "recursive"))
        entry = self.drawer.once(
            ("folder", self.place.server, self.place.identity, project_id, self.environment, path, flags),
            lambda found: found["generation"] == self.cache.generation(project_id),
            lambda: self._entry(project_id, path),
        )
        return Resolved(**entry["folder"])

    def _entry(self, project_id: str, path: str) -> Entry:
        # Before the request: what is written while it is under way must not count as read.
        generation = self.cache.generation(project_id)
        return {"generation": generation, "folder": self._fetch(project_id, path).as_json()}

    def _fetch(self, project_id: str, path: str) -> Resolved:
        from ansible_collections.omakase.homelab.plugins.plugin_utils._infisical.fetch import fetch

        return fetch(self.connect(), self.place.options, project_id, self.environment, path)

    def _project_id(self) -> str:
        options = self.place.options
        if options["project_id"]:
            return str(options["project_id"])
        slug: str = options["project_slug"] or ""
        if not slug:
            raise InfisicalError(
                "No project was given.", "Give project_id or project_slug, or set INFISICAL_PROJECT_ID."
            )
        entry = self.drawer.once(
            ("project", self.place.server, self.place.identity, slug),
            lambda found: found["generation"] == self.cache.generation(EVERY_PROJECT),
            lambda: self._project_entry(slug),
        )
        project_id: str = entry["id"]
        return project_id

    def _project_entry(self, slug: str) -> Entry:
        from ansible_collections.omakase.homelab.plugins.module_utils._infisical import projects

        generation = self.cache.generation(EVERY_PROJECT)
        return {"generation": generation, "id": projects.id_of(self.connect(), slug)}

    def _missing(self, ref: SecretRef, folder: Resolved) -> MissingSecretError:
        from ansible_collections.omakase.homelab.plugins.module_utils._infisical import existence

        where = f"{ref.path} of the environment {self.environment}"
        if not folder.names:
            return MissingSecretError(
                f"There is no secret {ref.name} in {where}.", "That folder holds none that this identity may read."
            )
        advice = existence.nearest(ref.name, folder.names, "It holds %s.")
        return MissingSecretError(f"There is no secret {ref.name} in {where}.", advice)
