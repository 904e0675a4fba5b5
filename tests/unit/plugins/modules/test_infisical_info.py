# SPDX-License-Identifier: GPL-3.0-or-later
"""What there is: names, and no values."""

from __future__ import annotations

import json

from tests.support.modules import run_module
from tests.support.scripted import Scripted

PROJECT = {"id": "p1", "name": "omakase", "slug": "omakase", "environments": [{"id": "e", "slug": "dev", "name": "D"}]}


def answers(server: Scripted) -> Scripted:
    server.on("GET /api/status", {"message": "Ok", "emailConfigured": False, "redisConfigured": True})
    return server.on("GET /api/v1/admin/config", {"config": {"initialized": True}})


def test_the_server_tells_of_itself_without_a_login(server: Scripted) -> None:
    result = run_module("infisical_info", answers(server))
    assert result["server"] == {
        "url": "https://vault.test",
        "healthy": True,
        "set_up": True,
        "email_configured": False,
        "redis_configured": True,
    }
    assert not result["changed"]


def test_a_folder_is_told_by_names(server: Scripted) -> None:
    answers(server).on("GET /api/v1/projects/p1", {"project": PROJECT}).on(
        "GET /api/v1/projects/p1", {"project": PROJECT}
    )
    server.on("GET /api/v4/secrets", {"secrets": [{"secretKey": "A", "secretValue": "canary"}]})
    server.on("GET /api/v2/folders", {"folders": [{"name": "db"}]})
    found = {"id": "m1", "importPath": "/", "importEnv": {"slug": "prod"}}
    server.on("GET /api/v2/secret-imports", {"secretImports": [found]})
    result = run_module("infisical_info", server, project_id="p1", token="a-token-under-test")
    assert (result["secrets"], result["folders"], result["project"]["id"]) == (["A"], ["db"], "p1")
    assert result["imports"] == [{"id": "m1", "environment": "prod", "path": "/", "position": 0}]
    assert "canary" not in json.dumps(result)


def test_a_server_that_is_down_is_told(server: Scripted) -> None:
    server.refuse("GET /api/status", 404, "", "")
    assert "refused GET /api/status (404)" in run_module("infisical_info", server)["msg"]
