# Copyright: (c) 2026, The omakase.homelab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Secrets on the server: read a folder as one list, write in batches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.omakase.homelab.plugins.module_utils._infisical import eras, generate
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.client import Client
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.errors import InfisicalError
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.exchange import Json
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.model import (
    Imported,
    Listing,
    Scope,
    Secret,
    records,
    text,
)
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.paths import normal_path
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.secret_plan import (
    SecretPlan,
    Wanted,
    as_json,
)

# The servers do not say how many they take at once.
BATCH = 100


@dataclass(frozen=True)
class View:
    """How a folder is read: references expanded, imports included, folders below as well."""

    expand: bool = True
    imports: bool = True
    recursive: bool = False


def read(client: Client, scope: Scope, view: View) -> Listing:
    """Own secrets sorted by path and name, since servers sort differently; imports in the server's order.

    An empty listing proves nothing: see existence.explain_empty.
    """
    answer = client.ask(eras.list_secrets(scope, view.expand, view.imports, view.recursive))
    own = [_secret(item, scope.path) for item in records(answer, "secrets") if text(item, "type") != "personal"]
    imports = [_imported(item) for item in records(answer, "imports")] if view.imports else []
    if not view.expand and client.eras.is_older("secrets"):
        imports = [_unexpanded(client, scope, imported) for imported in imports]
    return Listing(sorted(own, key=lambda secret: (secret.path, secret.name)), imports)


def _unexpanded(client: Client, scope: Scope, imported: Imported) -> Imported:
    """The same import as it is stored: servers of 2024 expand references in imports, whatever they are told."""
    source = Scope(scope.project_id, imported.environment, imported.path)
    own = read(client, source, View(expand=False, imports=False)).secrets
    stored = {secret.name: secret for secret in own}
    secrets = [stored.get(secret.name, secret) for secret in imported.secrets]
    return Imported(imported.environment, imported.path, secrets)


def _imported(item: Mapping[str, Any]) -> Imported:
    path = text(item, "secretPath") or "/"
    secrets = [_secret(secret, path) for secret in records(item, "secrets")]
    return Imported(text(item, "environment"), path, secrets)


def _secret(item: Mapping[str, Any], path: str) -> Secret:
    return Secret(
        name=text(item, "secretKey"),
        value=text(item, "secretValue"),
        path=normal_path(text(item, "secretPath") or path),
        comment=text(item, "secretComment"),
        hidden=item.get("secretValueHidden") is True,
        tags=tuple(sorted(text(tag, "slug") for tag in records(item, "tags"))) if "tags" in item else None,
        metadata=_metadata(item) if "secretMetadata" in item else None,
        updated=text(item, "updatedAt"),
    )


def _metadata(item: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    return tuple(sorted((text(pair, "key"), text(pair, "value")) for pair in records(item, "secretMetadata")))


@dataclass(frozen=True)
class Written:
    """Names that the server has written, and names it keeps for somebody's approval."""

    applied: list[str]
    awaiting_approval: list[str]


def write_all(client: Client, method: str, scope: Scope, secrets: Sequence[Json], written: Written) -> None:
    """POST creates, PATCH updates, DELETE removes; adds to written batch by batch, so that a failure half-way is known.

    secrets: objects of the API with secretKey.
    """
    for start in range(0, len(secrets), BATCH):
        batch = secrets[start : start + BATCH]
        answer: dict[str, Any] = client.ask(eras.write_secrets(method, scope, batch))
        target = written.awaiting_approval if "approval" in answer else written.applied
        target.extend(item["secretKey"] for item in batch)


def tag_ids(client: Client, project_id: str, wanted: Sequence[str]) -> dict[str, str]:
    """Ids by slug of the tags that are wanted. Raises InfisicalError if the project lacks one."""
    if not wanted:
        return {}
    answer = client.ask(eras.list_tags(project_id))
    found = {text(item, "slug"): text(item, "id") for item in records(answer, "tags", "workspaceTags")}
    missing = sorted(set(wanted) - set(found))
    if missing:
        raise InfisicalError(
            "The project has no tag {}.".format(", ".join(missing)), "Make it in the project's settings."
        )
    return found


def perform(client: Client, scope: Scope, plan: SecretPlan, tags: Mapping[str, str], done: dict[str, Written]) -> None:
    """Creates, updates and deletes what the plan says; done has a Written for each, filled batch by batch."""
    create = [as_json(secret, _value(secret), tags) for secret in plan.create]
    # Older servers want the value with each update, even where only the comment differs.
    update = [
        as_json(secret, secret.value if secret.value is not None or found.hidden else found.value, tags)
        for secret, found in plan.update
    ]
    delete: list[Json] = [{"secretKey": found.name, "type": "shared"} for found in plan.delete]
    write_all(client, "POST", scope, create, done["created"])
    write_all(client, "PATCH", scope, update, done["updated"])
    write_all(client, "DELETE", scope, delete, done["deleted"])


def _value(secret: Wanted) -> str:
    if secret.recipe is not None:
        return generate.value(secret.recipe)
    return secret.value or ""
