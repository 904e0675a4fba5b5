# Copyright: (c) 2026, The omakase.homelab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filters that read and fill in the files of an inventory, and leave their comments as they are."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

import yaml
from ansible.errors import AnsibleFilterError

_MARK = "FILL IN: "
_TEMPLATE = re.compile(r"\{[{%#]")
_PLAIN = re.compile(r"[\w~/][\w./~:@-]*", re.ASCII)


def inventory_values(files: Mapping[str, str], places: Iterable[str]) -> list[Any]:
    """Return what stands at the places, each C<FILE:key.key>, a number for a place in a list."""
    return [yaml.safe_load(_written(files, place)) for place in places]


def filled_inventory(files: Mapping[str, str], values: Mapping[str, Any]) -> dict[str, str]:
    """Return the files with the values at their places; an empty one leaves what is there.

    The comment above a place that was to be filled in says so no longer.
    """
    filled = {name: str(text) for name, text in files.items()}
    given = [(_scalar(filled, place), place.partition(":")[0], value) for place, value in values.items() if value != ""]
    # From the end of a file to its beginning: what comes before is then still where it was.
    for scalar, name, value in sorted(given, key=lambda one: one[0].start_mark.index, reverse=True):
        filled[name] = _with(filled[name], scalar, value)
    return filled


def _written(files: Mapping[str, str], place: str) -> str:
    scalar = _scalar(files, place)
    return str(files[place.partition(":")[0]])[scalar.start_mark.index : scalar.end_mark.index]


def _scalar(files: Mapping[str, str], place: str) -> yaml.ScalarNode:
    name, _colon, keys = place.partition(":")
    node = _document(str(files.get(name, "")))
    for key in keys.split("."):
        node = _below(node, key)
    if not isinstance(node, yaml.ScalarNode):
        raise AnsibleFilterError(f"There is no value at {keys} in {name}.")
    return node


# A playbook asks for the same files again and again.
@lru_cache(maxsize=64)
def _document(text: str) -> yaml.Node | None:
    return yaml.compose(text, Loader=yaml.SafeLoader)


def _below(node: yaml.Node | None, key: str) -> yaml.Node | None:
    if isinstance(node, yaml.MappingNode):
        return next((value for name, value in node.value if name.value == key), None)
    if isinstance(node, yaml.SequenceNode):
        return dict(enumerate(node.value)).get(int(key)) if key.isdecimal() else None
    return None


def _with(text: str, scalar: yaml.ScalarNode, value: Any) -> str:
    start = scalar.start_mark
    lines = text[: start.index].splitlines(keepends=True)
    # The line of the value itself, then the comment above it, upwards
    for number in reversed(range(len(lines) - 1)):
        if not lines[number].lstrip().startswith("#"):
            break
        before, mark, after = lines[number].partition(_MARK)
        lines[number] = before + (after[:1].upper() + after[1:] if mark else "")
    return "".join(lines) + _as_yaml(value, scalar.tag) + text[scalar.end_mark.index :]


def _as_yaml(value: Any, tag: str) -> str:
    """A scalar on one line, of the type that stood there if it can be: what a person answers is always a text."""
    said = str(value)
    if tag.endswith((":int", ":float")) and re.fullmatch(r"[0-9]+", said):
        return str(int(said))  # YAML reads a number with a zero before it as an octal one
    if not isinstance(value, str):
        return yaml.safe_dump(value).removesuffix("\n").removesuffix("\n...")
    if _PLAIN.fullmatch(said) and yaml.safe_load(said) == said:
        return said
    quoted = yaml.safe_dump(said, default_style='"', allow_unicode=True, width=float("inf")).rstrip("\n")
    # In a value that somebody gave, braces are braces.
    return f"!unsafe {quoted}" if _TEMPLATE.search(said) else quoted


class FilterModule:
    """The collection's filters for files of an inventory."""

    def filters(self) -> dict[str, Any]:
        """Return the filters by name."""
        return {"filled_inventory": filled_inventory, "inventory_values": inventory_values}
