# SPDX-License-Identifier: GPL-3.0-or-later
"""A project's life: made, again, changed, again, removed, again; live and in check mode."""

from __future__ import annotations

from typing import Any

from tests.support.modules import run_module
from tests.support.scripted import Scripted

SLUG = "GET /api/v1/projects/slug/omakase"
DEV = {"id": "e1", "slug": "dev", "name": "Development"}
PROD = {"id": "e2", "slug": "prod", "name": "Production"}
WANTED = {"name": "omakase", "slug": "omakase", "token": "a-token-under-test"}


def project(*environments: dict[str, str], **more: Any) -> dict[str, Any]:
    base = {"id": "p1", "name": "omakase", "slug": "omakase", "description": "", "environments": list(environments)}
    return {**base, **more}


def run(server: Scripted, check: bool = False, **params: Any) -> dict[str, Any]:
    return run_module("infisical_project", server, check, **{**WANTED, **params})


def test_a_missing_project_is_made_with_exactly_its_environments(server: Scripted) -> None:
    server.refuse(SLUG, 404, "NotFound", "no")
    body = {"projectName": "omakase", "slug": "omakase", "type": "secret-manager", "shouldCreateDefaultEnvs": False}
    server.on("POST /api/v1/projects", {"project": project()}, body=body)
    server.on("GET /api/v1/projects/p1", {"project": project()})
    server.on(
        "POST /api/v1/projects/p1/environments", {"environment": DEV}, body={"slug": "dev", "name": "Development"}
    )
    server.on("POST /api/v1/projects/p1/environments", {"environment": PROD}, body={"slug": "prod", "name": "prod"})
    server.on("GET /api/v1/projects/p1", {"project": project(DEV, PROD)})
    result = run(server, environments=[{"slug": "dev", "name": "Development"}, {"slug": "prod"}])
    assert result["changed"]
    assert result["project"] == project(DEV, PROD)
    assert result["project_id"] == "p1"


def test_check_mode_shows_the_same_project_and_makes_nothing(server: Scripted) -> None:
    server.refuse(SLUG, 404, "NotFound", "no")
    result = run(server, check=True, description="d", environments=[{"slug": "dev", "name": "Development"}])
    assert result["changed"]
    assert result["project"] == project(dict(DEV, id=""), id="", description="d")


def test_a_project_that_is_as_wanted_is_left_alone(server: Scripted) -> None:
    for check in (False, True):
        server.on(SLUG, project(DEV, PROD))
        result = run(server, check, environments=[{"slug": "dev"}, {"slug": "prod", "name": "Production"}])
        assert not result["changed"]
        assert result["diff"] == {"before": {}, "after": {}}


def test_only_what_differs_is_changed(server: Scripted) -> None:
    server.on(SLUG, project(DEV, PROD)).on("PATCH /api/v1/projects/p1", {}, body={"description": "d"})
    server.on("PATCH /api/v1/projects/p1/environments/e1", {}, body={"name": "Dev", "slug": "dev"})
    server.on("DELETE /api/v1/projects/p1/environments/e2", {})
    server.on("GET /api/v1/projects/p1", {"project": project(DEV, description="d")})
    changes = [{"slug": "dev", "name": "Dev"}, {"slug": "prod", "state": "absent"}, {"slug": "x", "state": "absent"}]
    result = run(server, description="d", environments=changes)
    assert result["diff"]["after"] == {
        "project": {"name": "omakase", "slug": "omakase", "description": "d"},
        "environment dev": {"name": "Dev"},
        "environment prod": None,
    }


def test_check_mode_shows_those_changes(server: Scripted) -> None:
    server.on(SLUG, project(DEV, PROD))
    changes = [{"slug": "dev", "name": "Dev"}, {"slug": "prod", "state": "absent"}, {"slug": "new"}]
    result = run(server, check=True, environments=changes)
    assert result["project"]["environments"] == [dict(DEV, name="Dev"), {"id": "", "slug": "new", "name": "new"}]


def test_a_project_is_deleted_once(server: Scripted) -> None:
    server.on(SLUG, project(DEV)).on("DELETE /api/v1/projects/p1", {})
    result = run(server, state="absent")
    assert (result["changed"], result["project_id"], "project" in result) == (True, "p1", False)
    server.on(SLUG, project(DEV))
    assert run(server, check=True, state="absent")["changed"]
    server.refuse(SLUG, 404, "NotFound", "no")
    assert not run(server, state="absent")["changed"]


def test_without_a_slug_the_name_tells(server: Scripted) -> None:
    server.on("GET /api/v1/projects", {"projects": [project(), project(id="p2", name="other")]})
    server.on("GET /api/v1/projects/p1", {"project": project()})
    assert not run(server, slug=None)["changed"]


def test_two_projects_of_one_name_are_told_apart_by_slug(server: Scripted) -> None:
    server.on("GET /api/v1/projects", {"projects": [project(slug="a"), project(slug="b")]})
    assert "2 projects are called omakase: a, b" in run(server, slug=None)["msg"]


def test_without_environments_the_server_s_own_are_made(server: Scripted) -> None:
    server.on("GET /api/v1/projects", {"projects": []})
    server.on("POST /api/v1/projects", {"project": project()}, body={"shouldCreateDefaultEnvs": True, "slug": None})
    server.on("GET /api/v1/projects/p1", {"project": project(DEV)}).on(
        "GET /api/v1/projects/p1", {"project": project(DEV)}
    )
    assert run(server, slug=None)["project"]["environments"] == [DEV]


def test_an_older_server_s_own_environments_are_taken_into_account(server: Scripted) -> None:
    plain = {name: value for name, value in project(DEV).items() if name != "description"}
    server.unknown(SLUG).refuse("GET /api/v2/workspace/omakase", 404, "NotFound", "no")
    server.on("POST /api/v2/workspace", {"project": plain}, body={"projectName": "omakase", "type": None})
    server.on("GET /api/v1/workspace/p1", {"workspace": plain})
    server.on("POST /api/v1/workspace/p1/environments", {"environment": PROD}, body={"slug": "prod"})
    server.on("GET /api/v1/workspace/p1", {"workspace": dict(plain, environments=[DEV, PROD])})
    environments = [{"slug": "dev", "name": "Development"}, {"slug": "prod"}]
    assert run(server, environments=environments, description="forgotten")["changed"]
    server.unknown(SLUG).on("GET /api/v2/workspace/omakase", dict(plain, environments=[DEV, PROD]))
    assert not run(server, environments=environments, description="forgotten")["changed"]


def test_a_failure_is_told(server: Scripted) -> None:
    server.refuse(SLUG, 403, "PermissionDenied", "no")
    assert "is this identity a member" in run(server)["msg"]
