# SPDX-License-Identifier: GPL-3.0-or-later
"""The doctor as a module: in which order it looks, what it leaves out, and what it never shows."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils import basic
from ansible_collections.omakase.homelab.plugins.module_utils._doctor import server as doctor_server
from ansible_collections.omakase.homelab.plugins.module_utils._doctor.findings import ok, problem

from tests.support.modules import run_module
from tests.support.scripted import Scripted


@pytest.fixture(autouse=True)
def commands(monkeypatch: pytest.MonkeyPatch) -> None:
    """A host whose every command prints a line with a secret, and that reaches its server."""
    monkeypatch.setattr(basic.AnsibleModule, "get_bin_path", lambda *_: "/bin/there")
    monkeypatch.setattr(basic.AnsibleModule, "run_command", lambda *_: (1, "said canary-value", ""))
    monkeypatch.setattr(doctor_server, "reachability", lambda *_: [ok("status", "Ok")])


def checks(result: dict[str, Any]) -> list[str]:
    return [finding["check"] for finding in result["findings"]]


def test_it_looks_from_the_network_to_the_last_container(server: Scripted, tmp_path: Path) -> None:
    server.on("GET /api/v4/secrets", {"secrets": [{"secretKey": "A", "secretValue": "canary-value"}]})
    server.refuse("PATCH /api/v4/secrets/batch", 404, "NotFound", "no such secret")
    asked: dict[str, Any] = {
        "project_id": "p1",
        "token": "a-token-under-test",
        "private_files": [f"{tmp_path}/.env"],
        "disks": [str(tmp_path)],
        "commands": ["infisical"],
        "compose_directories": ["/opt/infisical"],
        "injection_command": ["true"],
        "backup_records": str(tmp_path),
        "hide": ["canary-value"],
    }
    result = run_module("doctor", server, **asked)
    assert checks(result) == [
        "status", "login", "read", "write", f"file {tmp_path}/.env", f"disk of {tmp_path}", "command infisical",
        "Docker", "backup", "injection",
    ]  # fmt: skip
    assert (result["healthy"], result["changed"]) == (False, False)
    assert "canary" not in json.dumps(result)


def test_an_identity_is_not_tried_where_the_server_cannot_be_reached(
    server: Scripted, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor_server, "reachability", lambda *_: [problem("TCP", "refused", "look")])
    result = run_module("doctor", server, project_id="p1", token="a-token-under-test", disks=[])
    assert checks(result) == ["TCP"]


def test_without_anything_to_look_at_it_looks_at_the_server_and_the_root_disk(server: Scripted) -> None:
    result = run_module("doctor", server)
    assert checks(result) == ["status", "disk of /"]
    assert result["healthy"] is True
