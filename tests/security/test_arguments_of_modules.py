# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever a module is given, it ends with a result or an error that names the option; and nothing is half done."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.common.arg_spec import ModuleArgumentSpecValidator
from ansible.module_utils.common.parameters import remove_values
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from tests.meta.repository import plugins
from tests.security.conftest import Deaf
from tests.support.arguments import arguments, names, specification
from tests.support.modules import printed_by
from tests.support.soak import ROUNDS, SEED

MODULES = [name.rpartition(".")[2] for name in plugins("modules")]
SPECS = {name: specification(name) for name in MODULES}
RULES = ("mutually_exclusive", "required_together", "required_one_of", "required_if", "required_by")
# What ansible-core says of a dictionary in a list, without a name.
OF_ANSIBLE = (
    "could not parse JSON or key=value",
    "unable to evaluate string as dictionary",
    "cannot be converted to a dict",
)
SHORT, LONG = 6, max(1, 10 * ROUNDS)
QUIET = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large]


def judge(name: str, given_arguments: dict[str, Any], deaf: Deaf, directory: Path) -> None:
    """What is not valid fails before anything else, for real; what is valid is tried in check mode."""
    spec = SPECS[name]
    rules = {rule: spec.get(rule) for rule in RULES}
    try:
        validated = ModuleArgumentSpecValidator(spec["argument_spec"], **rules).validate(given_arguments)
    except TypeError:  # ansible-core's own, of any module's: true in the place of a dictionary that has options
        return
    wrong = validated.error_messages
    deaf.sent.clear()
    plain = json.loads(json.dumps(given_arguments))
    result = printed_by(name, {**plain, "_ansible_check_mode": not wrong})
    assert "exception" not in result
    if wrong:
        assert result["failed"]
        # A secret of one letter is masked within the names as well.
        expected = remove_values([*names(spec["argument_spec"]), *OF_ANSIBLE], validated._no_log_values)
        assert any(word in result["msg"] for word in expected), result["msg"]
        assert deaf.sent == []
    if result.get("failed"):
        assert result["msg"].strip()
    assert [one for one in deaf.sent if not one.startswith("GET ") and not one.endswith("/login")] == []
    assert list(directory.iterdir()) == []


@pytest.mark.parametrize("name", MODULES)
def test_arguments_of_any_kind_end_in_words(name: str, deaf: Deaf, tmp_path: Path) -> None:
    phases = [Phase.generate]

    @settings(max_examples=SHORT, derandomize=True, phases=phases, suppress_health_check=QUIET, database=None)
    @given(arguments(SPECS[name]["argument_spec"]))
    def judged(given_arguments: dict[str, Any]) -> None:
        judge(name, given_arguments, deaf, tmp_path)

    judged()


@pytest.mark.soak
@pytest.mark.parametrize("name", MODULES)
def test_thousands_of_arguments_end_in_words(name: str, deaf: Deaf, tmp_path: Path) -> None:
    @seed(SEED)
    @settings(max_examples=LONG, suppress_health_check=QUIET, database=None)
    @given(arguments(SPECS[name]["argument_spec"]) | st.builds(dict))
    def judged(given_arguments: dict[str, Any]) -> None:
        judge(name, given_arguments, deaf, tmp_path)

    judged()
