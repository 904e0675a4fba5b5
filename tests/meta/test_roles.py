# SPDX-License-Identifier: GPL-3.0-or-later
"""Roles keep their contract: what they declare, what they read, and what they must not know."""

from __future__ import annotations

import json
import re

import pytest

from tests.meta import variables
from tests.meta.repository import COLLECTION, ROLES, ROOT, complain, files, read

# Who applies a role decides on which hosts; and no role may know that it is being practised.
FORBIDDEN = re.compile(r"\bgroups\W+(proxmox|infisical|omakase|proxy)\b|\bgroup_names\b|198\.18\.|omklab|\blab\b")
each_role = pytest.mark.parametrize("role", ROLES)


@each_role
def test_defaults_equal_the_argument_spec_in_names_order_and_values(role: str) -> None:
    declared = {name: option["default"] for name, option in variables.options(role).items() if "default" in option}
    assert json.dumps(variables.defaults(role), indent=1) == json.dumps(declared, indent=1)


@each_role
def test_every_option_has_a_type_and_a_sentence(role: str) -> None:
    options = variables.options(role)
    assert [name for name, option in options.items() if not option.get("type") or not option.get("description")] == []


@each_role
def test_a_secret_option_is_a_plain_string(role: str) -> None:
    """A spec that refuses a value by type or choice prints it, even with no_log."""
    for name, option in variables.options(role).items():
        if re.search(r"(password|secret|token|_key)$", name):
            assert (option["type"], option.get("choices")) == ("str", None), name


@each_role
def test_options_begin_with_the_role_s_name(role: str) -> None:
    assert [name for name in variables.options(role) if variables.owner(name) != role] == []


@each_role
def test_internal_names_begin_with_two_underscores_and_the_role_s_name(role: str) -> None:
    complain(
        f"Name them __{role}_…:",
        [
            f"{path}: {name}"
            for path, names in variables.internal(role).items()
            for name in names
            if not name.startswith(f"__{role}_") or variables.owner(name) != role
        ],
    )


@each_role
def test_every_variable_that_is_read_is_declared(role: str) -> None:
    declared = {*variables.options(role), *(name for names in variables.internal(role).values() for name in names)}
    complain(
        "Declared neither in the argument spec nor in vars/, nor registered:",
        [
            f"{path}: {name}"
            for path, names in variables.read_by(role).items()
            for name in sorted(names - declared)
            if name.startswith("__") or variables.owner(name)
        ],
    )


@each_role
def test_every_declared_variable_is_read(role: str) -> None:
    read_anywhere = set().union(*variables.read_by(role).values())
    declared = {*variables.options(role), *(name for names in variables.internal(role).values() for name in names)}
    assert sorted(declared - read_anywhere) == []


@each_role
def test_the_role_names_no_inventory_group_and_does_not_know_the_lab(role: str) -> None:
    complain(
        "A role must not know this:",
        [
            f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
            for path in files(under=f"roles/{role}")
            for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
            if FORBIDDEN.search(line)
        ],
    )


@each_role
def test_the_role_s_tasks_are_a_table_of_contents(role: str) -> None:
    """Every phase has its tag and is imported, or included under a condition; the first one is the preflight.

    Each task that is imported and then skipped costs time, but tags reach into an include only if it applies them.
    Only a word on where a plan ends may stand beside them.
    """
    tasks = read(ROOT / "roles" / role / "tasks" / "main.yml")
    phases = [phase for task in tasks for phase in task.get("block", [task]) if "ansible.builtin.debug" not in phase]
    for phase in phases:
        included = phase.get("ansible.builtin.include_tasks")
        assert included or phase.get("ansible.builtin.import_tasks"), phase["name"]
        assert len(phase["tags"]) == 1, phase["name"]
        assert not included or (phase["when"] and included["apply"] == {"tags": phase["tags"]}), phase["name"]
    assert (phases[0].get("ansible.builtin.import_tasks"), phases[0]["tags"]) == ("preflight.yml", ["always"])
    assert all(phase["tags"][0].startswith(f"{role}_") for phase in phases[1:])


@each_role
def test_the_role_has_a_readme_with_an_example(role: str) -> None:
    text = (ROOT / "roles" / role / "README.md").read_text(encoding="utf-8")
    assert text.startswith(f"# {COLLECTION}.{role}\n")
    assert "```yaml" in text


def test_a_swallowed_failure_says_why() -> None:
    swallowed = re.compile(r"^\s*(failed_when: false|ignore_errors: (true|yes)|ignore_unreachable: (true|yes))")
    findings = []
    for path in [*files(".yml", under="roles"), *files(".yml", under="playbooks")]:
        lines = path.read_text(encoding="utf-8").splitlines()
        for number, line in enumerate(lines, start=1):
            task = "\n".join(_task_around(lines, number - 1))
            if swallowed.match(line) and "#" not in task:
                findings.append(f"{path.relative_to(ROOT)}:{number}: {line.strip()}")
    complain("Each needs a comment that says why:", findings)


def _task_around(lines: list[str], position: int) -> list[str]:
    """Return the lines of the task at the position, with the comments above it."""
    start, end = position, position + 1
    while start > 0 and lines[start - 1].strip():
        start -= 1
    while end < len(lines) and lines[end].strip():
        end += 1
    return lines[start:end]
