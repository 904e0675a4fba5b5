# SPDX-License-Identifier: GPL-3.0-or-later
"""A rotation as a module: the plan, the journal on the server, and the way back."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from ansible.module_utils import basic
from ansible_collections.omakase.homelab.plugins.module_utils._rotation.journal import JOURNAL, Change, Journal, Place

from tests.support.modules import run_module
from tests.support.scripted import Scripted

LIST, BATCH = "GET /api/v4/secrets", "/api/v4/secrets/batch"
GIVEN: dict[str, Any] = {"token": "a-token-under-test", "project_id": "p1", "directory": "/srv/omakase"}
CATALOGUE = [
    {"name": "API_KEY", "type": "hex", "length": 32, "rotation_days": 180, "recipe": "random"},
    {"name": "DB_PASSWORD", "rotation_days": 90, "recipe": "postgresql", "database_service": "db"},
    {"name": "STORAGE_KEY", "rotation_days": 365, "recipe": "keep"},
]
DATABASE = Place("db")


class Docker:
    """One healthy service db with a PostgreSQL."""

    def __init__(self, password: str) -> None:
        self.password = password
        self.status = "Up 2 minutes (healthy)"
        self.broken = False
        self.policy = ""

    def __call__(self, _module: Any, command: Sequence[str], **more: Any) -> tuple[int, str, str]:
        if command[1] == "ps" and "--quiet" in command:
            return 0, "c0ffee\n", ""
        if command[1] == "ps":
            listed = {"Names": "db-1", "State": "running", "Status": self.status, "ID": "c0ffee"}
            migration = {"Names": "migrate-1", "State": "exited", "Status": "Exited (0) 2 hours ago", "ID": "d0ne"}
            return 0, "\n".join(map(json.dumps, [listed, migration] if self.policy else [listed])), ""
        if command[1] == "inspect":
            ended = {
                "State": {"Status": "exited", "ExitCode": 0},
                "HostConfig": {"RestartPolicy": {"Name": self.policy}},
            }
            return 0, json.dumps([{"Id": "c0ffee"}, {"Id": "d0ne", **ended}]), ""
        if command[1] == "logs":
            return 0, "", ""
        environment: Mapping[str, str] = more.get("environ_update") or {}
        if "PGPASSWORD" in environment:
            right = environment["PGPASSWORD"] == self.password
            return (0, "1\n", "") if right else (2, "", "FATAL: password authentication failed")
        if self.broken and more["data"].startswith("ALTER"):
            return 1, "", "ERROR: cannot execute ALTER ROLE\n"
        if more["data"].startswith("ALTER"):
            self.password = "set"  # what a verifier stands for cannot be told
        return 0, "1\n", ""


@pytest.fixture
def docker(monkeypatch: pytest.MonkeyPatch) -> Docker:
    double = Docker("canary-old-password")
    monkeypatch.setattr(basic.AnsibleModule, "run_command", lambda *given, **more: double(*given, **more))
    return double


def listed(server: Scripted, journal: Journal | None = None, **values: tuple[str, int]) -> Scripted:
    """values: value and age in days of each secret."""
    now = datetime.now(timezone.utc)
    secrets = [
        {"secretKey": name, "secretValue": value, "updatedAt": (now - timedelta(days=age)).isoformat()}
        for name, (value, age) in values.items()
    ]
    if journal:
        secrets.append({"secretKey": JOURNAL, "secretValue": journal.as_text()})
    return server.on(LIST, {"secrets": secrets}, query={"expandSecretReferences": "false"})


def run(server: Scripted, check: bool = False, **params: Any) -> dict[str, Any]:
    result = run_module("infisical_rotation", server, check, **{**GIVEN, "catalogue": CATALOGUE, **params})
    assert "canary" not in json.dumps(result)
    return result


def test_the_plan_asks_once_and_changes_nothing(server: Scripted, docker: Docker) -> None:
    listed(server, API_KEY=("canary-key", 181), DB_PASSWORD=("canary-old-password", 3), STORAGE_KEY=("canary", 400))
    result = run(server)
    assert (result["changed"], result["to_rotate"], result["unfinished"]) == (False, ["API_KEY"], [])
    assert [entry["state"] for entry in result["secrets"]] == ["rotate", "refused", "not due"]


@pytest.mark.parametrize(("state", "begins"), [("rotated", True), ("undone", False), ("finished", False)])
def test_check_mode_tells_what_the_state_would_change(
    server: Scripted, docker: Docker, state: str, begins: bool
) -> None:
    listed(server, API_KEY=("canary-key", 181))
    result = run(server, check=True, state=state)
    assert (result["changed"], result["to_rotate"]) == (begins, ["API_KEY"])
    listed(server, journal(), API_KEY=("canary-key", 181), DB_PASSWORD=("canary-old-password", 91))
    assert run(server, check=True, state=state)["changed"] is True


def test_old_and_new_are_on_record_before_anything_changes(server: Scripted, docker: Docker) -> None:
    listed(server, API_KEY=("canary-key", 181), DB_PASSWORD=("canary-old-password", 3))
    server.on("POST " + BATCH, {}).on("PATCH " + BATCH, {})
    assert run(server, state="rotated")["settled"] == ["API_KEY"]
    created, written = (json.loads(request.body or b"{}")["secrets"] for request in server.requests[1:])
    assert [item["secretKey"] for item in created] == [JOURNAL]
    (change,) = Journal.from_text(created[0]["secretValue"]).changes
    assert (change.name, change.old, len(change.new)) == ("API_KEY", "canary-key", 32)
    assert written == [{"secretKey": "API_KEY", "secretValue": change.new}]


def test_nothing_due_writes_nothing(server: Scripted, docker: Docker) -> None:
    listed(server, API_KEY=("canary-key", 3))
    result = run(server, state="rotated")
    assert (result["changed"], result["settled"]) == (False, [])


def test_a_name_that_cannot_be_rotated_stops_it_before_anything_changes(server: Scripted, docker: Docker) -> None:
    for check in (True, False):
        listed(server, API_KEY=("canary-key", 181), STORAGE_KEY=("canary", 1))
        result = run(server, check=check, state="rotated", names=["STORAGE_KEY"])
        assert result["failed"] and "Nothing was rotated. STORAGE_KEY: a blind change would lose data" in result["msg"]


def test_a_stack_that_is_not_well_before_is_left_alone(server: Scripted, docker: Docker) -> None:
    docker.status = "Up 2 minutes (unhealthy)"
    listed(server, API_KEY=("canary-key", 181))
    result = run(server, state="rotated")
    assert (
        result["failed"] and "the stack is not well before (container db-1: Up 2 minutes (unhealthy))" in result["msg"]
    )


@pytest.mark.parametrize(("policy", "well"), [("no", True), ("always", False)])
def test_a_container_that_ran_once_and_ended_well_is_in_no_way(
    server: Scripted, docker: Docker, policy: str, well: bool
) -> None:
    docker.policy = policy
    listed(server, API_KEY=("canary-key", 181))
    result = run(server, state="rotated", check=True)
    assert bool(result.get("failed")) is not well


def test_a_server_that_waits_for_an_approval_is_told_and_nothing_else_is_done(server: Scripted, docker: Docker) -> None:
    listed(server, API_KEY=("canary-key", 181)).on("POST " + BATCH, {"approval": {"id": "a1"}})
    result = run(server, state="rotated")
    assert result["failed"] and f"keeps {JOURNAL} until somebody approves it" in result["msg"]


def journal(back: bool = False) -> Journal:
    changes = (
        Change("API_KEY", "canary-key", "canary-new-key"),
        Change("DB_PASSWORD", "canary-old-password", "canary-new-password", DATABASE),
    )
    return Journal(changes, back)


def test_a_rotation_that_was_stopped_is_finished_and_no_other_begun(server: Scripted, docker: Docker) -> None:
    docker.password = "canary-new-password"  # killed after ALTER ROLE, before the secrets
    listed(server, journal(), API_KEY=("canary-key", 181), DB_PASSWORD=("canary-old-password", 91))
    written = [
        {"secretKey": "API_KEY", "secretValue": "canary-new-key"},
        {"secretKey": "DB_PASSWORD", "secretValue": "canary-new-password"},
    ]
    server.on("PATCH " + BATCH, {}, body={"secrets": written})
    result = run(server, state="rotated")
    assert (result["unfinished"], result["settled"], result["back"]) == (["API_KEY", "DB_PASSWORD"],) * 2 + (False,)


def test_undoing_turns_the_journal_back_first(server: Scripted, docker: Docker) -> None:
    listed(server, journal(), API_KEY=("canary-new-key", 0), DB_PASSWORD=("canary-old-password", 91))
    server.on("PATCH " + BATCH, {}).on("PATCH " + BATCH, {})
    result = run(server, state="undone")
    turned, written = (json.loads(request.body or b"{}")["secrets"] for request in server.requests[1:])
    assert Journal.from_text(turned[0]["secretValue"]) == journal(back=True)
    assert written == [{"secretKey": "API_KEY", "secretValue": "canary-key"}]
    assert (result["back"], docker.password) == (True, "canary-old-password")


def test_undoing_what_never_began_does_nothing(server: Scripted, docker: Docker) -> None:
    listed(server, API_KEY=("canary-key", 181))
    assert run(server, state="undone")["changed"] is False


def test_a_database_that_refuses_stops_it_before_any_secret_is_written(server: Scripted, docker: Docker) -> None:
    docker.broken = True
    listed(server, DB_PASSWORD=("canary-old-password", 91)).on("POST " + BATCH, {})
    result = run(server, state="rotated")
    assert result["failed"] and "db refused its superuser: ERROR: cannot execute ALTER ROLE." in result["msg"]


def test_the_end_removes_the_journal_once(server: Scripted, docker: Docker) -> None:
    listed(server, journal(), API_KEY=("canary-new-key", 0))
    server.on("DELETE " + BATCH, {}, body={"secrets": [{"secretKey": JOURNAL, "type": "shared"}]})
    assert run(server, state="finished")["changed"] is True
    listed(server, API_KEY=("canary-new-key", 0))
    assert run(server, state="finished")["changed"] is False
