# SPDX-License-Identifier: GPL-3.0-or-later
"""Which variables a role declares, and which its files read."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from jinja2 import Environment, nodes

from tests.meta.repository import ROLES, ROOT, read

# What Ansible evaluates without braces
EXPRESSIONS = ("when", "until", "changed_when", "failed_when", "that")
JINJA = Environment(autoescape=True, extensions=["jinja2.ext.do"])


def options(role: str) -> dict[str, Any]:
    """Return the options of the role's argument spec, in its order."""
    spec: dict[str, Any] = read(ROOT / "roles" / role / "meta" / "argument_specs.yml")["argument_specs"]["main"]
    return spec.get("options") or {}


def defaults(role: str) -> dict[str, Any]:
    """Return the role's defaults, in their order."""
    return read(ROOT / "roles" / role / "defaults" / "main.yml") or {}


def internal(role: str) -> dict[str, list[str]]:
    """Return the names that the role sets itself, by the file that does."""
    folder = ROOT / "roles" / role
    found = {str(path.relative_to(ROOT)): list(read(path) or {}) for path in sorted(folder.glob("vars/**/*.yml"))}
    for path in _tasks(role):
        found[str(path.relative_to(ROOT))] = list(_set_by(read(path)))
    return found


def read_by(role: str) -> dict[str, set[str]]:
    """Return the variables that the role's files read, by file."""
    found: dict[str, set[str]] = {}
    folder = ROOT / "roles" / role
    for path in [*_tasks(role), *sorted(folder.glob("vars/**/*.yml")), *sorted(folder.glob("defaults/*.yml"))]:
        found[str(path.relative_to(ROOT))] = set().union(*map(_names, _strings(read(path))))
    for path in sorted(folder.glob("templates/**/*.j2")):
        found[str(path.relative_to(ROOT))] = _names(path.read_text(encoding="utf-8"))
    return found


def owner(variable: str) -> str | None:
    """Return the role to whose names the variable belongs, by the longest prefix."""
    bare = variable.removeprefix("__")
    return max((role for role in ROLES if bare.startswith(f"{role}_")), key=len, default=None)


def _tasks(role: str) -> list[Path]:
    folder = ROOT / "roles" / role
    return sorted([*folder.glob("tasks/**/*.yml"), *folder.glob("handlers/*.yml")])


def _set_by(node: Any) -> Iterator[str]:
    """Yield what tasks register, loop over, or set."""
    if isinstance(node, list):
        for item in node:
            yield from _set_by(item)
    elif isinstance(node, dict):
        yield from (node[key] for key in ("register", "loop_var", "index_var") if isinstance(node.get(key), str))
        yield from node.get("ansible.builtin.set_fact") or {}
        for value in node.values():
            yield from _set_by(value)


def _strings(node: Any, key: str = "") -> Iterator[str]:
    """Yield every template; bare expressions get their braces."""
    if isinstance(node, str):
        bare = key in EXPRESSIONS and "{{" not in node
        if bare or "{{" in node or "{%" in node:
            yield f"{{{{ {node} }}}}" if bare else node
    elif isinstance(node, list):
        for item in node:
            yield from _strings(item, key)
    elif isinstance(node, dict):
        for name, value in node.items():
            yield from _strings(value, str(name))


def _names(template: str) -> set[str]:
    names = list(JINJA.parse(template).find_all(nodes.Name))
    return {node.name for node in names if node.ctx == "load"} - {node.name for node in names if node.ctx == "store"}
