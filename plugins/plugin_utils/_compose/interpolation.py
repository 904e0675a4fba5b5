# Copyright: (c) 2026, The omakase.homelab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compose's interpolation: which variables a text reads, what becomes of each, and the text filled in.

The rules: https://docs.docker.com/reference/compose-file/interpolation/.
$$ is a dollar, and a default may hold variables.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_OPERATOR = re.compile(r":?[-?+]")

# What becomes of a variable, the worst first. Compose refuses the first two, and leaves the third empty.
MISSING, BLANK, EMPTY, DEFAULT, GIVEN = "missing", "blank", "empty", "default", "given"


class Use(NamedTuple):
    """${name<operator>word} or $name, as it stands at text[start:end]; operator and word are empty for a plain one."""

    name: str
    operator: str
    word: str
    start: int
    end: int


class UnfilledError(Exception):
    """A variable that has no value where one is needed; says its name."""


def uses(text: str, braced: bool = False) -> Iterator[Use]:
    """The variables that a text reads, those inside a default not among them. braced: $NAME is none, only ${NAME}."""
    position = 0
    while (start := text.find("$", position)) >= 0:
        following = text[start + 1 : start + 2]
        if following == "$":
            position = start + 2
            continue
        use = _braced(text, start) if following == "{" else None if braced else _bare(text, start)
        if use:
            yield use
        position = use.end if use else start + 1


def _bare(text: str, start: int) -> Use | None:
    name = _NAME.match(text, start + 1)
    return Use(name[0], "", "", start, name.end()) if name else None


def _braced(text: str, start: int) -> Use | None:
    name = _NAME.match(text, start + 2)
    if not name:
        return None
    operator = _OPERATOR.match(text, name.end())
    begin = operator.end() if operator else name.end()
    end = _closing(text, begin)
    if end < 0 or (not operator and end != begin):
        return None
    return Use(name[0], operator[0] if operator else "", text[begin:end], start, end + 1)


def _closing(text: str, position: int) -> int:
    """Where the brace closes, with those of inner variables skipped; -1 if it does not."""
    depth = 1
    while position < len(text):
        if text.startswith("${", position):
            depth += 1
            position += 1
        elif text[position] == "}":
            depth -= 1
            if not depth:
                return position
        position += 1
    return -1


def names(text: str, braced: bool = False) -> Iterator[str]:
    """Every variable that the text reads, inside defaults too."""
    for use in uses(text, braced):
        yield use.name
        if use.operator.endswith(("-", "+")):
            yield from names(use.word, braced)


def states(text: str, filled: Mapping[str, bool], braced: bool = False) -> Iterator[tuple[str, str]]:
    """What becomes of each variable. filled: the known ones, false for those whose value is empty.

    Only what counts is judged: the inside of a default only if the default is taken.
    """
    for use in uses(text, braced):
        known = use.name in filled
        given = filled.get(use.name, False) if use.operator.startswith(":") else known
        kind = use.operator[-1:]
        if kind in ("-", "+"):
            yield use.name, GIVEN if given else DEFAULT
            if given == (kind == "+"):
                yield from states(use.word, filled, braced)
        elif not known:
            yield use.name, MISSING
        elif filled[use.name]:
            yield use.name, GIVEN
        else:
            yield use.name, BLANK if use.operator == ":?" else EMPTY


def fill(text: str, value: Callable[[str], str | None], braced: bool = False) -> str:
    """The text with its variables filled in. value: of a name, None if there is none. Raises UnfilledError.

    braced: as in files that are not Compose's own, where $NAME and $$ stand for themselves, and $${ for ${.
    """
    pieces, position = [], 0
    for use in uses(text, braced):
        pieces += [_unescaped(text[position : use.start], braced), _filled(use, value, braced)]
        position = use.end
    return "".join([*pieces, _unescaped(text[position:], braced)])


def _unescaped(text: str, braced: bool) -> str:
    return text.replace("$${", "${") if braced else text.replace("$$", "$")


def _filled(use: Use, value: Callable[[str], str | None], braced: bool) -> str:
    found = value(use.name)
    given = bool(found) if use.operator.startswith(":") else found is not None
    kind = use.operator[-1:]
    if kind == "+":
        return fill(use.word, value, braced) if given else ""
    if given:
        return found or ""
    if kind == "-":
        return fill(use.word, value, braced)
    raise UnfilledError(use.name)


def as_summary(texts: list[str]) -> list[dict[str, Any]]:
    """Each variable of these texts: whether Compose refuses to do without, and whether every use has its own value."""
    found: dict[str, dict[str, Any]] = {}
    for text in texts:
        for use in _flat(text):
            variable = found.setdefault(use.name, {"name": use.name, "required": False, "default": True})
            variable["required"] |= use.operator.endswith("?")
            variable["default"] &= use.operator.endswith(("-", "+"))
    return [found[name] for name in sorted(found)]


def _flat(text: str) -> Iterator[Use]:
    for use in uses(text):
        yield use
        if use.operator.endswith(("-", "+")):
            yield from _flat(use.word)
