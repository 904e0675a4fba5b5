# SPDX-License-Identifier: GPL-3.0-or-later
"""${NAME} and ${environment.folder.NAME} inside values."""

from __future__ import annotations

import re
from collections.abc import Callable

REFERENCE = re.compile(r"\$\{([a-zA-Z0-9_.-]+)\}")
DEEPEST = 10
Place = tuple[str, str]  # environment, path
Values = Callable[[Place], dict[str, str]]


def expand(value: str, place: Place, values: Values) -> str:
    """`value`, found at `place`, with its references replaced. What leads nowhere or in a circle stays as text."""
    return _expand(value, place, values, ())


def _expand(value: str, place: Place, values: Values, seen: tuple[tuple[Place, str], ...]) -> str:
    if "${" not in value or len(seen) > DEEPEST:
        return value

    def replace(match: re.Match[str]) -> str:
        where, name = _target(match.group(1), place)
        found = values(where).get(name)
        if found is None or (where, name) in seen:
            return match.group(0)
        return _expand(found, where, values, (*seen, (where, name)))

    return REFERENCE.sub(replace, value)


def _target(reference: str, here: Place) -> tuple[Place, str]:
    parts = reference.split(".")
    if len(parts) == 1:
        return here, reference
    return (parts[0], "/" + "/".join(parts[1:-1])), parts[-1]
