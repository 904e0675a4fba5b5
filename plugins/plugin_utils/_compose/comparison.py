# Copyright: (c) 2026, The omakase.homelab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is read compared with what there is: the verdict on each variable, and one table for a person."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from ansible_collections.omakase.homelab.plugins.plugin_utils._compose import interpolation, templates
from ansible_collections.omakase.homelab.plugins.plugin_utils._compose.interpolation import (
    BLANK,
    DEFAULT,
    EMPTY,
    GIVEN,
    MISSING,
)

# In a mounted file nobody but the program itself fills anything in, and it is not given the variable.
UNFILLED, UNUSED = "unfilled", "unused"
ORDER = (MISSING, BLANK, UNFILLED, EMPTY, DEFAULT, UNUSED, GIVEN)
REFUSED = (MISSING, BLANK)
# Read by Compose itself, and by the rotation
_READ_ELSEWHERE = ("COMPOSE_", "OMAKASE_ROTATION_")


@dataclass
class Row:
    """A variable: the worst of what becomes of it, and who reads it there."""

    name: str
    state: str = GIVEN
    readers: list[str] = field(default_factory=list)


def verdict(
    reads: Iterable[Mapping[str, Any]],
    values: Mapping[str, Any],
    planned: Iterable[str],
    provided: Iterable[str],
    ignored: Sequence[str],
) -> dict[str, Any]:
    """What a project's values make of it, for a person: C<{lines, refused}>.

    planned: names that the project will have. provided: names that come from elsewhere. For the others see compare.
    """
    secrets = {**{name: str(value) != "" for name, value in values.items()}, **dict.fromkeys(planned, True)}
    rows = compare(reads, {**dict.fromkeys(provided, True), **secrets}, secrets, ignored)
    return {"lines": table(rows), "refused": [row.name for row in rows if row.state in REFUSED]}


def compare(
    reads: Iterable[Mapping[str, Any]], filled: Mapping[str, bool], secrets: Iterable[str], ignored: Sequence[str]
) -> list[Row]:
    """The rows, the worst first.

    reads: as Project has them, with `enabled`. filled: the variables that have a value or will have one, false for an
    empty one. secrets: names that are worth a word if nothing reads them. ignored: patterns of names not to judge.
    """
    rows: dict[str, Row] = {}
    for read in reads:
        for name, state in _states(read, filled):
            if any(fnmatchcase(name, pattern) for pattern in ignored):
                state = GIVEN
            row = rows.setdefault(name, Row(name))
            if ORDER.index(state) < ORDER.index(row.state):
                row.state, row.readers = state, []
            reader = read["service"] if read["kind"] == "compose" and read["service"] else read["file"]
            if state == row.state and reader not in row.readers:
                row.readers.append(reader)
    rows.update(
        {name: Row(name, UNUSED) for name in secrets if name not in rows and not name.startswith(_READ_ELSEWHERE)}
    )
    return sorted(rows.values(), key=lambda row: (ORDER.index(row.state), row.name))


def _states(read: Mapping[str, Any], filled: Mapping[str, bool]) -> Iterable[tuple[str, str]]:
    kind = read["kind"]
    for expression in read["expressions"]:
        by_name = expression.startswith("{{")
        found = list(_judged(kind, expression, by_name, filled))
        for name, state in found:
            if kind == "config":
                yield name, UNFILLED if state in (GIVEN, EMPTY, BLANK) else state
            elif not read.get("enabled", True) and state == MISSING and "?" not in expression:
                yield name, DEFAULT  # Compose reads a service that is off, and leaves it empty
            else:
                yield name, state


def _judged(kind: str, expression: str, by_name: bool, filled: Mapping[str, bool]) -> Iterable[tuple[str, str]]:
    if by_name and kind in ("compose", "config"):
        return templates.states("go", expression, filled)
    if kind in ("compose", "config"):
        return interpolation.states(expression, filled, braced=kind == "config")
    return templates.states(kind, expression, filled)


def table(rows: Sequence[Row]) -> list[str]:
    """Lines of equal columns: state, variable, who reads it. Variables that have their value are left out."""
    shown = [row for row in rows if row.state != GIVEN]
    if not shown:
        return []
    widths = [max(map(len, column)) for column in zip(("state", "variable"), *((row.state, row.name) for row in shown))]
    lines = [("state", "variable", "read by"), *((row.state, row.name, ", ".join(row.readers) or "-") for row in shown)]
    return [f"{state:<{widths[0]}}  {name:<{widths[1]}}  {readers}" for state, name, readers in lines]
