# Copyright: (c) 2026, The omakase.homelab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the client speaks of: where secrets are, and what one of them is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.omakase.homelab.plugins.module_utils._infisical.paths import normal_path

# Seconds of thousands of years: nothing is counted so far.
_ENDLESS = 10**12


@dataclass(frozen=True)
class Scope:
    """A folder of an environment of a project. path is normal: /, /db, /db/replica."""

    project_id: str
    environment: str
    path: str = "/"

    def at(self, path: str) -> Scope:
        return Scope(self.project_id, self.environment, normal_path(path))


@dataclass(frozen=True)
class Secret:
    """One secret as the server tells it.

    hidden: the identity may see that it exists and not what it holds.
    tags, metadata: None where the server does not tell them, as those of 2024 do of metadata.
    updated: when it was last written, as the server says it; empty where it does not.
    """

    name: str
    value: str = field(repr=False)
    path: str = "/"
    comment: str = ""
    hidden: bool = False
    tags: tuple[str, ...] | None = ()
    metadata: tuple[tuple[str, str], ...] | None = ()
    updated: str = ""


@dataclass(frozen=True)
class Imported:
    """The secrets that a folder takes from another one."""

    environment: str
    path: str
    secrets: list[Secret]


@dataclass(frozen=True)
class Listing:
    """A folder's own secrets and, in the server's order, what it imports."""

    secrets: list[Secret]
    imports: list[Imported]

    @property
    def is_empty(self) -> bool:
        return not self.secrets and not any(imported.secrets for imported in self.imports)


@dataclass(frozen=True)
class Environment:
    """An environment of a project."""

    id: str
    slug: str
    name: str


@dataclass(frozen=True)
class Project:
    """A project with its environments in the server's order. description: None where the server keeps none."""

    id: str
    name: str
    slug: str
    description: str | None
    environments: list[Environment]

    def as_result(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "name": self.name,
            "slug": self.slug,
            "description": self.description or "",
            "environments": [{"id": e.id, "slug": e.slug, "name": e.name} for e in self.environments],
        }


def text(record: Mapping[str, Any], name: str) -> str:
    """A field as text; older servers leave fields out or send null."""
    value = record.get(name)
    return value if isinstance(value, str) else ""


def number(record: Mapping[str, Any], name: str) -> int:
    """A field as a whole number; 0 for what is missing or none that a server could mean."""
    value = record.get(name)
    return value if isinstance(value, int) and abs(value) < _ENDLESS else 0


def records(answer: Mapping[str, Any], *names: str) -> list[dict[str, Any]]:
    """The list of objects under the first of the names that the answer has; absent is empty."""
    for name in names:
        value = answer.get(name)
        if isinstance(value, list):
            return [item for item in value if isinstance(item, dict)]
    return []


def record(answer: Mapping[str, Any], *names: str) -> dict[str, Any]:
    """The object under the first of the names that the answer has, else the answer itself."""
    for name in names:
        value = answer.get(name)
        if isinstance(value, dict):
            return value
    return dict(answer)
