# SPDX-License-Identifier: GPL-3.0-or-later
"""What secret_files refuses on the controller, before the host is asked."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from ansible.plugins.loader import action_loader


def act(monkeypatch: pytest.MonkeyPatch, **args: Any) -> dict[str, Any]:
    action = action_loader.get("omakase.homelab.secret_files", class_only=True)
    monkeypatch.setattr(action.__mro__[1], "run", lambda *_arguments: {})
    monkeypatch.setattr(action, "_execute_module", lambda _self, module_args, **_given: {"sent": module_args})
    plugin = action.__new__(action)
    plugin._task = SimpleNamespace(args=args)
    result: dict[str, Any] = plugin.run(None, {})
    return result


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ({"files": "canary-3d"}, "files is no list of dictionaries"),
        ({"files": ["canary-3d"]}, "files is no list of dictionaries"),
        ({"files": {"path": "canary-3d"}}, "files is no list of dictionaries"),
        ({"files": 5}, "files is no list of dictionaries"),
        ({"files": [], "values": ["canary-3d"]}, "values is no dictionary"),
    ],
)
def test_an_option_of_another_kind_is_named(
    args: dict[str, Any], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = act(monkeypatch, **args)
    assert result["failed"] and result["msg"].startswith(message) and "canary" not in str(result)
    assert result["changed_paths"] == []


def test_values_fill_templates_and_stay_on_the_controller(monkeypatch: pytest.MonkeyPatch) -> None:
    files = [{"path": "/x", "template": "p: ${A}", "format": "dollar"}, {"path": "/y", "content": "z"}]
    assert act(monkeypatch, files=files, values={"A": "1"}) == {
        "sent": {"files": [{"path": "/x", "content": "p: 1"}, {"path": "/y", "content": "z"}]}
    }
