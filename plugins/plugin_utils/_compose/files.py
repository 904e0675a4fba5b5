# Copyright: (c) 2026, The omakase.homelab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compose files as YAML."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import yaml


class ComposeError(Exception):
    """A file that cannot be read as Compose would; names the line and never shows it."""


class _Loader(yaml.SafeLoader):
    """YAML with Compose's own tags (!reset, !override), which change nothing for us."""


def _untagged(loader: yaml.SafeLoader, _tag: str, node: yaml.Node) -> Any:
    if isinstance(node, yaml.MappingNode):
        return loader.construct_mapping(node, deep=True)
    if isinstance(node, yaml.SequenceNode):
        return loader.construct_sequence(node, deep=True)
    return node.value


_Loader.add_multi_constructor("!", _untagged)


def load(text: str) -> dict[str, Any]:
    """The content of a Compose file; nothing for an empty one. Raises ComposeError."""
    try:
        content = yaml.load(text, Loader=_Loader)  # noqa: S506 - a SafeLoader
    except yaml.MarkedYAMLError as problem:
        line = problem.problem_mark.line + 1 if problem.problem_mark else "?"
        # Without the line itself, which may hold a password
        raise ComposeError(f"no YAML: {problem.problem} in line {line}.") from None
    except (yaml.YAMLError, ValueError) as problem:  # a control character; a date that there is not
        raise ComposeError(f"no YAML that can be read: {type(problem).__name__}.") from None
    return content if isinstance(content, dict) else {}


def strings(node: Any) -> Iterator[str]:
    """The texts among the values; Compose does not interpolate names of fields."""
    if isinstance(node, str):
        yield node
    children = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    for child in children:
        yield from strings(child)


def listed(value: Any) -> list[Any]:
    """What can be written as one or as a list, as a list."""
    return value if isinstance(value, list) else [] if value is None else [value]


def includes(content: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The entries of include, in full: path and env_file as lists, project_directory where it is given."""
    for entry in listed(content.get("include")):
        found = entry if isinstance(entry, dict) else {"path": entry}
        yield {**found, "path": listed(found.get("path")), "env_file": listed(found.get("env_file"))}
