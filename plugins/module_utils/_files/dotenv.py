# Copyright: (c) 2026, The omakase.homelab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads dotenv files as Docker Compose does, and writes them so that a shell reads the same."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

# The rules are Compose's: https://docs.docker.com/compose/how-tos/environment-variables/variable-interpolation/#env-file-syntax
# and, where that is silent, its parser: https://github.com/compose-spec/compose-go/blob/main/dotenv/parser.go
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
# What neither a shell nor Compose reads as anything but itself
_PLAIN = re.compile(r"[A-Za-z0-9_./:@%+,=-]*\Z")
_BETWEEN = re.compile(r"(?:\s+|#[^\n]*)*")
_STATEMENT = re.compile(
    r"(?:export[ \t]+)?(?P<name>[A-Za-z_][A-Za-z0-9_.-]*)[ \t\r]*"
    r"(?:(?P<value>[=:])[ \t]*|(?=\n|\Z))"
)
_QUOTED = re.compile(r"(?P<quote>['\"])(?P<text>(?:\\.|(?!(?P=quote))[^\\])*)(?P=quote)", re.DOTALL)
_REFERENCE = re.compile(
    r"\$(?:(?P<escaped>\$)"
    r"|(?P<bare>[A-Za-z_][A-Za-z0-9_]*)"
    r"|\{(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?:(?P<operator>:?[-?+])(?P<word>[^{}]*))?\}"
    r"|(?P<invalid>\{))"
)
_ESCAPE = re.compile(r"\\([abfnrtv$\"\\])")
# An escaped dollar is left to the interpolation, which follows.
_ESCAPES = dict(zip('abfnrtv$"\\', ["\a", "\b", "\f", "\n", "\r", "\t", "\v", "$$", '"', "\\"]))


class DotenvError(ValueError):
    """What Compose or a shell would refuse; names the line or the variable, and never a value."""


class _Statement(NamedTuple):
    """NAME=value: where it stands, and what it sets; None where Compose takes the value from its environment."""

    start: int
    end: int
    name: str
    value: str | None


def from_dotenv(text: str) -> dict[str, str]:
    """Return the variables of a dotenv file by name.

    Quoted values may span lines; references to variables that the file sets further up are replaced, others are empty.
    A line without a value (Compose takes it from its environment) is passed over.
    Raises DotenvError, with the number of the line and never its text, for what Compose would refuse.
    """
    return {found.name: found.value for found in _statements(text) if found.value is not None}


def updated(text: str, variables: Mapping[str, Any]) -> str:
    """Return the text with these variables set; everything else in it stays, comments and order included.

    Raises DotenvError as from_dotenv and to_dotenv do.
    """
    wanted = {name: to_dotenv({name: value}) for name, value in variables.items()}
    statements, present = _statements(text), from_dotenv(text)
    pieces, position = [], 0
    for found in statements:
        if found.name not in wanted:
            continue
        same = present.get(found.name) == from_dotenv(wanted[found.name])[found.name]
        line = text[found.start : found.end] if same else wanted[found.name].rstrip("\n")
        pieces += [text[position : found.start], line]
        position = found.end
    kept = "".join([*pieces, text[position:]])
    names = {found.name for found in statements}
    added = "".join(line for name, line in wanted.items() if name not in names)
    return (kept + "\n" if added and kept and not kept.endswith("\n") else kept) + added


def _statements(text: str) -> list[_Statement]:
    found: list[_Statement] = []
    values: dict[str, str] = {}
    position = _skip(text, 1 if text.startswith("\ufeff") else 0)
    while position < len(text):
        start = position
        statement = _STATEMENT.match(text, position)
        if not statement:
            raise _refusal(text, position, "is neither a comment nor NAME=value")
        position = statement.end()
        value = None
        if statement["value"]:
            value, position = _value(text, position, values)
            values[statement["name"]] = value
        found.append(_Statement(start, position, statement["name"], value))
        position = _skip(text, position)
    return found


def to_dotenv(variables: Mapping[str, Any]) -> str:
    """Return the text of a dotenv file, a line a variable in the order given; from_dotenv gives the same values back.

    Values are texts, numbers or booleans; numbers and booleans become text.
    Raises DotenvError, which names the variable and never its value, for what no such file can carry.
    """
    return "".join(f"{_checked(name)}={_quoted(name, _as_text(name, value))}\n" for name, value in variables.items())


def _skip(text: str, position: int) -> int:
    """Return where the next statement begins."""
    between = _BETWEEN.match(text, position)
    return between.end() if between else position


def _refusal(text: str, position: int, why: str) -> DotenvError:
    return DotenvError(f"from_dotenv: line {text.count(chr(10), 0, position) + 1} {why}.")


def _value(text: str, start: int, found: Mapping[str, str]) -> tuple[str, int]:
    """Return the value that begins at start, and where the text goes on."""
    if text[start : start + 1] not in ("'", '"'):
        end = text.find("\n", start)
        end = len(text) if end < 0 else end
        return _interpolated(text, start, text[start:end].split(" #", 1)[0].rstrip(), found), end
    quoted = _QUOTED.match(text, start)
    if not quoted:
        raise _refusal(text, start, "has a quote that is never closed")
    quote = quoted["quote"]
    value = re.sub(r"\\(.)", lambda pair: quote if pair[1] == quote else pair[0], quoted["text"], flags=re.DOTALL)
    if quote == '"':
        value = _ESCAPE.sub(lambda escape: _ESCAPES[escape[1]], value)
        value = _interpolated(text, start, value, found)
    return value, quoted.end()


def _interpolated(text: str, start: int, value: str, found: Mapping[str, str]) -> str:
    """Return the value with its references replaced, as in https://docs.docker.com/reference/compose-file/interpolation/."""

    def replaced(reference: re.Match[str]) -> str:
        if reference["escaped"]:
            return "$"
        if reference["invalid"]:
            raise _refusal(text, start, "has a reference that cannot be read")
        operator, word = reference["operator"] or "", reference["word"] or ""
        known = found.get(reference["bare"] or reference["name"])
        given = bool(known) if operator.startswith(":") else known is not None
        if operator.endswith("?") and not given:
            raise _refusal(text, start, "needs a variable that the file does not set")
        if operator.endswith("+") if given else operator.endswith("-"):
            return _interpolated(text, start, word, found)
        return "" if operator.endswith("+") else known or ""

    return _REFERENCE.sub(replaced, value)


def _checked(name: str) -> str:
    if not _NAME.match(name):
        raise DotenvError(f"to_dotenv: {name!r} is not a name for a variable: letters, digits and _ only.")
    return name


def _as_text(name: str, value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if not isinstance(value, (str, int, float)):
        kind = type(value).__name__
        raise DotenvError(f"to_dotenv: {name} is a {kind}; a variable is a text, a number or a boolean.")
    return str(value)


def _quoted(name: str, text: str) -> str:
    if "\0" in text:
        raise DotenvError(f"to_dotenv: the value of {name} has a NUL character, which no variable can carry.")
    if _PLAIN.match(text):
        return text
    if "'" not in text and not text.endswith("\\"):
        return f"'{text}'"
    if "`" in text:
        # A shell runs it between double quotes, and escaped with a backslash Compose would keep the backslash.
        raise DotenvError(
            f"to_dotenv: the value of {name} has a backtick together with a single quote or a backslash at its end,"
            " which Compose and a shell read differently however it is quoted. Choose another value."
        )
    return '"' + re.sub(r'(["\\$])', r"\\\1", text) + '"'
