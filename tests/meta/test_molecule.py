# SPDX-License-Identifier: GPL-3.0-or-later
"""Every role has a Molecule scenario, which is also the example in its README."""

from __future__ import annotations

import re
from typing import Any

import pytest

from docs import role_readmes
from tests.meta.repository import COLLECTION, ROLES, ROOT, read, run

# The default one only keeps what the others share.
SCENARIOS = sorted({path.parent.name for path in (ROOT / "molecule").glob("*/molecule.yml")} - {"default"})
SYSTEMS: dict[str, str] = read(ROOT / "molecule/default/vendors.yml")["molecule_systems"]
each_role = pytest.mark.parametrize("role", ROLES)
each_scenario = pytest.mark.parametrize("scenario", SCENARIOS)


@each_role
def test_the_role_has_a_scenario_that_applies_it(role: str) -> None:
    assert role in SCENARIOS
    (play,) = read(ROOT / "molecule" / role / "converge.yml")
    assert f"{COLLECTION}.{role}" in [entry["role"] for entry in play["roles"]]


@each_scenario
def test_the_scenario_has_tests(scenario: str) -> None:
    assert "\ndef test_" in (ROOT / "molecule" / scenario / "tests" / f"test_{scenario}.py").read_text(encoding="utf-8")


@each_scenario
def test_what_is_converged_reads_as_a_user_would_write_it(scenario: str) -> None:
    text = (ROOT / "molecule" / scenario / "converge.yml").read_text(encoding="utf-8")
    assert not re.search(r"molecule|198\.18\.|\blab\b", text)


def test_ci_runs_every_scenario_on_every_system_by_a_target_of_the_makefile() -> None:
    (job,) = read(ROOT / ".github/workflows/molecule.yml")["jobs"].values()
    matrix = job["strategy"]["matrix"]
    assert matrix == {"system": list(SYSTEMS), "scenario": SCENARIOS}
    (step,) = [step for step in job["steps"] if "run" in step]
    words = f"{step['run']} {step['env']['MOLECULE_SYSTEM']}"
    assert re.findall(r"\$\{\{ matrix\.(\w+) }}", words) == ["scenario", "system"]
    command = step["run"].replace("${{ matrix.scenario }}", "docker").split()
    assert "molecule test --scenario-name docker" in run(*command, "--dry-run").stdout


def test_the_systems_are_those_that_the_roles_promise_each_an_image_of_one_day() -> None:
    (platforms,) = {
        tuple((entry["name"].lower(), version) for entry in info["platforms"] for version in entry["versions"])
        for info in (read(ROOT / "roles" / role / "meta" / "main.yml")["galaxy_info"] for role in ROLES)
        if info["platforms"][0]["name"] != "GenericLinux"
    }
    images = [re.fullmatch(r"(\w+):(\w+)-20\d{6}", image) for image in SYSTEMS.values()]
    assert [image.groups() for image in images if image] == list(platforms)


@each_role
def test_the_readme_is_up_to_date(role: str) -> None:
    found = role_readmes.readme(role).read_text(encoding="utf-8")
    assert found == role_readmes.generated(role), (
        "run `make docs` (python -m docs.role_readmes) and commit what it writes"
    )


OPTIONS: dict[str, dict[str, Any]] = {
    "tea_kind": {
        "description": ["C(/etc/tea) says it, or O(tea_pot).", "See P(omakase.homelab.docker#role)."],
        "type": "str",
        "choices": ["black", "green"],
        "default": "{{ 'black' | lower }}",
    },
    "tea_pots": {
        "description": "The pots.",
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": {"size": {"description": "In V(ml).", "type": "int", "required": True}},
    },
}


def test_the_reference_says_type_default_and_choices_and_goes_into_lists_of_dictionaries() -> None:
    lines = role_readmes.reference(OPTIONS).splitlines()
    assert (
        r"| `tea_kind` | str | `{{ 'black' \| lower }}` | `/etc/tea` says it, or `tea_pot`."
        " See [omakase.homelab.docker](../docker/README.md). One of `black`, `green`. |" in lines
    )
    assert "### Each entry of `tea_pots`" in lines
    assert "| `size` | int | required | In `ml`. |" in lines


def test_what_is_written_by_hand_stays_and_what_is_generated_is_replaced() -> None:
    example = role_readmes.EXAMPLE.format(role="tea")
    text = f"# tea\n{example}old\n{role_readmes.EXAMPLE_END}by hand\n{role_readmes.REFERENCE}old\n"
    filled = role_readmes.fill(text, "tea", "---\n- hosts: kitchen\n", OPTIONS)
    assert filled.startswith(f"# tea\n{example}```yaml\n- hosts: kitchen\n```\n{role_readmes.EXAMPLE_END}by hand\n")
    assert "old" not in filled
    assert role_readmes.fill(filled, "tea", "---\n- hosts: kitchen\n", OPTIONS) == filled


def test_a_readme_without_a_place_for_it_is_named() -> None:
    with pytest.raises(role_readmes.MissingMarkerError, match=r"roles/tea/README\.md needs this line once"):
        role_readmes.fill("# tea\n", "tea", "---\n", OPTIONS)
