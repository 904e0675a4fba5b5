# SPDX-License-Identifier: GPL-3.0-or-later
"""Imports: made, again, moved, again, removed, again."""

from __future__ import annotations

from typing import Any

from tests.support.modules import run_module
from tests.support.scripted import Scripted

ENVIRONMENTS = [{"id": "e1", "slug": "dev", "name": "Dev"}, {"id": "e2", "slug": "prod", "name": "Prod"}]
PROJECT = {"project": {"id": "p1", "slug": "omakase", "environments": ENVIRONMENTS}}
IMPORTS = "/api/v2/secret-imports"


def one(name: str, position: int, environment: str = "prod", path: str = "/") -> dict[str, Any]:
    return {"id": name, "importPath": path, "importEnv": {"slug": environment}, "position": position}


def exists(server: Scripted) -> Scripted:
    return server.on("GET /api/v1/projects/p1", PROJECT)


def there(server: Scripted, *imports: dict[str, Any]) -> Scripted:
    query = {"projectId": "p1", "environment": "dev", "path": "/"}
    return exists(server).on("GET " + IMPORTS, {"secretImports": list(imports)}, query=query)


def run(server: Scripted, check: bool = False, **params: Any) -> dict[str, Any]:
    given = {"project_id": "p1", "token": "a-token-under-test", "source_environment": "prod", **params}
    return run_module("infisical_import", server, check, **given)


def test_a_missing_import_is_made(server: Scripted) -> None:
    exists(there(server)).on(
        "POST " + IMPORTS,
        {"secretImport": one("m1", 1)},
        body={"environment": "dev", "path": "/", "import": {"environment": "prod", "path": "/"}},
    )
    result = run(server)
    assert result["changed"]
    assert result["import"] == {"id": "m1", "environment": "prod", "path": "/", "position": 1}


def test_check_mode_makes_nothing(server: Scripted) -> None:
    result = run(exists(there(server)), check=True)
    assert (result["changed"], result["import"]["id"]) == (True, "")


def test_an_import_that_is_there_is_left_alone(server: Scripted) -> None:
    assert not run(there(server, one("m1", 2), one("m0", 1, "dev", "/x")))["changed"]
    assert not run(there(server, one("m1", 2)), position=2)["changed"]


def test_what_the_server_reserves_for_itself_is_not_ours(server: Scripted) -> None:
    there(server, dict(one("m1", 1), isReserved=True))
    assert run(exists(server), check=True)["changed"]


def test_an_import_is_moved(server: Scripted) -> None:
    there(server, one("m1", 1)).on(
        f"PATCH {IMPORTS}/m1", {"secretImport": one("m1", 2)}, body={"import": {"position": 2}}
    )
    result = run(server, position=2)
    assert (result["changed"], result["import"]["position"]) == (True, 2)


def test_a_new_import_gets_its_place(server: Scripted) -> None:
    exists(there(server)).on("POST " + IMPORTS, {"secretImport": one("m2", 2)})
    server.on(f"PATCH {IMPORTS}/m2", {"secretImport": one("m2", 1)}, body={"import": {"position": 1}})
    assert run(server, position=1)["import"]["position"] == 1


def test_an_import_is_removed_once(server: Scripted) -> None:
    assert run(there(server, one("m1", 1)), check=True, state="absent")["changed"]
    there(server, one("m1", 1)).on(f"DELETE {IMPORTS}/m1", {}, body={"environment": "dev", "path": "/"})
    result = run(server, state="absent")
    assert (result["changed"], "import" in result) == (True, False)
    assert not run(there(server), state="absent")["changed"]


def test_a_source_that_does_not_exist_is_named(server: Scripted) -> None:
    there(server)
    exists(server).on("GET /api/v2/folders", {"folders": []})
    assert "The folder /x does not exist in prod" in run(server, source_path="/x")["msg"]


def test_the_source_may_be_in_the_same_environment(server: Scripted) -> None:
    there(server, one("m1", 1, "dev", "/shared"))
    assert not run(server, source_environment=None, source_path="/shared")["changed"]


def test_an_older_server_gets_its_own_routes(server: Scripted) -> None:
    exists(server).unknown("GET " + IMPORTS).on(
        "GET /api/v1/secret-imports", {"secretImports": [one("m1", 1)]}, query={"workspaceId": "p1"}
    )
    assert not run(server)["changed"]
