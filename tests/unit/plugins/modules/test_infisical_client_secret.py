# SPDX-License-Identifier: GPL-3.0-or-later
"""A client secret's life: made once, kept in a file, made anew when it is lost, rotated, revoked."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.modules import run_module
from tests.support.scripted import Scripted

AUTH = "/api/v1/auth/universal-auth/identities/i1"
SECRETS = AUTH + "/client-secrets"
WANTED: dict[str, Any] = {"identity_id": "i1", "description": "this host", "token": "a-token-under-test"}
NEW = {"clientSecret": "the-new-secret", "clientSecretData": {"id": "s9"}}


def secret(name: str, created: str = "2026-11-24T01:00:00.000Z", **more: Any) -> dict[str, Any]:
    return {"id": name, "description": "this host", "createdAt": created, **more}


def found(server: Scripted, *secrets: dict[str, Any]) -> Scripted:
    server.on("GET " + AUTH, {"identityUniversalAuth": {"clientId": "c1"}})
    return server.on("GET " + SECRETS, {"clientSecretData": list(secrets)})


def created(server: Scripted) -> Scripted:
    return server.on("POST " + SECRETS, NEW, body={"description": "this host", "ttl": 0, "numUsesLimit": 0})


def revoked(server: Scripted, *ids: str) -> Scripted:
    for name in ids:
        server.on(f"POST {SECRETS}/{name}/revoke", {})
    return server


def keep(path: Path, secret_id: str, **more: str) -> Path:
    content = {"client_id": "c1", "client_secret": "kept", "client_secret_id": secret_id, "identity_id": "i1"}
    path.write_text(json.dumps({**content, "description": "this host", **more}))
    path.chmod(0o600)
    return path


def run(server: Scripted, check: bool = False, **params: Any) -> dict[str, Any]:
    return run_module("infisical_client_secret", server, check, **{**WANTED, **params})


def test_a_missing_one_is_made_and_given_back(server: Scripted) -> None:
    created(found(server, secret("s1", description="another host")))
    result = run(server)
    assert (result["changed"], result["client_id"], result["client_secret_id"]) == (True, "c1", "s9")
    assert result["client_secret"] == "the-new-secret"


def test_one_that_is_there_is_left_alone_and_not_given_back(server: Scripted) -> None:
    found(server, secret("s1"))
    result = run(server)
    assert (result["changed"], result["client_secret_id"], "client_secret" in result) == (False, "s1", False)


def test_check_mode_makes_nothing(server: Scripted, tmp_path: Path) -> None:
    for dest in (None, str(tmp_path / "not" / "yet" / "there")):
        found(server)
        result = run(server, check=True, dest=dest)
        assert (result["changed"], result["client_secret_id"]) == (True, "")


def test_it_is_kept_in_a_file_for_its_owner_alone(server: Scripted, tmp_path: Path) -> None:
    created(found(server))
    result = run(server, dest=str(tmp_path / "kept.json"))
    assert "the-new-secret" not in json.dumps(result)
    assert json.loads((tmp_path / "kept.json").read_text()) == {
        "client_id": "c1",
        "client_secret": "the-new-secret",
        "client_secret_id": "s9",
        "identity_id": "i1",
        "description": "this host",
    }
    assert (tmp_path / "kept.json").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["kept.json"]


def test_a_file_that_holds_a_valid_one_is_left_alone(server: Scripted, tmp_path: Path) -> None:
    path = keep(tmp_path / "kept.json", "s1")
    found(server, secret("s1"), secret("s2"))
    result = run(server, dest=str(path))
    assert (result["changed"], result["client_secret_id"]) == (False, "s1")
    assert "kept" in path.read_text()


@pytest.mark.parametrize("content", ["", "{", "[]", '{"client_id": 7}'])
def test_a_file_that_is_not_whole_is_as_good_as_lost(server: Scripted, tmp_path: Path, content: str) -> None:
    path = tmp_path / "kept.json"
    path.write_text(content)
    revoked(created(found(server, secret("s1"))), "s1")
    assert run(server, dest=str(path))["revoked"] == ["s1"]
    assert "the-new-secret" in path.read_text()


@pytest.mark.parametrize(
    "unusable",
    [
        {"isClientSecretRevoked": True},
        {"clientSecretNumUsesLimit": 3, "clientSecretNumUses": 3},
        {"clientSecretTTL": 60, "createdAt": "2020-01-01T00:00:00.000Z"},
    ],
)
def test_one_that_is_not_valid_any_more_is_replaced(server: Scripted, tmp_path: Path, unusable: dict[str, Any]) -> None:
    path = keep(tmp_path / "kept.json", "s1")
    created(found(server, secret("s1", **unusable)))
    if "isClientSecretRevoked" not in unusable:
        revoked(server, "s1")
    assert run(server, dest=str(path))["client_secret_id"] == "s9"


@pytest.mark.parametrize(
    "usable",
    [
        {"clientSecretNumUsesLimit": 3, "clientSecretNumUses": 2},
        {"clientSecretTTL": 60, "createdAt": "2999-01-01T00:00:00.000Z"},
        {"clientSecretTTL": 60, "createdAt": "whenever"},
    ],
)
def test_one_that_is_still_valid_is_left_alone(server: Scripted, usable: dict[str, Any]) -> None:
    found(server, secret("s1", **usable))
    assert not run(server)["changed"]


def test_one_for_another_identity_is_not_ours(server: Scripted, tmp_path: Path) -> None:
    path = keep(tmp_path / "kept.json", "s1", identity_id="i0")
    revoked(created(found(server, secret("s1"))), "s1")
    assert run(server, dest=str(path))["changed"]


def test_a_file_that_others_may_read_is_closed(server: Scripted, tmp_path: Path) -> None:
    path = keep(tmp_path / "kept.json", "s1")
    path.chmod(0o644)
    assert run(found(server, secret("s1")), check=True, dest=str(path))["changed"]
    assert path.stat().st_mode & 0o777 == 0o644
    assert run(found(server, secret("s1")), dest=str(path))["changed"]
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_place_that_cannot_be_written_is_found_out_before_the_secret_exists(server: Scripted, tmp_path: Path) -> None:
    assert "Make it first" in run(server, dest=str(tmp_path / "missing" / "kept.json"))["msg"]
    assert "is a directory" in run(server, dest=str(tmp_path))["msg"]


def test_a_rotation_revokes_the_old_ones(server: Scripted) -> None:
    older, newer = secret("s1", "2026-01-01T00:00:00Z"), secret("s2", "2026-02-01T00:00:00Z")
    revoked(created(found(server, older, newer)), "s2", "s1")
    result = run(server, rotate=True)
    assert result["revoked"] == ["s2", "s1"]
    assert result["diff"]["before"]["to_revoke"] == ["s2", "s1"]


def test_an_overlap_lets_the_one_in_use_work_on(server: Scripted, tmp_path: Path) -> None:
    path = keep(tmp_path / "kept.json", "s1")
    older, newer = secret("s1", "2026-01-01T00:00:00Z"), secret("s2", "2026-02-01T00:00:00Z")
    revoked(created(found(server, older, newer)), "s2")
    run(server, rotate=True, overlap=1, dest=str(path))
    assert "the-new-secret" in path.read_text()


def test_absent_revokes_all_and_deletes_the_file(server: Scripted, tmp_path: Path) -> None:
    path = keep(tmp_path / "kept.json", "s1")
    assert run(found(server, secret("s1")), check=True, state="absent", dest=str(path))["changed"]
    assert path.exists()
    revoked(found(server, secret("s1")), "s1")
    result = run(server, state="absent", dest=str(path))
    assert (result["changed"], result["revoked"], path.exists()) == (True, ["s1"], False)
    assert not run(found(server), state="absent", dest=str(path))["changed"]


def test_an_identity_without_universal_auth_is_told(server: Scripted) -> None:
    server.refuse("GET " + AUTH, 404, "NotFound", "no")
    assert "has no universal auth" in run(server)["msg"]
