# SPDX-License-Identifier: GPL-3.0-or-later
"""Folders: made with those above them, again, removed, again."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.modules import run_module
from tests.support.scripted import Scripted

PROJECT = {"project": {"id": "p1", "slug": "omakase", "environments": [{"id": "e", "slug": "dev", "name": "Dev"}]}}
FOLDERS = "/api/v2/folders"
LIST = "GET /api/v4/secrets"


def run(server: Scripted, check: bool = False, **params: Any) -> dict[str, Any]:
    server.expected.insert(0, Scripted().on("GET /api/v1/projects/p1", PROJECT).expected[0])
    return run_module("infisical_folder", server, check, project_id="p1", token="a-token-under-test", **params)


def level(server: Scripted, path: str, *names: str) -> Scripted:
    found = [{"name": name, "id": f"id-{name}"} for name in names]
    return server.on("GET " + FOLDERS, {"folders": found}, query={"path": path, "projectId": "p1"})


def test_a_missing_folder_is_made(server: Scripted) -> None:
    level(server, "/").on("POST " + FOLDERS, {}, body={"name": "db", "path": "/", "environment": "dev"})
    result = run(server, path="/db")
    assert (result["changed"], result["folders"], result["project_id"]) == (True, ["/db"], "p1")


def test_a_project_that_is_given_and_empty_is_named(server: Scripted) -> None:
    result = run_module("infisical_folder", server, project_id="", token="a-token-under-test", path="/db")
    assert result["failed"] and "Give project_id or project_slug: what was given is empty." in result["msg"]


def test_each_level_is_read_once_and_parents_are_left_to_the_server(server: Scripted) -> None:
    level(level(server, "/", "db"), "/db", "replica")
    server.on("POST " + FOLDERS, {}, body={"name": "c", "path": "/a/b"})
    server.on("POST " + FOLDERS, {}, body={"name": "main", "path": "/db"})
    result = run(server, folders=["a/b/c", "db", "db/replica", "db/main", "db/main"])
    assert result["diff"]["after"]["folders"] == ["/a/b/c", "/db/main"]


def test_check_mode_makes_nothing(server: Scripted) -> None:
    assert run(level(server, "/"), check=True, path="/db")["changed"]


def test_a_folder_that_is_there_is_left_alone(server: Scripted) -> None:
    assert not run(level(server, "/", "db"), path="/db")["changed"]
    assert not run(server, path="/")["changed"]


def test_an_empty_folder_is_removed_once(server: Scripted) -> None:
    level(server, "/", "db").on(LIST, {"secrets": []}, query={"secretPath": "/db", "recursive": "true"})
    level(server, "/db").on(f"DELETE {FOLDERS}/id-db", {}, body={"path": "/", "forceDelete": True})
    assert run(server, path="/db", state="absent")["changed"]
    assert not run(level(server, "/"), path="/db", state="absent")["changed"]


def test_a_folder_that_holds_something_is_removed_by_force_alone(server: Scripted) -> None:
    held = [{"secretKey": f"N{number}", "secretValue": "canary"} for number in range(9)]
    level(level(server, "/", "db").on(LIST, {"secrets": held}), "/db", "replica")
    result = run(server, path="/db", state="absent")
    assert "The folder /db holds N0, N1, N2, N3, N4, …. Set force" in result["msg"]
    level(server, "/", "db").on(f"DELETE {FOLDERS}/id-db", {})
    assert run(server, path="/db", state="absent", force=True)["changed"]


@pytest.mark.parametrize("name", ["a b", "ä", "a.b"])
def test_a_name_that_the_server_would_refuse_is_refused(server: Scripted, name: str) -> None:
    assert "not the name of a folder" in run(server, folders=[name])["msg"]


def test_the_root_cannot_be_deleted(server: Scripted) -> None:
    assert "cannot be deleted" in run(server, state="absent")["msg"]


def test_a_mistyped_environment_is_named(server: Scripted) -> None:
    assert "It has dev." in run(server, path="/db", environment="production")["msg"]
