# SPDX-License-Identifier: GPL-3.0-or-later
"""Checking of queries and bodies, with the issues that the real server's library (zod) would list."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

Issue = dict[str, Any]
Path = list[str | int]


@dataclass(frozen=True)
class Field:
    """One value: its JSON type as zod names it, and what is asked of it."""

    kind: str  # string, number, boolean, array, object, any
    required: bool = True
    default: Any = None
    nullable: bool = False
    minimum: int | None = None
    choices: tuple[str, ...] = ()
    item: Field | None = None
    members: Mapping[str, Field] | None = None
    clean: Callable[[Any], Any] | None = None
    check: Callable[[Any], str | None] | None = None  # the complaint, or None

    def optional(self, default: Any = None) -> Field:
        return replace(self, required=False, default=default)

    def or_null(self) -> Field:
        return replace(self, required=False, nullable=True)


Schema = Mapping[str, Field]


def text(**rules: Any) -> Field:
    return Field("string", **rules)


def name(**rules: Any) -> Field:
    """Text that is trimmed and not empty."""
    return Field("string", clean=str.strip, minimum=1, **rules)


def number(**rules: Any) -> Field:
    return Field("number", **rules)


def flag(**rules: Any) -> Field:
    return Field("boolean", **rules)


def anything() -> Field:
    return Field("any", required=False)


def objects(members: Schema, **rules: Any) -> Field:
    return Field("array", item=Field("object", members=members), **rules)


def texts(**rules: Any) -> Field:
    return Field("array", item=text(), **rules)


def one_of(*choices: str, default: str | None = None) -> Field:
    return Field("string", choices=choices, required=default is None, default=default)


def switch(default: bool) -> Field:
    """A truth in a query: the strings true and false, nothing else."""
    return Field(
        "string", required=False, default=default, choices=("true", "false"), clean=lambda value: value == "true"
    )


def counted() -> Field:
    """A number in a query, which arrives as text."""
    return Field("string", required=False, clean=lambda value: int(value) if value.lstrip("-").isdecimal() else None)


def secret_path() -> Field:
    return Field("string", required=False, default="/", clean=clean_path)


def clean_path(path: str) -> str:
    """Without blanks and the last slash. A path without a leading slash stays so, and is never found."""
    path = path.strip()
    return path.rstrip("/") or "/" if path else "/"


def check(schema: Schema, given: Any, at: Path | None = None) -> tuple[dict[str, Any], list[Issue]]:
    """The known members of `given`, cleaned and with defaults, and the list of what is wrong."""
    at = at or []
    if not isinstance(given, dict):
        return {}, [_wrong_type("object", given, at)]
    found: dict[str, Any] = {}
    issues: list[Issue] = []
    for key, field in schema.items():
        if key not in given:
            if field.required:
                issues.append(_missing(field.kind, [*at, key]))
            elif field.default is not None:
                found[key] = field.default
        elif given[key] is None and (field.nullable or field.kind == "any"):
            found[key] = None
        else:
            found[key] = _check_value(field, given[key], [*at, key], issues)
    return found, issues


def _check_value(field: Field, value: Any, at: Path, issues: list[Issue]) -> Any:
    if not _is_kind(field.kind, value):
        issues.append(_wrong_type(field.kind, value, at))
        return None
    if field.choices and value not in field.choices:
        issues.append(_not_among(field.choices, value, at))
        return None
    if field.kind == "object" and field.members is not None:
        value, found = check(field.members, value, at)
        issues.extend(found)
    if field.kind == "array" and field.item is not None:
        value = [_check_value(field.item, item, [*at, index], issues) for index, item in enumerate(value)]
    if field.clean is not None:
        value = field.clean(value)
    if field.minimum is not None and _size(value) < field.minimum:
        issues.append(_too_small(field, at))
    complaint = field.check(value) if field.check else None
    if complaint:
        issues.append({"code": "custom", "message": complaint, "path": at})
    return value


def _is_kind(kind: str, value: Any) -> bool:
    return kind == "any" or kind == _kind_of(value)


def _kind_of(value: Any) -> str:
    if value is None:
        return "null"
    kinds: dict[type, str] = {bool: "boolean", int: "number", float: "number", str: "string", list: "array"}
    return kinds.get(type(value), "object")


def _size(value: Any) -> float:
    return value if isinstance(value, (int, float)) else len(value)


def _missing(kind: str, at: Path) -> Issue:
    return {"code": "invalid_type", "expected": kind, "received": "undefined", "path": at, "message": "Required"}


def _wrong_type(kind: str, value: Any, at: Path) -> Issue:
    received = _kind_of(value)
    message = f"Expected {kind}, received {received}"
    return {"code": "invalid_type", "expected": kind, "received": received, "path": at, "message": message}


def _not_among(choices: tuple[str, ...], value: str, at: Path) -> Issue:
    listed = " | ".join(f"'{choice}'" for choice in choices)
    message = f"Invalid enum value. Expected {listed}, received '{value}'"
    return {"received": value, "code": "invalid_enum_value", "options": list(choices), "path": at, "message": message}


def _too_small(field: Field, at: Path) -> Issue:
    unit = "character(s)" if field.kind == "string" else "element(s)"
    message = f"{field.kind.capitalize()} must contain at least {field.minimum} {unit}"
    if field.kind == "number":
        message = f"Number must be greater than or equal to {field.minimum}"
    return {
        "code": "too_small",
        "minimum": field.minimum,
        "type": field.kind,
        "inclusive": True,
        "exact": False,
        "message": message,
        "path": at,
    }
