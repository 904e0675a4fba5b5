# SPDX-License-Identifier: GPL-3.0-or-later
"""The workflows of GitHub run what `make` runs here: nothing in them is known to work only there."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest

from tests.meta.repository import ROOT, complain, read
from tests.support.cores import CORES, PYTHONS

WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
TARGETS = set(re.findall(r"^([a-z-]+):.*## ", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
each_workflow = pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.stem)


def steps(workflow: Path) -> list[dict[str, Any]]:
    return [step for job in read(workflow)["jobs"].values() for step in job["steps"]]


@each_workflow
def test_every_job_has_a_machine_a_limit_and_no_more_rights_than_it_needs(workflow: Path) -> None:
    content = read(workflow)
    rights = {"release": {"contents": "write"}}.get(workflow.stem, {"contents": "read"})
    assert content["permissions"] == rights
    for job in content["jobs"].values():
        assert job["runs-on"].startswith("ubuntu-") and job["timeout-minutes"] <= 60


@each_workflow
def test_every_command_is_a_target_of_the_makefile_or_makes_the_release(workflow: Path) -> None:
    wrong = []
    for step in steps(workflow):
        program, *words = shlex.split(re.sub(r"\$\{\{.*?}}", "value", step.get("run", "make help")))
        made = [word for word in words if "=" not in word]
        known = program == "make" and made and set(made) <= TARGETS
        if not known and [program, *words[:2]] != ["gh", "release", "create"]:
            wrong.append(step["run"])
    complain("Nobody can run this here:", wrong)


@each_workflow
def test_nothing_from_outside_is_put_into_a_command_line(workflow: Path) -> None:
    """What somebody called a branch or a tag would be run. Names of our own matrix may be."""
    commands = [step["run"] for step in steps(workflow) if "run" in step]
    found = [name for command in commands for name in re.findall(r"\$\{\{\s*([\w.]+)", command)]
    assert [name for name in found if not name.startswith("matrix.")] == []


@each_workflow
def test_every_action_is_pinned_to_a_commit_and_says_its_release(workflow: Path) -> None:
    lines = re.findall(r"uses: (.*)", workflow.read_text(encoding="utf-8"))
    assert len(lines) == len([step for step in steps(workflow) if "uses" in step])
    assert [line for line in lines if not re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", line)] == []


def test_one_action_has_one_release_everywhere() -> None:
    used = {step["uses"] for workflow in WORKFLOWS for step in steps(workflow) if "uses" in step}
    assert len({use.split("@")[0] for use in used}) == len(used)


def test_sanity_runs_with_every_ansible_core_that_is_supported_on_a_python_that_all_of_them_run_on() -> None:
    job = read(ROOT / ".github/workflows/checks.yml")["jobs"]["sanity"]
    assert job["strategy"]["matrix"] == {"core": CORES}
    assert f">={CORES[0]}.0" == read(ROOT / "meta" / "runtime.yml")["requires_ansible"]
    (python,) = [step["with"]["python-version"] for step in job["steps"] if "python-version" in step.get("with", {})]
    minor = int(python.partition(".")[2])
    ranges = [[int(version.partition(".")[2]) for version in ends] for ends in PYTHONS.values()]
    assert all(oldest <= minor <= newest for oldest, newest in ranges)


def test_a_release_is_tagged_as_galaxy_yml_says() -> None:
    assert re.fullmatch(r"\d+\.\d+\.\d+", str(read(ROOT / "galaxy.yml")["version"])), "a semantic version"
    assert read(ROOT / ".github/workflows/release.yml")["on"] == {"push": {"tags": ["[0-9]+.[0-9]+.[0-9]+"]}}
