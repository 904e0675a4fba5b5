# SPDX-License-Identifier: GPL-3.0-or-later
"""Lets tests import this checkout as ansible_collections.omakase.homelab, the way Ansible itself does; and the lab."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible.plugins.loader import init_plugin_loader
from hypothesis import HealthCheck, settings
from hypothesis.configuration import set_hypothesis_home_dir

# A helper's assertion shows its values as a test's does.
pytest.register_assert_rewrite("tests.end_to_end", "tests.faults", "tests.roles", "tests.support")

from tests.support import soak

ROOT = Path(__file__).resolve().parents[1]
# What takes longest begins first, so that the rest fills the time beside it.
LONGEST_FIRST = (
    "tests/end_to_end/test_site.py",
    "tests/roles/test_scenarios.py",
    "tests/roles/test_infisical_backup.py",
    "tests/roles/test_rotate.py",
    # One of them alone keeps a core busy, beside tests that wait for machines.
    "tests/meta/test_linters.py",
    "tests/meta/test_sanity.py",
    "tests/end_to_end",
    "tests/roles/test_docker.py",
    "tests/roles/test_omakase.py",
    "tests/roles/test_reverse_proxy.py",
    "tests/roles",
    "tests/integration",
    "tests/faults",
    "tests/security",
)

init_plugin_loader([str(ROOT / "collections")])
# Among the other caches, which git ignores and `make clean` removes
set_hypothesis_home_dir(ROOT / ".hypothesis_cache")
# How fast a machine is proves nothing about the code.
settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let the longest files begin, where several processes share them."""
    items.sort(key=_rank)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """What the long proofs found, with what it takes to run them again."""
    if found := config.stash.get(soak.figures, []):
        terminalreporter.section(f"OMAKASE_SOAK_SEED={soak.SEED} OMAKASE_SOAK_ROUNDS={soak.ROUNDS}")
        for line in found:
            terminalreporter.line(line)


@pytest.fixture(name="soak")
def _soak(request: pytest.FixtureRequest) -> soak.Soak:
    """Seed, counts and a voice for a long proof."""
    return soak.Soak(request.config)


def _rank(item: pytest.Item) -> int:
    found = [rank for rank, start in enumerate(LONGEST_FIRST) if item.nodeid.startswith(start)]
    return min(found, default=len(LONGEST_FIRST))


@pytest.fixture(scope="session")
def practice() -> Iterator[None]:
    """The lab, up; taken down afterwards if it was down before."""
    from tests.roles.machine import is_up, lab

    was_up = is_up()
    lab("up")
    yield
    if not was_up and not os.environ.get("OMAKASE_KEEP_LAB"):
        lab("down")


@pytest.fixture(scope="session")
def engine(practice: None) -> Iterator[str]:
    """The address of the lab's own Docker engine."""
    from lab.engine import ADDRESS
    from tests.roles.machine import lab

    lab("engine")
    yield ADDRESS
    if not os.environ.get("OMAKASE_KEEP_LAB"):
        lab("engine", "--stop")
