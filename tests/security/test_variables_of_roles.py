# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever a role is given, it is refused by the variable's name, or its preflight can judge it."""

from __future__ import annotations

import re
from typing import Any

import pytest
from ansible.errors import AnsibleError
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from tests.meta import variables
from tests.meta.repository import ROLES, ROOT
from tests.support.arguments import Spec, arguments, names
from tests.support.role import Role
from tests.support.soak import ROUNDS, SEED

SPECS = {role: variables.options(role) for role in ROLES}
SHORT, LONG = 2, max(1, 2 * ROUNDS)
QUIET = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large]
# What only a host can tell is in results that tasks register, and how ansible-core says that there are none
UNDEFINED = re.compile(r"'(__\w+)' is undefined")
REGISTERED = {
    role: {name for path, names in variables.internal(role).items() if "/vars/" not in path for name in names}
    for role in ROLES
}
HOST = {"inventory_hostname": "h1", "hostvars": {}, "ansible_check_mode": False}
OF_ANSIBLE = ("could not parse JSON or key=value", "unable to evaluate string as dictionary", "converted to a dict")


def as_written(spec: Spec) -> st.SearchStrategy[dict[str, Any]]:
    """What the role takes; numbers and truth also as the texts that an inventory or -e makes of them."""

    def texts(found: dict[str, Any]) -> dict[str, Any]:
        return {name: str(value) if isinstance(value, (bool, int)) else value for name, value in found.items()}

    plain = arguments(spec, wild=False)
    return plain | plain.map(texts)


def judge(role: str, found: dict[str, Any]) -> None:
    """Each sentence of the preflight on its own, since some need what only a host tells.

    No host tells anything here, so that what is wrong can only be wrong with a variable.
    """
    errors = ArgumentSpecValidator(SPECS[role]).validate(found).error_messages
    if errors:
        assert any(word in " ".join(errors) for word in [*names(SPECS[role]), *OF_ANSIBLE]), errors
        return
    checked = Role(role, {**HOST, "role_path": str(ROOT / "roles" / role), **found})
    listed = f"__{role}_checks"
    lazy = f"__{role}_problems" in checked.variables  # which works no sentence out that is not to be said
    for number, check in enumerate(checked.variables.get(listed, ())):
        ok = _told(checked, role, f"{listed}[{number}].ok")
        say = None if lazy and ok else _told(checked, role, f"{listed}[{number}].say")
        if ok is False:
            said = say or re.sub(r"{{.*?}}", "", check["say"])
            assert any(re.search(rf"\b{name}\b", said) for name in SPECS[role]), f"{listed}[{number}]: {said}"


def _told(checked: Role, role: str, expression: str) -> Any:
    """None for what only a host can tell."""
    try:
        return checked.value(expression)
    except AnsibleError as error:
        missing = UNDEFINED.search(str(error))
        assert missing and missing[1] in REGISTERED[role], f"{expression}: {error}"
        return None


@pytest.mark.parametrize("role", ROLES)
def test_variables_of_any_kind_are_judged(role: str) -> None:
    phases = [Phase.generate]

    @settings(max_examples=SHORT, derandomize=True, phases=phases, suppress_health_check=QUIET, database=None)
    @given(as_written(SPECS[role]) | arguments(SPECS[role]))
    def judged(found: dict[str, Any]) -> None:
        judge(role, found)

    judged()


@pytest.mark.soak
@pytest.mark.parametrize("role", ROLES)
def test_hundreds_of_variables_are_judged(role: str) -> None:
    @seed(SEED)
    @settings(max_examples=LONG, suppress_health_check=QUIET, database=None)
    @given(as_written(SPECS[role]) | arguments(SPECS[role]))
    def judged(found: dict[str, Any]) -> None:
        judge(role, found)

    judged()
