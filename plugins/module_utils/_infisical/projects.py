# Copyright: (c) 2026, The omakase.homelab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Projects and their environments on the server."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.omakase.homelab.plugins.module_utils._infisical import eras
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.client import Client, existing
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.errors import InfisicalError
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.model import (
    Environment,
    Project,
    record,
    records,
    text,
)


def by_id(client: Client, project_id: str) -> Project | None:
    """The project, or None. Raises InfisicalError if the identity is no member of it."""
    answer = existing(client, eras.get_project(project_id))
    return None if answer is None else _project(record(answer, "project", "workspace"))


def by_slug(client: Client, slug: str) -> Project | None:
    """The project, or None. Raises InfisicalError if the identity is no member of it."""
    answer = existing(client, eras.get_project_by_slug(slug))
    return None if answer is None else _project(record(answer, "project", "workspace"))


def by_name(client: Client, name: str) -> Project | None:
    """The only project of that name that the identity belongs to, or None."""
    answer = client.ask(eras.list_projects())
    found = [item for item in records(answer, "projects", "workspaces") if text(item, "name") == name]
    if len(found) > 1:
        slugs = ", ".join(text(item, "slug") for item in found)
        raise InfisicalError(
            f"{len(found)} projects are called {name}: {slugs}.",
            "Say which with slug.",
        )
    return by_id(client, text(found[0], "id")) if found else None


def id_of(client: Client, slug: str) -> str:
    """The id of the project with that slug. Raises InfisicalError if there is none."""
    project = by_slug(client, slug)
    if project is None:
        raise InfisicalError(
            f"{client.server} has no project with the slug {slug}.",
            "The slug stands in the project's settings; it is not the name.",
        )
    return project.id


def slug_of(client: Client, project_id: str) -> str:
    """The slug of the project with that id. Raises InfisicalError if there is none."""
    project = by_id(client, project_id)
    if project is None:
        raise InfisicalError(f"{client.server} has no project with the id {project_id}.")
    return project.slug


def create(client: Client, name: str, slug: str, description: str, default_environments: bool) -> Project:
    """A new project; with the server's own environments, if asked, and always on older servers."""
    answer = client.ask(eras.create_project(name, slug, description, default_environments))
    created = _project(record(answer, "project"))
    return by_id(client, created.id) or created


def update(client: Client, project_id: str, changes: Mapping[str, str]) -> None:
    client.ask(eras.update_project(project_id, changes))


def delete(client: Client, project_id: str) -> None:
    client.ask(eras.delete_project(project_id))


def create_environment(client: Client, project_id: str, slug: str, name: str) -> Environment:
    answer = client.ask(eras.write_environment("POST", project_id, body={"name": name, "slug": slug}))
    return _environment(record(answer, "environment"))


def rename_environment(client: Client, project_id: str, environment: Environment, name: str) -> None:
    body = {"name": name, "slug": environment.slug}
    client.ask(eras.write_environment("PATCH", project_id, environment.id, body))


def delete_environment(client: Client, project_id: str, environment: Environment) -> None:
    client.ask(eras.write_environment("DELETE", project_id, environment.id))


def _project(item: Mapping[str, Any]) -> Project:
    environments: list[Environment] = [_environment(found) for found in records(item, "environments")]
    return Project(
        id=text(item, "id") or text(item, "_id"),
        name=text(item, "name"),
        slug=text(item, "slug"),
        description=text(item, "description") if "description" in item else None,
        environments=environments,
    )


def _environment(item: Mapping[str, Any]) -> Environment:
    return Environment(text(item, "id"), text(item, "slug"), text(item, "name"))
