# Copyright: (c) 2026, The omakase.homelab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filters that read Compose files as they stand on the disk.

Compose itself cannot be asked: `docker compose config --no-interpolate` and `--variables` lose or refuse
a default inside a short volume (C<${DATA_DIR:-./data}:/data>; seen with 2.26).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import yaml
from ansible.errors import AnsibleFilterError

# https://docs.docker.com/reference/compose-file/interpolation/: $$ is a dollar, and a default may hold a variable.
_VARIABLE = re.compile(
    r"\$(?:(?P<escaped>\$)"
    r"|(?P<bare>[A-Za-z_][A-Za-z0-9_]*)"
    r"|\{(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?P<operator>:?[-?+])?)"
)


class _Loader(yaml.SafeLoader):
    """YAML with Compose's own tags (!reset, !override), which change nothing for us."""


def _untagged(loader: yaml.SafeLoader, _tag: str, node: yaml.Node) -> Any:
    if isinstance(node, yaml.MappingNode):
        return loader.construct_mapping(node, deep=True)
    if isinstance(node, yaml.SequenceNode):
        return loader.construct_sequence(node, deep=True)
    return node.value


_Loader.add_multi_constructor("!", _untagged)


def compose_variables(texts: list[str]) -> list[dict[str, Any]]:
    """Return what these Compose files interpolate, sorted by name: C<{name, required, default}>.

    C<required> is true for C<${NAME:?message}> and C<${NAME?message}>, which Compose refuses to do without;
    C<default> is true where every use has a value of its own (C<${NAME:-value}>, C<${NAME+value}>).
    A variable inside another one's default is found too. Raises AnsibleFilterError for what is no YAML.
    """
    found: dict[str, dict[str, Any]] = {}
    for match in (match for text in texts for value in _values(_load(text)) for match in _VARIABLE.finditer(value)):
        if match["escaped"]:
            continue
        name, operator = match["bare"] or match["name"], (match["operator"] or "").lstrip(":")
        variable = found.setdefault(name, {"name": name, "required": False, "default": True})
        variable["required"] |= operator == "?"
        variable["default"] &= operator in ("-", "+")
    return [found[name] for name in sorted(found)]


def compose_includes(text: str) -> list[str]:
    """Return the paths of the files that a Compose file includes, as they are written there."""
    content = _load(text)
    entries = content.get("include") or [] if isinstance(content, dict) else []
    paths = [entry.get("path", []) if isinstance(entry, dict) else entry for entry in entries]
    return [path for entry in paths for path in (entry if isinstance(entry, list) else [entry])]


def _load(text: str) -> Any:
    try:
        return yaml.load(text, Loader=_Loader)  # noqa: S506 - a SafeLoader
    except yaml.MarkedYAMLError as problem:
        line = problem.problem_mark.line + 1 if problem.problem_mark else "?"
        # Without the line itself, which may hold a password
        raise AnsibleFilterError(f"This Compose file is no YAML: {problem.problem} in line {line}.") from None


def _values(node: Any) -> Iterator[str]:
    """The texts among the values; Compose does not interpolate names of fields."""
    if isinstance(node, str):
        yield node
    children = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    for child in children:
        yield from _values(child)


class FilterModule:
    """The collection's filters for Compose files."""

    def filters(self) -> dict[str, Any]:
        """Return the filters by name."""
        return {"compose_includes": compose_includes, "compose_variables": compose_variables}
