# SPDX-License-Identifier: GPL-3.0-or-later
"""Secrets: one read, batched writes, names in the result and values nowhere."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.support.modules import run_module
from tests.support.scripted import Scripted

LIST = "GET /api/v4/secrets"
BATCH = "/api/v4/secrets/batch"
WANTED: dict[str, Any] = {"project_id": "p1", "token": "a-token-under-test"}
PROJECT = {"project": {"id": "p1", "slug": "omakase", "environments": [{"id": "e", "slug": "dev", "name": "Dev"}]}}


def held(server: Scripted, **values: str) -> Scripted:
    found = [{"secretKey": name, "secretValue": value, "secretComment": ""} for name, value in values.items()]
    query = {"projectId": "p1", "environment": "dev", "secretPath": "/", "expandSecretReferences": "false"}
    return server.on(LIST, {"secrets": found}, query={**query, "includeImports": "false", "recursive": "false"})


def run(server: Scripted, *secrets: dict[str, Any], check: bool = False, **params: Any) -> dict[str, Any]:
    return run_module("infisical_secret", server, check, **{**WANTED, "secrets": list(secrets), **params})


def sent(server: Scripted, method: str) -> list[list[dict[str, Any]]]:
    """The batches of a method."""
    return [json.loads(item.body or b"")["secrets"] for item in server.requests if item.method == method]


def test_missing_secrets_are_made_in_one_batch(server: Scripted) -> None:
    held(server, OLD="x").on("POST " + BATCH, {"secrets": []}, body={"projectId": "p1", "environment": "dev"})
    result = run(server, {"name": "A", "value": "one"}, {"name": "B", "value": ""}, {"name": "OLD", "value": "other"})
    assert (result["changed"], result["created"], result["unchanged"]) == (True, ["A", "B"], ["OLD"])
    assert sent(server, "POST") == [[{"secretKey": "A", "secretValue": "one"}, {"secretKey": "B", "secretValue": ""}]]
    assert result["project_id"] == "p1"


def test_a_second_run_changes_nothing(server: Scripted) -> None:
    held(server, A="one")
    assert not run(server, {"name": "A", "value": "one"}, overwrite=True)["changed"]


def test_create_update_and_delete_are_a_batch_each(server: Scripted) -> None:
    held(server, CHANGED="old", GONE="x").on("POST " + BATCH, {}).on("PATCH " + BATCH, {})
    server.on("DELETE " + BATCH, {}, body={"secrets": [{"secretKey": "GONE", "type": "shared"}]})
    result = run(
        server,
        {"name": "NEW", "value": "n"},
        {"name": "CHANGED", "value": "new"},
        {"name": "GONE", "state": "absent"},
        {"name": "NEVER", "state": "absent"},
        overwrite=True,
    )
    assert (result["created"], result["updated"], result["deleted"]) == (["NEW"], ["CHANGED"], ["GONE"])
    assert result["unchanged"] == ["NEVER"]


def test_check_mode_tells_the_same_and_writes_nothing(server: Scripted) -> None:
    held(server, CHANGED="old", GONE="x")
    wanted = [{"name": "NEW", "value": "n"}, {"name": "CHANGED", "value": "new"}, {"name": "GONE", "state": "absent"}]
    result = run(server, *wanted, overwrite=True, check=True)
    assert (result["created"], result["updated"], result["deleted"]) == (["NEW"], ["CHANGED"], ["GONE"])
    assert result["changed"]


def test_a_thousand_secrets_take_eleven_requests(server: Scripted) -> None:
    held(server, OLD="x")
    for _batch in range(10):
        server.on("POST " + BATCH, {})
    result = run(server, *({"name": f"N{number}", "value": "v"} for number in range(1000)))
    assert len(result["created"]) == 1000
    assert len(server.requests) == 11


def test_a_value_is_generated_where_it_is_missing_and_only_there(server: Scripted) -> None:
    held(server, OLD="x").on("POST " + BATCH, {})
    result = run(server, {"name": "A", "generate": {"kind": "hex", "length": 64}}, {"name": "OLD", "generate": {}})
    (value,) = [item["secretValue"] for item in sent(server, "POST")[0]]
    assert len(value) == 64
    assert set(value) <= set("0123456789abcdef")
    assert value not in json.dumps(result)
    assert result["unchanged"] == ["OLD"]


def test_no_value_comes_back(server: Scripted) -> None:
    held(server, OLD="canary-old", GONE="canary-gone").on("POST " + BATCH, {}).on("PATCH " + BATCH, {})
    server.on("DELETE " + BATCH, {})
    result = run(
        server,
        {"name": "NEW", "value": "canary-new"},
        {"name": "OLD", "value": "canary-changed"},
        {"name": "GONE", "state": "absent"},
        overwrite=True,
    )
    assert "canary" not in json.dumps(result)
    assert result["diff"]["after"]["OLD"]["value"].startswith("digest ")


def test_a_value_that_is_a_part_of_a_name_does_not_damage_the_result(server: Scripted) -> None:
    held(server, OLD="x").on("POST " + BATCH, {})
    assert run(server, {"name": "KEY_ONE", "value": "ONE"})["created"] == ["KEY_ONE"]


def test_credentials_stay_hidden_even_where_they_are_a_value_too(server: Scripted) -> None:
    held(server, OLD="x").on("POST " + BATCH, {})
    result = run(server, {"name": "TOKEN", "value": "a-token-under-test"})
    assert "a-token-under-test" not in json.dumps(result)


def test_a_failure_half_way_tells_what_was_done(server: Scripted) -> None:
    held(server, OLD="x").on("POST " + BATCH, {})
    server.refuse("POST " + BATCH, 400, "BadRequest", "canary-100 is bad")
    result = run(server, *({"name": f"N{number}", "value": f"canary-{number}"} for number in range(150)))
    assert result["failed"]
    assert len(result["created"]) == 100
    assert "canary" not in json.dumps(result)


def test_what_waits_for_approval_is_not_applied(server: Scripted) -> None:
    held(server, OLD="x").on("POST " + BATCH, {"approval": {"id": "a1"}})
    result = run(server, {"name": "A", "value": "one"})
    assert (result["changed"], result["created"], result["awaiting_approval"]) == (False, [], ["A"])


@pytest.mark.parametrize("value", [" x", "x\n\n"])
def test_a_value_that_would_be_trimmed_is_refused_before_anything_is_sent(server: Scripted, value: str) -> None:
    assert "the server would drop them" in run(server, {"name": "A", "value": value})["msg"]


def test_comment_tags_and_metadata_go_along(server: Scripted) -> None:
    held(server, OLD="x").on("GET /api/v1/projects/p1/tags", {"tags": [{"slug": "db", "id": "t1"}]})
    server.on("POST " + BATCH, {})
    run(server, {"name": "A", "value": "1", "comment": "c", "tags": ["db"], "metadata": {"owner": "me"}})
    assert sent(server, "POST")[0][0] == {
        "secretKey": "A",
        "secretValue": "1",
        "secretComment": "c",
        "tagIds": ["t1"],
        "secretMetadata": [{"key": "owner", "value": "me"}],
    }


def test_a_tag_that_does_not_exist_is_named(server: Scripted) -> None:
    held(server, OLD="x").on("GET /api/v1/projects/p1/tags", {"tags": []})
    assert "has no tag db" in run(server, {"name": "A", "value": "1", "tags": ["db"]})["msg"]


def test_tags_and_metadata_that_are_there_are_left_alone(server: Scripted) -> None:
    found = {
        "secretKey": "A",
        "secretValue": "1",
        "tags": [{"slug": "db"}],
        "secretMetadata": [{"key": "owner", "value": "me"}],
    }
    server.on(LIST, {"secrets": [found]})
    wanted = {"name": "A", "value": "1", "tags": ["db"], "metadata": {"owner": "me"}}
    assert not run(server, wanted, overwrite=True)["changed"]


def test_metadata_that_a_server_of_2024_does_not_keep_is_no_change_in_every_run(server: Scripted) -> None:
    server.on(LIST, {"secrets": [{"secretKey": "A", "secretValue": "1", "tags": []}]})
    assert not run(server, {"name": "A", "value": "1", "metadata": {"owner": "me"}}, overwrite=True)["changed"]


def test_a_diff_shows_tags_and_the_names_of_metadata(server: Scripted) -> None:
    found = {"secretKey": "A", "secretValue": "1", "tags": [{"slug": "old"}], "secretMetadata": []}
    server.on(LIST, {"secrets": [found]})
    wanted = {"name": "A", "value": "1", "tags": ["new"], "metadata": {"owner": "me"}}
    diff = run(server, wanted, overwrite=True, check=True)["diff"]
    before, after = diff["before"]["A"], diff["after"]["A"]
    assert (before["tags"], after["tags"]) == (["old"], ["new"])
    assert (before["metadata"], list(after["metadata"])) == ({}, ["owner"])
    assert before["value"] == after["value"]
    assert "me" not in str(after["metadata"]["owner"])


def test_an_empty_folder_is_looked_at_twice(server: Scripted) -> None:
    held(server).on("GET /api/v1/projects/p1", PROJECT).on("POST " + BATCH, {})
    assert run(server, {"name": "A", "value": "1"})["created"] == ["A"]


def test_a_mistyped_environment_is_named(server: Scripted) -> None:
    server.on(LIST, {"secrets": []}).on("GET /api/v1/projects/p1", PROJECT)
    result = run(server, {"name": "A", "value": "1"}, environment="dve")
    assert "The project omakase has no environment dve. Did you mean dev?" in result["msg"]


def test_a_mistyped_folder_is_named(server: Scripted) -> None:
    server.on(LIST, {"secrets": []}).on("GET /api/v1/projects/p1", PROJECT)
    server.on("GET /api/v2/folders", {"folders": [{"name": "db"}]}, query={"path": "/"})
    server.on("GET /api/v2/folders", {"folders": [{"name": "replica"}]}, query={"path": "/db"})
    result = run(server, {"name": "A", "value": "1"}, path="/db/replicas")
    assert "/db holds no folder replicas. Did you mean replica?" in result["msg"]


def test_a_project_that_does_not_exist_is_named(server: Scripted) -> None:
    server.on(LIST, {"secrets": []}).refuse("GET /api/v1/projects/p1", 404, "NotFound", "no")
    assert "has no project with the id p1" in run(server, {"name": "A", "value": "1"})["msg"]


def test_an_identity_that_may_not_look_at_the_project_may_still_write(server: Scripted) -> None:
    held(server).refuse("GET /api/v1/projects/p1", 403, "PermissionDenied", "no").on("POST " + BATCH, {})
    assert run(server, {"name": "A", "value": "1"})["changed"]


def test_an_older_server_gets_its_own_routes_and_the_value_with_each_update(server: Scripted) -> None:
    server.unknown(LIST)
    found = [{"secretKey": "A", "secretValue": "1"}, {"secretKey": "P", "secretValue": "2", "type": "personal"}]
    server.on("GET /api/v3/secrets/raw", {"secrets": found}, query={"workspaceId": "p1", "include_imports": "false"})
    server.on("PATCH /api/v3/secrets/batch/raw", {}, body={"workspaceId": "p1"})
    run(server, {"name": "A", "value": "1", "comment": "c"}, overwrite=True)
    assert sent(server, "PATCH") == [[{"secretKey": "A", "secretValue": "1", "secretComment": "c"}]]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"name": "A"}, "value, generate"),
        ({"name": "A", "value": "1", "generate": {}}, "mutually exclusive"),
        ({"name": "A", "generate": {"kind": "alphabet", "alphabet": "a b"}}, "a blank or a"),
    ],
)
def test_what_makes_no_sense_is_refused(server: Scripted, wrong: dict[str, Any], said: str) -> None:
    assert said in run(server, wrong)["msg"]
