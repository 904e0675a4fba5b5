# SPDX-License-Identifier: GPL-3.0-or-later
"""After a module has written, lookups of the same run read anew."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ansible import constants
from ansible.plugins.action.normal import ActionModule as NormalAction
from ansible.plugins.loader import action_loader
from ansible_collections.omakase.homelab.plugins.plugin_utils._infisical.run_cache import NEVER, RunCache


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunCache:
    """Return the cache of the run that the actions are in."""
    tmp_path.chmod(0o700)
    monkeypatch.setattr(constants, "DEFAULT_LOCAL_TMP", str(tmp_path))
    return RunCache(str(tmp_path))


def act(name: str, result: dict[str, Any], monkeypatch: pytest.MonkeyPatch, **task: Any) -> dict[str, Any]:
    """Runs the action plugin of a module that has this result."""
    monkeypatch.setattr(NormalAction, "run", lambda _self, _tmp=None, _task_vars=None: dict(result))
    action = action_loader.get(f"omakase.homelab.{name}", class_only=True)
    plugin = action.__new__(action)
    plugin._task = SimpleNamespace(**{"check_mode": False, "async_val": 0, "args": {}, **task})
    found: dict[str, Any] = plugin.run(None, {})
    return found


@pytest.mark.parametrize("name", ["infisical_secret", "infisical_folder", "infisical_import", "infisical_rotation"])
@pytest.mark.parametrize("outcome", ["changed", "failed"])
def test_a_write_drops_what_was_read_of_its_project(
    name: str, outcome: str, cache: RunCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = cache.generation("p1"), cache.generation("p2")
    result = {outcome: True, "project_id": "p1"}
    assert act(name, result, monkeypatch) == result
    assert cache.generation("p1") != before[0]
    assert cache.generation("p2") == before[1]


def test_a_failure_that_names_no_project_counts_for_the_one_that_was_asked(
    cache: RunCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = cache.generation("p1"), cache.generation("p2")
    act("infisical_secret", {"failed": True}, monkeypatch, args={"project_id": "p1"})
    assert cache.generation("p1") != before[0]
    assert cache.generation("p2") == before[1]


def test_a_project_that_nobody_names_is_any(cache: RunCache, monkeypatch: pytest.MonkeyPatch) -> None:
    before = cache.generation("p1")
    act("infisical_secret", {"failed": True}, monkeypatch, args={"project_slug": "omakase"})
    assert cache.generation("p1") != before


@pytest.mark.parametrize("name", ["infisical_project", "infisical_identity", "infisical_organization"])
def test_projects_and_identities_reach_further(name: str, cache: RunCache, monkeypatch: pytest.MonkeyPatch) -> None:
    before = cache.generation("p2")
    act(name, {"changed": True, "project_id": "p1"}, monkeypatch)
    assert cache.generation("p2") != before


@pytest.mark.parametrize(
    ("result", "task"),
    [
        ({"changed": False, "project_id": "p1"}, {}),
        ({"changed": True, "project_id": "p1"}, {"check_mode": True}),
        ({"skipped": True, "changed": True, "project_id": "p1"}, {}),
    ],
)
def test_what_has_not_been_written_drops_nothing(
    result: dict[str, Any], task: dict[str, Any], cache: RunCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = cache.generation("p1")
    act("infisical_secret", result, monkeypatch, **task)
    assert cache.generation("p1") == before


def test_a_write_in_the_background_may_come_at_any_time(cache: RunCache, monkeypatch: pytest.MonkeyPatch) -> None:
    act("infisical_secret", {"started": 1}, monkeypatch, async_val=60, args={"project_id": "p1"})
    assert cache.generation("p1") == NEVER


def test_without_a_directory_there_is_nothing_to_drop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "DEFAULT_LOCAL_TMP", "/nowhere")
    assert act("infisical_secret", {"changed": True}, monkeypatch) == {"changed": True}
