# Copyright: (c) 2026, The omakase.homelab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All environments of a project, read once each, and judged."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from ansible_collections.omakase.homelab.plugins.module_utils._audit import values
from ansible_collections.omakase.homelab.plugins.module_utils._audit.values import Found
from ansible_collections.omakase.homelab.plugins.module_utils._doctor.findings import Finding, ok, problem, warning
from ansible_collections.omakase.homelab.plugins.module_utils._infisical import projects, store
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.client import Client
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.errors import InfisicalError
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.model import Scope, Secret
from ansible_collections.omakase.homelab.plugins.module_utils._rotation.journal import JOURNAL, WENT_BACK, truly_dated

_VIEW = store.View(expand=False, imports=False, recursive=True)


def read(
    client: Client, project_id: str, sees_all: bool, label: str = ""
) -> tuple[list[str], list[Found], list[Finding]]:
    """Slugs of the environments, what they hold, and how the reading went. One list for each environment.

    sees_all: of an identity without rights a server would tell that there is nothing. label: what the project is
    called, empty for the first one.
    """
    project = projects.by_id(client, project_id)
    if project is None:
        raise InfisicalError(f"{client.server} has no project with the id {project_id}.")
    secrets: list[Found] = []
    told = []
    for environment in project.environments:
        check = f"environment {label} {environment.slug}" if label else f"environment {environment.slug}"
        try:
            listing = store.read(client, Scope(project_id, environment.slug), _VIEW)
        except InfisicalError as error:
            told.append(problem(check, error.problem, error.advice))
            continue
        told.append(_told(check, len(listing.secrets), sees_all))
        secrets += [Found(environment.slug, secret, label) for secret in _own(listing.secrets)]
    return [environment.slug for environment in project.environments], secrets, told


def _told(check: str, count: int, sees_all: bool) -> Finding:
    if count or sees_all:
        return ok(check, f"{count} secrets")
    advice = "Fine if it is empty; if not, audit with an identity that may read it."
    return warning(check, "holds no secret that this identity may read", advice)


def _own(secrets: Sequence[Secret]) -> list[Secret]:
    """Without what the rotation notes there, and as old as it notes."""
    dated = truly_dated({secret.name: secret for secret in secrets if secret.path == "/"})
    return [
        dated[secret.name] if secret.path == "/" else secret
        for secret in secrets
        if secret.name not in (JOURNAL, WENT_BACK)
    ]


def row(found: Found, settings: Collection[str], periods: Mapping[str, Any]) -> dict[str, Any]:
    """What may be told of a secret. periods: days by name, of those that the catalogue knows."""
    return {
        "project": found.project,
        "environment": found.environment,
        "path": found.secret.path,
        "name": found.secret.name,
        "credential": values.is_credential(found.secret.name, settings),
        "empty": not found.secret.value and not found.secret.hidden,
        "known": found.secret.name in periods,
        "period": int(periods.get(found.secret.name) or 0),
        "updated": found.secret.updated,
    }
