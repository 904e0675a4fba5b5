# Copyright: (c) 2026, The omakase.homelab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Templates of configuration files, by format: which secrets they read, and the text filled in."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping

from ansible_collections.omakase.homelab.plugins.plugin_utils._compose import interpolation
from ansible_collections.omakase.homelab.plugins.plugin_utils._compose.interpolation import UnfilledError

FORMATS = ("jinja", "dollar", "go")
# {{ env "NAME" }} alone between its braces; a minus takes away the blanks outside.
_GO = re.compile(r"(?:\s*\{\{- |\{\{)\s*(?:env|mustEnv)\s+(?:\"(?P<name>\w+)\"|`(?P<raw>\w+)`)\s*(?: -\}\}\s*|\}\})")
_GO_BLOCK = re.compile(r"\{\{(?P<inside>.*?)\}\}", re.DOTALL)
_GO_ENV = re.compile(r"\b(?:env|mustEnv)\s+[\"`](\w+)[\"`]")
_LOOKUP = re.compile(r"(?:lookup|query|q)\s*\(\s*['\"]omakase\.homelab\.infisical['\"]\s*,\s*['\"](\w+)['\"]")


def go_names(text: str) -> Iterator[str]:
    """The names in {{ env "NAME" }}, wherever they stand between the braces."""
    for block in _GO_BLOCK.finditer(text):
        yield from _GO_ENV.findall(block["inside"])


def lookup_names(text: str) -> list[str]:
    """The names that a Jinja template takes through the lookup, where they stand there as they are."""
    return _LOOKUP.findall(text)


def expressions(kind: str, text: str) -> list[str]:
    """The parts of a template that read something, each a template of the same format."""
    if kind == "dollar":
        found = (text[use.start : use.end] for use in interpolation.uses(text, braced=True))
    elif kind == "go":
        found = (f'{{{{env "{name}"}}}}' for name in go_names(text))
    else:
        found = (f"lookup('omakase.homelab.infisical', '{name}')" for name in lookup_names(text))
    return list(dict.fromkeys(found))


def states(kind: str, text: str, filled: Mapping[str, bool]) -> Iterator[tuple[str, str]]:
    """What becomes of each variable of a template of this format, as interpolation.states has it."""
    if kind == "dollar":
        yield from interpolation.states(text, filled, braced=True)
        return
    for name in go_names(text) if kind == "go" else lookup_names(text):
        state = interpolation.MISSING if name not in filled else interpolation.EMPTY
        yield name, interpolation.GIVEN if filled.get(name) else state


def fill(kind: str, text: str, value: Callable[[str], str | None]) -> str:
    """A template of the format dollar or go, filled in. Raises UnfilledError."""
    if kind == "dollar":
        return interpolation.fill(text, value, braced=True)

    def filled(match: re.Match[str]) -> str:
        name = match["name"] or match["raw"]
        found = value(name)
        if found is None:
            raise UnfilledError(name)
        return found

    return _GO.sub(filled, text)
