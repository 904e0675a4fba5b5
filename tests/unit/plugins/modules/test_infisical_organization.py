# SPDX-License-Identifier: GPL-3.0-or-later
"""A plan for a whole organisation; its life on a server is in tests/integration and tests/roles."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.support.modules import run_module
from tests.support.scripted import Scripted

PROJECT = {"name": "Omakase", "slug": "omakase", "environments": [{"slug": "dev"}]}
FOUND = {"id": "p1", "name": "Omakase", "slug": "omakase", "description": ""}
DEV = {"id": "e1", "slug": "dev", "name": "dev"}
BY_SLUG = "GET /api/v1/projects/slug/omakase"
MEMBER = "/api/v1/projects/p1/memberships/identities/i1"


def run(
    server: Scripted, directory: Path, *projects: dict[str, Any], check: bool = False, **more: Any
) -> dict[str, Any]:
    given = {"organization_id": "o1", "token": "a-token-under-test", "host": "vault01", **more}
    return run_module(
        "infisical_organization", server, check, directory=str(directory), projects=list(projects), **given
    )


def keep(directory: Path, **files: Any) -> None:
    for name, content in files.items():
        (directory / f"{name}.json").write_text(json.dumps(content))


def test_without_credentials_check_mode_plans_as_if_nothing_existed(server: Scripted, tmp_path: Path) -> None:
    identity = {"name": "web", "access": [{"write": True}], "client_secret_ttl": 600}
    project = {**PROJECT, "folders": [{"path": "a/b"}], "identities": [identity]}
    project["imports"] = [{"environment": "dev", "path": "/a", "source_path": "/a/b"}]
    result = run(server, tmp_path / "none", project, check=True, token=None, organization_id=None)
    assert result["plan"] == [
        "make the project omakase",
        "make the environment dev (dev) in omakase",
        "make the folder /a/b in dev of omakase",
        "make the identity web",
        "let web in omakase: *:/ read and write",
        f"make a client secret for web, kept in {tmp_path}/none/web.json, for 600 seconds",
        "let /a in dev of omakase import /a/b of dev",
        f"tell others of omakase in {tmp_path}/none/project.json",
    ]
    assert result["diff"]["prepared"].splitlines() == result["plan"]


def test_a_real_run_without_credentials_is_refused(server: Scripted, tmp_path: Path) -> None:
    assert "No credentials" in run(server, tmp_path, PROJECT, token=None)["msg"]
    keep(tmp_path, management={"client_id": "c", "client_secret": "the-management-secret"})
    result = run(server, tmp_path, PROJECT, token=None, organization_id=None)
    assert "there is no organization.json" in result["msg"]
    assert "the-management-secret" not in json.dumps(result)


def test_one_that_is_as_wanted_is_read_and_left_alone(server: Scripted, tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    server.on(BY_SLUG, {**FOUND, "environments": [DEV]})
    keep(tmp_path, project={**FOUND, "environments": [DEV]})
    result = run(server, tmp_path, PROJECT)
    assert (result["changed"], result["plan"], result["projects"][0]["id"]) == (False, [], "p1")


def test_the_directory_is_closed_and_the_project_told(server: Scripted, tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    server.on(BY_SLUG, {**FOUND, "environments": [DEV]})
    assert len(run(server, tmp_path, PROJECT)["plan"]) == 2
    assert tmp_path.stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "project.json").stat().st_mode & 0o777 == 0o600


def test_secrets_are_counted_before_they_could_be_destroyed(server: Scripted, tmp_path: Path) -> None:
    project = {**PROJECT, "environments": [{"slug": "dev", "state": "absent"}]}
    held = [{"secretKey": "A", "secretPath": "/"}, {"secretKey": "B", "secretPath": "/x"}]
    for wanted, what in ((project, "the environment dev of omakase"), ({**PROJECT, "state": "absent"}, "the project")):
        server.on(BY_SLUG, {**FOUND, "environments": [DEV]})
        asked = {"recursive": "true", "viewSecretValue": "false"}
        server.on("GET /api/v4/secrets", {"secrets": held}, query=asked)
        assert f"Removing {what}" in (said := run(server, tmp_path, wanted)["msg"])
        assert "would destroy 2 secrets" in said


def test_everything_that_is_wrong_is_said_at_once(server: Scripted, tmp_path: Path) -> None:
    server.on(BY_SLUG, {**FOUND, "environments": [DEV]}).on("GET /api/v1/identities", {"identities": []})
    server.on("GET /api/v2/folders", {"folders": []})
    project = {
        **PROJECT,
        "folders": [{"path": "/x", "environments": ["prdo"]}],
        "identities": [{"name": "web", "access": [{"environments": ["devv"]}]}],
        "imports": [{"environment": "dev", "source_path": "/nowhere"}, {"environment": "lab", "source_path": "/"}],
    }
    said = run(server, tmp_path, project)["msg"].splitlines()
    assert [line.split(",")[0] for line in said] == [
        "The folder /x of omakase names the environment prdo",
        "The access of web in omakase names the environment devv",
        "The import of /nowhere from dev into / of dev: dev of omakase has no folder /nowhere. List it under folders.",
        "The import of / from lab into / of lab names the environment lab",
    ]


def test_a_role_of_one_s_own_on_a_free_plan_is_explained(server: Scripted, tmp_path: Path) -> None:
    server.on(BY_SLUG, {**FOUND, "environments": [DEV]})
    one = {"role": "no-access", "identity": {"id": "i1", "name": "web"}}
    server.on("GET /api/v1/identities", {"identities": [one]})
    auth = "/api/v1/auth/universal-auth/identities/i1"
    server.on("GET " + auth, {"identityUniversalAuth": {"clientId": "c1", "accessTokenTTL": 3600}})
    server.refuse("GET " + MEMBER, 404, "NotFound", "no")
    server.on(f"GET {auth}/client-secrets", {"clientSecretData": []})
    message = "Failed to assign custom role to identity due to plan RBAC restriction."
    server.refuse("POST " + MEMBER, 400, "BadRequest", message)
    said = run(server, tmp_path, {**PROJECT, "identities": [{"name": "web", "roles": ["deployer"]}]})["msg"]
    assert "on its present plan (wanted: deployer)" in said
    assert "say with access which environments and paths" in said
