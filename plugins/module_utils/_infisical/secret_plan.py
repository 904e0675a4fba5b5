# Copyright: (c) 2026, The omakase.homelab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What to create, update and delete in a folder: pure, so that check mode and a real run take the same path."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ansible_collections.omakase.homelab.plugins.module_utils._infisical import generate
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.errors import InfisicalError
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.exchange import Json
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.model import Secret
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.plan import Digest

# What the servers trim: the white space of ECMAScript.
_BLANKS = (
    "\t\n\v\f\r \u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000\ufeff"
)


@dataclass(frozen=True)
class Wanted:
    """A secret as the user wants it; what is None is left as it is."""

    name: str
    value: str | None = field(default=None, repr=False)
    recipe: Mapping[str, Any] | None = None
    comment: str | None = None
    tags: tuple[str, ...] | None = None
    metadata: tuple[tuple[str, str], ...] | None = None
    absent: bool = False


@dataclass(frozen=True)
class SecretPlan:
    """Each secret that was named is in exactly one of the four lists."""

    create: list[Wanted]
    update: list[tuple[Wanted, Secret]]
    delete: list[Secret]
    unchanged: list[str]

    def __bool__(self) -> bool:
        return bool(self.create or self.update or self.delete)

    def as_diff(self, digest: Digest) -> dict[str, Any]:
        """Names, digests and what is no secret."""
        before = {found.name: _shown(digest, found) for found in self.delete}
        after: dict[str, Any] = {}
        for wanted, found in self.update:
            before[found.name] = _shown(digest, found)
            after[found.name] = _shown(digest, _changed(found, wanted))
        for wanted in self.create:
            after[wanted.name] = _shown(digest, _changed(Secret(wanted.name, ""), wanted))
            if wanted.recipe is not None:
                after[wanted.name]["value"] = "generated"
        return {"before": before, "after": after}


def _changed(found: Secret, wanted: Wanted) -> Secret:
    """The secret as it is to be afterwards."""
    given = {name: getattr(wanted, name) for name in ("value", "comment", "tags", "metadata")}
    return replace(found, **{name: change for name, change in given.items() if change is not None})


def _shown(digest: Digest, secret: Secret) -> dict[str, Any]:
    return {
        "value": "hidden" if secret.hidden else digest.of(secret.value),
        "comment": secret.comment,
        "tags": list(secret.tags or ()),
        "metadata": {key: digest.of(text) for key, text in secret.metadata or ()},
    }


def stored_form(value: str) -> str:
    """What the server would keep: trimmed at both ends, but for one newline."""
    return value.strip(_BLANKS) + ("\n" if value.endswith("\n") else "")


def check(wanted: Sequence[Wanted]) -> None:
    """Raises InfisicalError for everything that the server would refuse or silently change, values unsaid."""
    seen = set()
    for secret in wanted:
        if not secret.name.strip(_BLANKS) or ":" in secret.name or secret.name != secret.name.strip(_BLANKS):
            raise InfisicalError(
                f"The name of a secret is not valid: '{secret.name}'.",
                "It must not be empty, hold a colon, or begin or end with a blank.",
            )
        if secret.name in seen:
            raise InfisicalError(f"The secret {secret.name} is listed twice.", "List each name once.")
        seen.add(secret.name)
        if secret.value is not None and stored_form(secret.value) != secret.value:
            raise InfisicalError(
                f"The value of {secret.name} begins or ends with blanks, and the server would drop them.",
                "Only one newline at the end survives: trim the value, or keep it as base64.",
            )
        if secret.recipe is not None:
            generate.check(secret.recipe)


def plan_secrets(wanted: Sequence[Wanted], found: Mapping[str, Secret], overwrite: bool) -> SecretPlan:
    """found: what the folder itself holds, by name. Without overwrite an existing secret is left wholly alone.

    A secret with a recipe is made where it is missing and never made anew: every run would change it.
    """
    result = SecretPlan([], [], [], [])
    for secret in wanted:
        here = found.get(secret.name)
        if secret.absent:
            if here is None:
                result.unchanged.append(secret.name)
            else:
                result.delete.append(here)
        elif here is None:
            result.create.append(secret)
        elif overwrite and _differs(secret, here):
            result.update.append((secret, here))
        else:
            result.unchanged.append(secret.name)
    return result


def _differs(wanted: Wanted, found: Secret) -> bool:
    if wanted.value is not None and found.hidden:
        raise InfisicalError(
            f"The value of {found.name} may not be read by this identity, so nobody can tell whether it differs.",
            "Let the identity read values, or set overwrite: false.",
        )
    pairs = (
        (wanted.value, found.value),
        (wanted.comment if wanted.comment is None else wanted.comment.strip(_BLANKS), found.comment),
        # What the server does not tell cannot differ: every run would send it anew.
        (wanted.tags if found.tags is not None else None, found.tags),
        (wanted.metadata if found.metadata is not None else None, found.metadata),
    )
    return any(want is not None and want != have for want, have in pairs)


def as_json(wanted: Wanted, value: str | None, tag_ids: Mapping[str, str]) -> Json:
    """The secret as the batch routes take it. value: what to store; None leaves the stored one."""
    item: Json = {"secretKey": wanted.name}
    if value is not None:
        item["secretValue"] = value
    if wanted.comment is not None:
        item["secretComment"] = wanted.comment
    if wanted.tags is not None:
        item["tagIds"] = [tag_ids[tag] for tag in wanted.tags]
    if wanted.metadata is not None:
        item["secretMetadata"] = [{"key": key, "value": text} for key, text in wanted.metadata]
    return item
