# Copyright: (c) 2026, The omakase.homelab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What to do to a project and its environments: decided as a whole, then shown or done."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from ansible_collections.omakase.homelab.plugins.module_utils._infisical import projects
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.client import Client
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.model import Environment, Project
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.plan import Plan, diff, plan


@dataclass(frozen=True)
class ProjectPlan:
    """project: the project's own step; environments: a step for each that was named, by slug."""

    project: Plan
    environments: dict[str, Plan]
    own_environments: bool  # whether the user, and not the server, says which a new project gets

    def __bool__(self) -> bool:
        return bool(self.project) or any(self.environments.values())

    def as_diff(self) -> dict[str, Any]:
        named = {"environment " + slug: step for slug, step in self.environments.items()}
        return diff(project=self.project, **named)

    def preview(self, found: Project | None) -> Project | None:
        """The project as perform would leave it; what does not exist yet has an empty id."""
        if self.project.step == "delete" or (found is None and not self.project):
            return None
        project = found or Project("", "", "", "", [])
        changes = {name: str(value) for name, value in self.project.changes.items()}
        return replace(project, environments=self._previewed(project.environments), **changes)

    def _previewed(self, found: list[Environment]) -> list[Environment]:
        kept = []
        for environment in found:
            step = self.environments.get(environment.slug, Plan())
            if step.step != "delete":
                kept.append(replace(environment, name=step.changes.get("name", environment.name)))
        created = [
            Environment("", slug, step.changes["name"])
            for slug, step in self.environments.items()
            if step.step == "create"
        ]
        return kept + created

    def perform(self, client: Client, found: Project | None) -> Project | None:
        """The project as it is afterwards; None if there is none."""
        if self.project.step == "delete" and found is not None:
            projects.delete(client, found.id)
            return None
        project = self._project(client, found)
        if project is None or not self:
            return project
        self._environments(client, project)
        return projects.by_id(client, project.id)

    def _project(self, client: Client, found: Project | None) -> Project | None:
        changes = self.project.changes
        if self.project.step == "create":
            return projects.create(
                client,
                changes["name"],
                changes.get("slug", ""),
                changes.get("description", ""),
                default_environments=not self.own_environments,
            )
        if self.project.step == "update" and found is not None:
            projects.update(client, found.id, changes)
        return found

    def _environments(self, client: Client, project: Project) -> None:
        # An older server gives a new project its own environments: look at what is there now.
        existing = {environment.slug: environment for environment in project.environments}
        for slug, step in self.environments.items():
            here = existing.get(slug)
            if step.step == "delete" and here is not None:
                projects.delete_environment(client, project.id, here)
            elif step.step in ("create", "update"):
                name = step.changes["name"]
                if here is None:
                    projects.create_environment(client, project.id, slug, name)
                elif here.name != name:
                    projects.rename_environment(client, project.id, here, name)


def plan_project(wanted: Mapping[str, Any], found: Project | None) -> ProjectPlan:
    """wanted: name, slug, description, environments and state, as the module takes them."""
    attributes = {"name": wanted["name"], "slug": wanted["slug"], "description": wanted["description"]}
    have = {"name": found.name, "slug": found.slug, "description": found.description} if found else None
    if found is not None and found.description is None:
        attributes["description"] = None  # this server would forget it again
    step = plan(attributes, have, wanted["state"])
    named: list[Mapping[str, Any]] = wanted["environments"] or []
    environments: dict[str, Plan] = {}
    if wanted["state"] == "present":
        existing = {environment.slug: environment for environment in found.environments} if found else {}
        environments = {item["slug"]: _plan_environment(item, existing.get(item["slug"])) for item in named}
    return ProjectPlan(step, environments, own_environments=wanted["environments"] is not None)


def _plan_environment(wanted: Mapping[str, Any], found: Environment | None) -> Plan:
    name = wanted["name"]
    if found is None and not name:
        name = wanted["slug"]
    return plan({"name": name}, {"name": found.name} if found else None, wanted["state"])
