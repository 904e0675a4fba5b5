# Copyright: (c) 2026, The omakase.homelab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The catalogue of secrets: which the project must get, how each is made, and what only a person can give."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

# <SERVICE>_<COMPONENT>_<PURPOSE>, where each may have further parts
RULE = re.compile(r"[A-Z][A-Z0-9]*(_[A-Z0-9]+){2,}\Z")
_NAME = re.compile(r"[A-Z][A-Z0-9_]*\Z")
# What omakase.homelab.infisical_rotation wants to know of an entry
_ROTATION = (
    "name",
    "type",
    "length",
    "alphabet",
    "rotation_days",
    "recipe",
    "database_service",
    "database_role",
    "how",
)
Entry = Mapping[str, Any]


def merged(known: Iterable[Entry], changes: Iterable[Entry]) -> dict[str, dict[str, Any]]:
    """The entries by name; a change replaces the fields that it gives."""
    found = {entry["name"]: dict(entry) for entry in known}
    for change in changes:
        given = {key: value for key, value in change.items() if value is not None}
        found[change["name"]] = {"type": "alphanumeric", **found.get(change["name"], {}), **given}
    return found


def plan(
    base: Sequence[Entry],
    services: Sequence[Entry],
    changes: Sequence[Entry],
    generated: Sequence[Entry],
    given: Mapping[str, Any],
    read: Collection[str],
    present: Collection[str],
    server: Sequence[Entry] = (),
) -> dict[str, Any]:
    """Which secrets the project lacks, and what to say about the names.

    base: exist always; services, changes: once something reads them. generated: {name, generate}, exist always.
    server: of the server itself, and of no project.
    given: the user's values by name. read: names that the stack reads. present: names that the project has.
    create: entries of infisical_secret, with the values that are given: not to be shown.
    rotation: entries of infisical_rotation, all that are secrets.
    periods: days after which each name of the catalogue is to be rotated, 0 for never.
    """
    catalogue = merged([*base, *services], changes)
    always = [entry["name"] for entry in base]
    wanted = dict.fromkeys([*always, *(name for name in catalogue if name in read), *given])
    create = [_made(name, catalogue.get(name, {}), given.get(name)) for name in wanted if name not in present]
    listed = {entry["name"]: {"name": entry["name"], "generate": entry["generate"]} for entry in generated}
    made = {entry["name"]: entry for entry in create if entry is not None}
    made.update({name: entry for name, entry in listed.items() if name not in present and name not in given})
    rotated = merged([*base, *services], [*map(_generated, listed.values()), *changes])
    known = {entry["name"] for entry in [*base, *services]}
    added = [*given, *(entry["name"] for entry in changes), *listed]
    return {
        "periods": {name: entry.get("rotation_days") or 0 for name, entry in catalogue.items()},
        "create": list(made.values()),
        "planned": sorted(made),
        "left_to_you": sorted(name for name in wanted if name not in present and name not in made),
        "unnamable": sorted({name for name in added if not _NAME.match(name)}),
        "against_the_rule": sorted({name for name in added if name not in known and not RULE.match(name)}),
        "settings": sorted(name for name, entry in catalogue.items() if _is_setting(entry)),
        "rotation": [
            {key: entry[key] for key in _ROTATION if entry.get(key) is not None}
            for entry in [*server, *rotated.values()]
            if not _is_setting(entry)
        ],
    }


def _is_setting(entry: Entry) -> bool:
    return entry["type"] == "default" or bool(entry.get("setting"))


def _generated(entry: Entry) -> dict[str, Any]:
    """An entry of omakase_generated_secrets, which the catalogue may say more of."""
    return {
        "name": entry["name"],
        "type": entry["generate"].get("kind", "alphanumeric"),
        "length": entry["generate"].get("length", 32),
        "alphabet": entry["generate"].get("alphabet"),
    }


def _has_default(entry: Entry) -> bool:
    return entry["type"] == "default" and str(entry.get("default", "")) != ""


def _made(name: str, entry: Entry, given: Any) -> dict[str, Any] | None:
    """None where nobody but a person can tell the value."""
    found: dict[str, Any] = {"name": name, "comment": _comment(entry)}
    if given is not None:
        return {**found, "value": str(given)}
    if entry and _has_default(entry):
        return {**found, "value": str(entry["default"])}
    if not entry or entry["type"] in ("given", "default"):
        return None
    return {**found, "generate": {"kind": entry["type"], "length": entry.get("length") or 32}}


def _comment(entry: Entry) -> str:
    rotation = f"change every {entry['rotation_days']} days" if entry.get("rotation_days") else ""
    return "; ".join(filter(None, [entry.get("purpose", ""), rotation]))
