# SPDX-License-Identifier: GPL-3.0-or-later
"""The module hands over what is told of an installation; what that is, the tests of _backup say."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible_collections.omakase.homelab.plugins.module_utils._backup.commands import BackupError
from ansible_collections.omakase.homelab.plugins.module_utils._backup.stack import Stack
from ansible_collections.omakase.homelab.plugins.modules import installed_infisical_info

from tests.support.modules import printed_by


def test_it_tells_what_runs_and_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []

    def inspect(stack: Stack, image: str) -> dict[str, Any]:
        asked.append((stack.directory, image))
        return {"version": "v0.165.16", "healthy": True, "running": ["db"], "key": "fits", "password": "fits"}

    monkeypatch.setattr(installed_infisical_info, "inspect", inspect)
    result = printed_by("installed_infisical_info", {"directory": "/srv/infisical", "_ansible_check_mode": True})
    assert (result["changed"], result["version"], result["key"]) == (False, "v0.165.16", "fits")
    assert asked == [(Path("/srv/infisical"), "")]


def test_a_trouble_is_told_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    def inspect(*_: Any) -> dict[str, Any]:
        raise BackupError("docker cannot be run: No such file or directory")

    monkeypatch.setattr(installed_infisical_info, "inspect", inspect)
    result = printed_by("installed_infisical_info", {})
    assert result["failed"] and result["msg"] == "docker cannot be run: No such file or directory"
