# SPDX-License-Identifier: GPL-3.0-or-later
"""The audit as a module: what it asks of the server, and that no value comes back in any form."""

from __future__ import annotations

import base64
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.omakase.homelab.plugins.module_utils._doctor import server as doctor_server
from ansible_collections.omakase.homelab.plugins.module_utils._doctor.findings import ok

from tests.support.modules import run_module
from tests.support.scripted import Scripted

TOKEN = "a-token-under-test"
STRONG = "canary-4Kx9ZbT7nVc8LpDq"
WEAK = "canary"
PROJECT = {"id": "p1", "slug": "omakase", "environments": [{"slug": "dev"}, {"slug": "prod"}]}
SECRET = {
    "id": "s1",
    "description": "host",
    "clientSecretTTL": 90000,
    "clientSecretNumUses": 1,
    "createdAt": "2999-01-01T00:00:00.000Z",
}


def secret(name: str, value: str, **more: Any) -> dict[str, Any]:
    return {"secretKey": name, "secretValue": value, "secretPath": "/", "updatedAt": "2026-01-02T03:04:05.000Z", **more}


def the_project(server: Scripted, *lists: list[dict[str, Any]]) -> None:
    server.on("GET /api/v1/projects/p1", {"project": PROJECT}, token=TOKEN)
    for environment, secrets in zip(("dev", "prod"), lists):
        query = {"environment": environment, "recursive": "true", "expandSecretReferences": "false", "secretPath": "/"}
        server.on("GET /api/v4/secrets", {"secrets": secrets}, query=query)


def identities(server: Scripted) -> None:
    one = {"id": "i1", "name": "web", "authMethod": "universal-auth"}
    member = {"identityId": "i1", "identity": one, "roles": [{"role": "viewer"}]}
    server.on("GET /api/v1/projects/p1/memberships/identities", {"identityMemberships": [member]})
    server.on("GET /api/v1/projects/p1", {"project": PROJECT})
    server.refuse("GET /api/v2/identity-project-additional-privilege/slug/managed-access", 404, "NotFound", "none")
    ua = "/api/v1/auth/universal-auth/identities/i1"
    server.on(f"GET {ua}", {"identityUniversalAuth": {"clientId": "c1", "accessTokenTTL": 3600}})
    server.on(f"GET {ua}/client-secrets", {"clientSecretData": [SECRET]})


def test_each_environment_is_one_list_and_names_alone_come_back(server: Scripted) -> None:
    the_project(
        server,
        [secret("A_DB_PASSWORD", STRONG), secret("B_DB_PASSWORD", WEAK), secret("DATA_DIR", "canary-dir")],
        [secret("A_DB_PASSWORD", STRONG)],
    )
    identities(server)
    result = run_module(
        "audit", server, token=TOKEN, project_id="p1", periods={"A_DB_PASSWORD": 90}, uses={"c1": ["dev"]}
    )
    found = {finding["check"]: finding for finding in result["findings"]}
    assert result["changed"] is False
    assert found["weak values"]["evidence"] == "dev:/B_DB_PASSWORD"
    assert found["same value in two environments"]["evidence"] == "dev:/A_DB_PASSWORD and prod:/A_DB_PASSWORD"
    assert "prod too" in found["identity web"]["evidence"]
    assert result["environments"] == ["dev", "prod"]
    assert result["secrets"][0] == {
        "project": "", "environment": "dev", "path": "/", "name": "A_DB_PASSWORD", "credential": True, "empty": False,
        "known": True, "period": 90, "updated": "2026-01-02T03:04:05.000Z",
    }  # fmt: skip
    no_trace_of(result, STRONG, WEAK, "canary-dir")


def no_trace_of(result: dict[str, Any], *values: str) -> None:
    """Neither a value, nor a prefix, nor what it can be known again by."""
    text = json.dumps(result)
    for value in values:
        assert value[:5] not in text
        assert base64.b64encode(value.encode()).decode().rstrip("=") not in text
        for name in ("md5", "sha1", "sha256", "sha512"):
            digest = hashlib.new(name, value.encode()).hexdigest()
            assert digest[:12] not in text
    bare = {key: result[key] for key in ("findings", "secrets")}
    assert {len(value) for value in values}.isdisjoint(_numbers(bare))


def _numbers(content: Any) -> set[int]:
    if isinstance(content, dict):
        return set().union(*map(_numbers, content.values()))
    if isinstance(content, list):
        return set().union(*map(_numbers, content))
    return {content} if isinstance(content, int) and not isinstance(content, bool) else set()


PHOTOS = {"id": "p2", "slug": "photos", "environments": [{"slug": "live"}]}


def test_further_projects_are_judged_along_with_it(server: Scripted, tmp_path: Path) -> None:
    (tmp_path / "projects.json").write_text(json.dumps({"omakase": {}, "photos": {}, "gone": {}}))
    (tmp_path / "organization.json").write_text('{"id": "o1"}')
    the_project(server, [secret("A_DB_PASSWORD", STRONG)], [])
    server.refuse("GET /api/v1/projects/p1/memberships/identities", 403, "PermissionDenied", "no")
    server.on("GET /api/v1/projects/p1", {"project": PROJECT})
    server.on("GET /api/v1/projects/slug/photos", {"project": PHOTOS})
    server.on("GET /api/v1/projects/p2", {"project": PHOTOS})
    there = [secret("A_DB_PASSWORD", STRONG), secret("B_DB_PASSWORD", WEAK)]
    server.on("GET /api/v4/secrets", {"secrets": there}, query={"projectId": "p2", "environment": "live"})
    server.refuse("GET /api/v1/projects/p2/memberships/identities", 403, "PermissionDenied", "no")
    server.refuse("GET /api/v1/projects/slug/gone", 404, "NotFound", "none")
    result = run_module("audit", server, token=TOKEN, project_id="p1", credentials_directory=str(tmp_path))
    found = {finding["check"]: finding for finding in result["findings"]}
    assert found["same value in two environments"]["evidence"] == "dev:/A_DB_PASSWORD and photos live:/A_DB_PASSWORD"
    assert found["weak values"]["evidence"] == "photos live:/B_DB_PASSWORD"
    assert found["environment photos live"]["evidence"] == "2 secrets"
    assert {found[check]["state"] for check in ("identities", "identities photos")} == {"warning"}
    assert "no project with the slug gone" in found["project gone"]["evidence"]
    assert (result["environments"], result["other_projects"]) == (["dev", "prod"], {"photos": ["live"]})
    assert [row["project"] for row in result["secrets"]] == ["", "photos", "photos"]
    no_trace_of(result, STRONG, WEAK)


def test_an_environment_that_is_refused_is_a_finding_and_the_others_are_judged(server: Scripted) -> None:
    server.on("GET /api/v1/projects/p1", {"project": PROJECT})
    server.refuse("GET /api/v4/secrets", 403, "PermissionDenied", "no")
    server.on("GET /api/v4/secrets", {"secrets": [secret("A_DB_PASSWORD", "changeme")]})
    server.refuse("GET /api/v1/projects/p1/memberships/identities", 403, "PermissionDenied", "no")
    result = run_module("audit", server, token=TOKEN, project_id="p1")
    found = {finding["check"]: finding for finding in result["findings"]}
    assert found["environment dev"]["state"] == "problem"
    assert found["example values"]["evidence"] == "prod:/A_DB_PASSWORD"
    assert found["identities"]["state"] == "warning"


def test_an_environment_that_looks_empty_is_not_called_in_order_unless_all_is_seen(server: Scripted) -> None:
    the_project(server, [secret("A_DB_PASSWORD", STRONG)], [])
    identities(server)
    found = {
        one["check"]: one["state"] for one in run_module("audit", server, token=TOKEN, project_id="p1")["findings"]
    }
    assert (found["environment dev"], found["environment prod"]) == ("ok", "warning")


def test_a_refused_login_is_a_finding(server: Scripted) -> None:
    server.refuse("POST /api/v1/auth/universal-auth/login", 401, "UnauthorizedError", "Invalid credentials")
    result = run_module("audit", server, client_id="c", client_secret="s3cret-under-test", project_id="p1")
    (finding,) = result["findings"]
    assert (finding["check"], finding["state"]) == ("project", "problem")


def test_the_credentials_that_the_role_keeps_are_used_and_not_shown(server: Scripted, tmp_path: Path) -> None:
    (tmp_path / "management.json").write_text(json.dumps({"client_id": "m", "client_secret": "canary-of-management"}))
    (tmp_path / "organization.json").write_text(json.dumps({"id": "o1"}))
    login = {"accessToken": TOKEN, "expiresIn": 3600, "accessTokenMaxTTL": 3600, "tokenType": "Bearer"}
    server.on("POST /api/v1/auth/universal-auth/login", login, body={"clientId": "m"})
    the_project(server, [], [])
    server.on("GET /api/v1/projects/p1/memberships/identities", {"identityMemberships": []})
    admins = [{"identity": {"id": str(n), "name": f"admin-{n}"}, "role": "admin"} for n in (1, 2)]
    server.on("GET /api/v1/identities", {"identities": admins}, query={"orgId": "o1"})
    server.on("GET /api/v1/projects/p1", {"project": PROJECT})
    for number in (1, 2):
        server.refuse(f"GET /api/v1/auth/universal-auth/identities/{number}", 404, "NotFound", "none")
    result = run_module("audit", server, credentials_directory=str(tmp_path), project_id="p1")
    found = {finding["check"]: finding for finding in result["findings"]}
    assert found["environment prod"] == {
        "check": "environment prod",
        "state": "ok",
        "evidence": "0 secrets",
        "advice": "",
    }
    assert found["administrators"]["evidence"] == "admin-1, admin-2 administer the organisation"
    assert "canary" not in json.dumps(result)


def test_without_anything_to_look_at_nothing_is_looked_at(server: Scripted) -> None:
    assert run_module("audit", server)["findings"] == []


def test_of_a_host_it_looks_at_what_it_is_asked_for(
    server: Scripted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor_server, "reachability", lambda *_: [ok("DNS", "x"), ok("TLS", "y")])
    asked: dict[str, Any] = {"private_files": [f"{tmp_path}/.env"], "listening": True, "backup_records": str(tmp_path)}
    result = run_module("audit", server, tls=True, address="127.0.0.1", ports=[1], **asked)
    checks = [finding["check"] for finding in result["findings"]]
    assert checks == ["TLS", f"file {tmp_path}/.env", "backup", "ports"]
    assert isinstance(result["listening"], list)


def test_what_the_rotation_notes_is_no_secret_and_dates_what_went_back(server: Scripted) -> None:
    put_back, since = "2026-11-20T00:00:00.000Z", "2026-03-01T00:00:00.000Z"
    note = json.dumps({"A_DB_PASSWORD": {"since": since, "put_back": put_back}})
    the_project(
        server,
        [
            secret("A_DB_PASSWORD", STRONG, updatedAt=put_back),
            secret("OMAKASE_ROTATION_WENT_BACK", note),
            secret("OMAKASE_ROTATION_JOURNAL", "{}"),
        ],
        [],
    )
    identities(server)
    (row,) = run_module("audit", server, token=TOKEN, project_id="p1")["secrets"]
    assert (row["name"], row["updated"]) == ("A_DB_PASSWORD", since)
