# Copyright: (c) 2026, The omakase.homelab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filters that read and write dotenv files as Docker Compose and the shell both understand them."""

from __future__ import annotations

import re
from typing import Any

from ansible.errors import AnsibleFilterError

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
# What neither a shell nor Compose reads as anything but itself.
_PLAIN = re.compile(r"[A-Za-z0-9_./:@%+,=-]*\Z")
_ASSIGNMENT = re.compile(r"^\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=[ \t]*", re.MULTILINE)
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t"}


def from_dotenv(text: str) -> dict[str, str]:
    """Return the variables of a dotenv file; comments and blank lines are passed over.

    Quoted values may span lines. Inside double quotes C<\\n>, C<\\"> and the like are escapes,
    inside single quotes only C<\\'> is, as in Compose. Values are not interpolated.
    """
    found: dict[str, str] = {}
    position = 0
    while match := _ASSIGNMENT.search(text, position):
        value, position = _value(text, match.end())
        found[match.group(1)] = value
    return found


def to_dotenv(variables: dict[str, Any]) -> str:
    """Return the text of a dotenv file, a line a variable in the order given; values come back the same by from_dotenv.

    A value that Compose or a shell would read differently is put in single quotes.
    """
    return "".join(f"{_checked(name)}={_quoted(name, value)}\n" for name, value in variables.items())


def _checked(name: str) -> str:
    if not _NAME.match(name):
        raise AnsibleFilterError(f"to_dotenv: {name!r} is no name for a variable: letters, digits and _ only.")
    return name


def _quoted(name: str, value: Any) -> str:
    text = {True: "true", False: "false"}[value] if isinstance(value, bool) else str(value)
    if _PLAIN.match(text):
        return text
    if "\\" in text and "'" in text:
        raise AnsibleFilterError(
            f"to_dotenv: the value of {name} has both a backslash and a single quote,"
            " which a dotenv file cannot carry safely. Choose a value without one of them."
        )
    return "'" + text.replace("'", "\\'") + "'"


def _value(text: str, start: int) -> tuple[str, int]:
    """Return the value that begins at start, and the position after its line."""
    quote = text[start:start + 1]
    if quote not in ("'", '"'):
        end = _end_of_line(text, start)
        return re.split(r"\s#", text[start:end], maxsplit=1)[0].strip(), end
    value, position = [], start + 1
    while position < len(text) and text[position] != quote:
        if text[position] == "\\" and position + 1 < len(text) and _escapes(quote, text[position + 1]):
            position += 1
            value.append(_ESCAPES.get(text[position], text[position]) if quote == '"' else text[position])
        else:
            value.append(text[position])
        position += 1
    return "".join(value), _end_of_line(text, position)


def _escapes(quote: str, char: str) -> bool:
    return char == "'" if quote == "'" else char in '"\\$nrt'


def _end_of_line(text: str, position: int) -> int:
    end = text.find("\n", position)
    return len(text) if end < 0 else end


class FilterModule:
    """The collection's filters for dotenv files."""

    def filters(self) -> dict[str, Any]:
        """Return the filters by name."""
        return {"from_dotenv": from_dotenv, "to_dotenv": to_dotenv}
