# SPDX-License-Identifier: GPL-3.0-or-later
"""`molecule test` for each scenario, on containers of the lab's own Docker engine; two at a time."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.roles.playbook import ROOT

pytestmark = pytest.mark.lab
SCENARIOS = sorted({path.parent.name for path in (ROOT / "molecule").glob("*/molecule.yml")} - {"default"})
AT_ONCE = 2
LIMIT = 1500  # seconds, ten times what the longest takes on a quiet machine

Runs = dict[str, "Future[subprocess.CompletedProcess[str]]"]


@pytest.fixture(scope="module")
def runs(engine: str, request: pytest.FixtureRequest) -> Iterator[Runs]:
    """The runs of all scenarios that were asked for, under way."""
    here = [
        item for item in request.session.items if isinstance(item, pytest.Function) and item.module is request.module
    ]
    wanted = [str(item.callspec.params["scenario"]) for item in here]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        yield {scenario: pool.submit(molecule, scenario, engine) for scenario in wanted}
        pool.shutdown(cancel_futures=True)


def molecule(scenario: str, engine: str) -> subprocess.CompletedProcess[str]:
    """Run one scenario from its creation to its destruction."""
    tools = Path(sys.executable).parent
    return subprocess.run(
        [str(tools / "molecule"), "test", "--scenario-name", scenario],
        cwd=ROOT,
        env={
            **os.environ,
            "PATH": f"{tools}{os.pathsep}{os.environ['PATH']}",
            "DOCKER_HOST": engine,
            "MOLECULE_SOURCES": "../default/lab.yml",
            "MOLECULE_GLOB": "molecule/*/molecule.yml",
            "NO_COLOR": "1",
        },
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=LIMIT,
        check=False,
    )


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_the_scenario_passes(scenario: str, runs: Runs) -> None:
    done = runs[scenario].result()
    if done.returncode and "there is nothing to upgrade from" in done.stdout:
        pytest.skip("the history of this repository holds no release before this state")
    assert done.returncode == 0, done.stdout[-12000:]
