# SPDX-License-Identifier: GPL-3.0-or-later
"""A checkout, a command and a stack that belong to somebody else: the role omakase names them and starts nothing."""

from __future__ import annotations

from typing import Any

from tests.support.role import problems
from tests.unit.roles.test_omakase import refusals, role

CHECKOUT = "/home/omakase/omakase"


def started(**given: Any) -> tuple[list[str], list[str]]:
    """What is said before anything is written, and before anything is started, where CHECKOUT runs with dev."""
    found = role(**given)
    host = found.variables["__omakase_host"]
    host["command"] = {"environment": "dev", "directory": CHECKOUT}
    host["namesakes"] = [] if given.get("omakase_directory", CHECKOUT) == CHECKOUT else [CHECKOUT]
    host["checkout"] = {"exists": True, "tracked": []}
    host["project"] = {**host["project"], "problem": "", "absent": []}
    host["plan"] = {**host["plan"], "refused": []}
    found.variables["__omakase_connected"] = True
    return refusals(found), problems(found, "__omakase_refused")


def test_another_environment_is_refused_for_a_checkout_that_runs_unless_it_is_allowed() -> None:
    assert started(omakase_environment="dev") == ([], [])
    (said,), then = started(omakase_environment="prod")
    assert f"{CHECKOUT} on omakase runs with the environment dev" in said and "omakase_environment says prod" in said
    assert then == []
    assert started(omakase_environment="prod", omakase_allow_environment_change=True) == ([], [])


def test_another_checkout_takes_neither_the_command_nor_the_stack_of_the_first() -> None:
    before, (command, stack) = started(omakase_environment="prod", omakase_directory="/home/omakase/prod")
    assert before == []
    assert f"omakase-infisical on omakase is for the checkout {CHECKOUT}. Give this one another" in command
    assert f"A stack called omakase runs on omakase from {CHECKOUT}" in stack
