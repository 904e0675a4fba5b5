# SPDX-License-Identifier: GPL-3.0-or-later
"""A client secret's life: made once, kept in a file, made anew when it is lost, rotated, revoked."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest

from tests.support.modules import run_module
from tests.support.scripted import Scripted

AUTH = "/api/v1/auth/universal-auth/identities/i1"
SECRETS = AUTH + "/client-secrets"
WANTED: dict[str, Any] = {"identity_id": "i1", "description": "this host", "token": "a-token-under-test"}
LOGIN = "POST /api/v1/auth/universal-auth/login"
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


def test_what_a_killed_run_left_beside_the_file_is_gone_after_the_next(server: Scripted, tmp_path: Path) -> None:
    (tmp_path / ".new-kept.json").write_text('{"client_secret": "half of a long one')
    created(found(server))
    assert run(server, dest=str(tmp_path / "kept.json"))["changed"]
    assert [path.name for path in tmp_path.iterdir()] == ["kept.json"]
    assert "the-new-secret" in (tmp_path / "kept.json").read_text()


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


@pytest.mark.parametrize(
    "ending",
    [
        ({"clientSecretNumUsesLimit": 9, "clientSecretNumUses": 7}, {"num_uses_limit": 9, "renew_uses": 2}),
        ({"clientSecretTTL": 99999999}, {"ttl": 99999999, "renew_before": 90000000}),
    ],
)
def test_one_that_nears_its_end_is_followed_and_works_on(server: Scripted, ending: Any, tmp_path: Path) -> None:
    path = keep(tmp_path / "kept.json", "s1")
    state, wanted = ending
    if "clientSecretTTL" in state:  # 12 days are left of more than three years
        began = datetime.now(timezone.utc) - timedelta(seconds=99999999 - 1000000)
        state = {**state, "createdAt": began.isoformat()}
    found(server, secret("s1", **state)).on("POST " + SECRETS, NEW)
    result = run(server, False, dest=str(path), **wanted)
    assert (result["client_secret_id"], result["revoked"]) == ("s9", [])
    assert "the-new-secret" in path.read_text()


def test_one_with_another_end_than_is_wanted_is_replaced(server: Scripted) -> None:
    found(server, secret("s1")).on("POST " + SECRETS, NEW, body={"ttl": 600})
    assert run(revoked(server, "s1"), ttl=600)["revoked"] == ["s1"]
    found(server, secret("s1", clientSecretTTL=600, createdAt="2999-01-01T00:00:00Z"))
    assert not run(server)["changed"]


def test_a_margin_that_would_renew_a_new_one_at_once_is_refused(server: Scripted) -> None:
    assert "renew_before is 600 and ttl 600" in run(server, ttl=600, renew_before=600)["msg"]


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


def made_days_ago(days: float) -> str:
    return (datetime.now(timezone.utc) - timedelta(days=days)).isoformat()


def test_one_is_followed_by_another_when_it_is_old_enough_and_works_on_until_it_is_ended(
    server: Scripted, tmp_path: Path
) -> None:
    path = keep(tmp_path / "kept.json", "s1")
    wanted: dict[str, Any] = {"dest": str(path), "rotate_after": 90, "overlap": 100}
    found(server, secret("s1", made_days_ago(89)))
    result = run(server, **wanted)
    assert (result["changed"], result["age_days"], result["superseded"]) == (False, 89, [])
    created(found(server, secret("s1", made_days_ago(90))))
    result = run(server, **wanted)
    assert (result["client_secret_id"], result["revoked"], result["age_days"]) == ("s9", [], 90)
    # The next run sees that an older one is still there, and ends it when it is told to.
    found(server, secret("s1", made_days_ago(90)), secret("s9", made_days_ago(0)))
    assert run(server, **wanted)["superseded"] == ["s1"]
    revoked(found(server, secret("s1", made_days_ago(90)), secret("s9", made_days_ago(0))), "s1")
    result = run(server, **wanted, revoke_superseded=True)
    assert (result["changed"], result["revoked"], result["superseded"]) == (True, ["s1"], [])


def test_a_new_one_is_proven_before_it_is_kept(server: Scripted, tmp_path: Path) -> None:
    login = {"clientId": "c1", "clientSecret": "the-new-secret"}
    created(found(server, secret("s1"))).on(LOGIN, {"accessToken": "t"}, body=login)
    revoked(server, "s1")
    result = run(server, dest=str(tmp_path / "kept.json"), prove=True)
    assert result["revoked"] == ["s1"] and "the-new-secret" in (tmp_path / "kept.json").read_text()


def test_a_new_one_that_does_not_work_is_revoked_and_the_old_one_stays(server: Scripted, tmp_path: Path) -> None:
    path = keep(tmp_path / "kept.json", "s1")
    created(found(server, secret("s1"))).refuse(LOGIN, 401, "Unauthorized", "Invalid credentials")
    revoked(server, "s9")
    result = run(server, dest=str(path), prove=True, rotate=True)
    assert result["failed"] and "does not work and was revoked; the old one stays in force" in result["msg"]
    assert json.loads(path.read_text())["client_secret_id"] == "s1" and "the-new-secret" not in json.dumps(result)


@pytest.mark.parametrize("days", [-365, 365])
def test_a_clock_that_is_a_year_off_renews_and_revokes_nothing(server: Scripted, tmp_path: Path, days: int) -> None:
    there = datetime.now(timezone.utc) + timedelta(days=days)
    path = keep(tmp_path / "secret.json", "s1")
    server.on("GET " + AUTH, {"identityUniversalAuth": {"clientId": "c1"}})
    made = (there - timedelta(days=1)).isoformat().replace("+00:00", "Z")
    listed = {"clientSecretData": [secret("s1", made, clientSecretTTL=30 * 86400)]}
    server.on("GET " + SECRETS, listed, headers={"date": format_datetime(there, usegmt=True)})
    result = run(server, dest=str(path), ttl=30 * 86400, renew_before=86400, rotate_after=20)
    assert (result["changed"], result["client_secret_id"]) == (False, "s1")


def test_a_server_that_makes_one_and_does_not_tell_it_is_told_of(server: Scripted, tmp_path: Path) -> None:
    found(server).on("POST " + SECRETS, {"clientSecret": None, "clientSecretData": {"id": "s9"}})
    path = tmp_path / "secret.json"
    assert "did not tell it" in run(server, dest=str(path))["msg"]
    assert not path.exists()
