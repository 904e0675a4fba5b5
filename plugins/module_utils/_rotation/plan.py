# Copyright: (c) 2026, The omakase.homelab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which secrets are due, and what becomes of each: decided from the catalogue, the server's list and the databases."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from ansible_collections.omakase.homelab.plugins.module_utils._infisical.model import Secret
from ansible_collections.omakase.homelab.plugins.module_utils._rotation.journal import (
    JOURNAL,
    MARIADB,
    POSTGRESQL,
    WENT_BACK,
    Place,
)

RANDOM, BY_HAND, KEEP = "random", "by_hand", "keep"
RECIPES = (RANDOM, POSTGRESQL, MARIADB, BY_HAND, KEEP)
# Types of what nobody generates: a setting, and what a person gets somewhere
NOT_MADE = ("default", "given")
# What the database is told first
_STATEMENTS = {POSTGRESQL: "ALTER ROLE, ", MARIADB: "ALTER USER, "}

# What becomes of a secret in this run.
ROTATE, PERSON, REFUSED, WAITING = "rotate", "by hand", "refused", "not due"
_SECONDS_A_DAY = 86400
_HEADS = ("what", "name", "kind", "age", "due", "recipe", "what happens")


class Databases(Protocol):
    """The databases whose passwords are secrets."""

    def problem(self, place: Place, password: str) -> str:
        """Why the password of this role cannot be changed; empty if it can, and password is the one that works."""


@dataclass(frozen=True)
class Row:
    """A secret of the table. age, due_in: whole days, None where nothing tells; due_in is negative since it was due."""

    name: str
    kind: str
    state: str
    recipe: str
    action: str
    age: int | None = None
    due_in: int | None = None

    def as_result(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "kind": self.kind,
            "state": self.state,
            "recipe": self.recipe,
            "action": self.action,
            "age_days": self.age,
            "due_in_days": self.due_in,
        }


def rows(
    catalogue: Sequence[Mapping[str, Any]],
    found: Mapping[str, Secret],
    names: Collection[str],
    now: datetime,
    databases: Databases,
    readers: Mapping[str, Sequence[str]],
    shared_with: Sequence[str] = (),
) -> list[Row]:
    """The table: those that are changed first, the others by when they are due.

    catalogue: the module's option. found: the project's secrets. names: to be changed though not due.
    now: with a time zone. readers: the services that read a variable, by its name. shared_with: other hosts that use
    the same secrets, each with databases of its own.
    """
    known = {entry["name"]: entry for entry in catalogue}
    listed = {name: entry for name, entry in known.items() if name in names or (name in found and _period(entry))}
    listed.update({name: {"name": name, "type": "", "unknown": True} for name in names if name not in known})
    made = [
        _row(entry, found.get(name), name in names, now, databases, readers, shared_with)
        for name, entry in listed.items()
    ]
    order = (ROTATE, PERSON, REFUSED, WAITING)
    return sorted(made, key=lambda row: (order.index(row.state), row.due_in is None, row.due_in or 0, row.name))


def refused_by_name(table: Sequence[Row], names: Collection[str]) -> list[Row]:
    """Those that somebody asked for, and that are not changed."""
    return [row for row in table if row.name in names and row.state != ROTATE]


def lines(table: Sequence[Row]) -> list[str]:
    """The table for a terminal."""
    if not table:
        return []
    cells = [
        (row.state, row.name, row.kind, _days(row.age), _due(row.due_in), row.recipe or "-", row.action)
        for row in table
    ]
    widths = [max(len(row[column]) for row in [_HEADS, *cells]) for column in range(len(_HEADS))]
    return ["  ".join(f"{cell:{width}}" for cell, width in zip(row, widths)).rstrip() for row in [_HEADS, *cells]]


def age_in_days(stamp: str, now: datetime) -> int | None:
    """Whole days since a time of the API; None where the server gave none."""
    try:
        moment = datetime.fromisoformat(stamp.replace("Z", "+00:00"))
    except ValueError:
        return None
    return int((now - moment).total_seconds() // _SECONDS_A_DAY) if moment.tzinfo else None


def _period(entry: Mapping[str, Any]) -> int:
    return entry.get("rotation_days") or 0


def _recipe(entry: Mapping[str, Any]) -> str:
    return entry.get("recipe") or (BY_HAND if entry["type"] == "given" else "")


def _row(
    entry: Mapping[str, Any],
    secret: Secret | None,
    named: bool,
    now: datetime,
    databases: Databases,
    readers: Mapping[str, Sequence[str]],
    shared_with: Sequence[str],
) -> Row:
    name, recipe, period = entry["name"], _recipe(entry), _period(entry)
    age = age_in_days(secret.updated, now) if secret else None
    due_in = period - age if period and age is not None else None

    def row(state: str, action: str) -> Row:
        return Row(name, entry["type"] or "unknown", state, recipe, action, age, due_in)

    if not named and (due_in is None or due_in > 0):
        return row(WAITING, "nothing" if due_in is not None else "nothing: the server does not tell its age")
    if recipe == BY_HAND:
        return row(PERSON, _told("make a new one", entry))
    if recipe == KEEP:
        return row(REFUSED, _told("a blind change would lose data", entry))
    place = place_of(entry, recipe)
    problem = _problem(entry, recipe, secret) or (_told_of_sharers(shared_with) if place else "")
    problem = problem or (databases.problem(place, secret.value) if place and secret else "")
    if problem:
        return row(REFUSED, problem)
    services = ", ".join(readers.get(name, ())) or "no service"
    return row(ROTATE, f"{_STATEMENTS.get(recipe, '')}new value, restarts: {services}")


def place_of(entry: Mapping[str, Any], recipe: str) -> Place | None:
    """The role whose password it is; None for what is no password of a database."""
    if recipe not in _STATEMENTS:
        return None
    return Place(entry.get("database_service") or "", entry.get("database_role") or "", recipe)


def _told_of_sharers(hosts: Sequence[str]) -> str:
    """Why a password stays that other hosts have in databases of their own; empty without such hosts."""
    if not hosts:
        return ""
    return (
        f"the databases of {', '.join(sorted(hosts))} take the same secret and would not learn of a new one: "
        "give each host an environment of its own, or change it by hand on all of them"
    )


def _told(what: str, entry: Mapping[str, Any]) -> str:
    return f"{what}: {entry['how']}" if entry.get("how") else what


def _problem(entry: Mapping[str, Any], recipe: str, secret: Secret | None) -> str:
    """Why it cannot be changed, from what the server tells; empty if it can."""
    if secret is None or secret.name in (JOURNAL, WENT_BACK):
        return "the project has no such secret"
    if entry.get("unknown"):
        return "the catalogue does not know it: add it to omakase_catalogue, with a recipe"
    if not recipe:
        return "has no recipe: say in omakase_catalogue how it is changed"
    if entry["type"] in NOT_MADE:
        return "its value is not random: nobody but you can give it"
    if secret.hidden:
        return "this identity may not read its value, so it could not be put back"
    if "${" in secret.value:
        return "its value refers to another secret: change that one"
    if recipe == POSTGRESQL and not secret.value.isascii():
        return "its value holds characters that PostgreSQL normalises first: change it by hand"
    return ""


def _days(count: int | None) -> str:
    return "unknown" if count is None else "1 day" if count == 1 else f"{count} days"


def _due(days: int | None) -> str:
    if days is None:
        return "-"
    return "today" if days == 0 else f"in {_days(days)}" if days > 0 else f"since {_days(-days)}"
