# Copyright: (c) 2026, The omakase.homelab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The course of infisical_secret: read once, decide, write in batches, tell names and never values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.omakase.homelab.plugins.module_utils._infisical import existence, store
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.plan import Digest
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.secret_plan import (
    SecretPlan,
    Wanted,
    check,
    plan_secrets,
)
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.store import View, Written
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.target import Target


@dataclass
class Result:
    """What was done so far: a failure half-way tells it as well."""

    project_id: str = ""
    unchanged: list[str] = field(default_factory=list)
    diff: dict[str, Any] = field(default_factory=dict)
    done: dict[str, Written] = field(
        default_factory=lambda: {step: Written([], []) for step in ("created", "updated", "deleted")}
    )

    def as_dict(self) -> dict[str, Any]:
        result: dict[str, Any] = {step: written.applied for step, written in self.done.items()}
        result["changed"] = any(result.values())
        result["unchanged"] = self.unchanged
        result["awaiting_approval"] = [name for part in self.done.values() for name in part.awaiting_approval]
        result["project_id"] = self.project_id
        result["diff"] = self.diff
        return result


def run(target: Target, result: Result) -> None:
    """Fills result. Raises InfisicalError."""
    target.hide_values("secrets")
    wanted = [_wanted(item) for item in target.params["secrets"]]
    check(wanted)
    client = target.client()
    scope = target.scope(client)
    result.project_id = scope.project_id
    listing = store.read(client, scope, View(expand=False, imports=False))
    if listing.is_empty:
        existence.explain_empty(client, scope)
    steps = plan_secrets(wanted, {secret.name: secret for secret in listing.secrets}, target.params["overwrite"])
    result.unchanged.extend(steps.unchanged)
    result.diff.update(steps.as_diff(Digest()))
    if target.check_mode:
        _preview(steps, result)
        return
    tags = store.tag_ids(client, scope.project_id, _tags(steps))
    store.perform(client, scope, steps, tags, result.done)
    waiting: list[str] = result.as_dict()["awaiting_approval"]
    if waiting:
        target.module.warn("Not applied: the server keeps {} until somebody approves it.".format(", ".join(waiting)))


def _preview(steps: SecretPlan, result: Result) -> None:
    result.done["created"].applied.extend(secret.name for secret in steps.create)
    result.done["updated"].applied.extend(found.name for _wanted_secret, found in steps.update)
    result.done["deleted"].applied.extend(found.name for found in steps.delete)


def _tags(steps: SecretPlan) -> list[str]:
    secrets = [*steps.create, *(wanted for wanted, _found in steps.update)]
    return sorted({tag for secret in secrets for tag in secret.tags or ()})


def _wanted(item: Mapping[str, Any]) -> Wanted:
    """One entry of the option secrets."""
    tags, metadata = item["tags"], item["metadata"]
    return Wanted(
        name=item["name"],
        value=item["value"],
        recipe=item["generate"],
        comment=item["comment"],
        tags=None if tags is None else tuple(sorted(tags)),
        metadata=None if metadata is None else tuple(sorted((key, str(text)) for key, text in metadata.items())),
        absent=item["state"] == "absent",
    )
