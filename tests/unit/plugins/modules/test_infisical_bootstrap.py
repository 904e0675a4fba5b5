# SPDX-License-Identifier: GPL-3.0-or-later
"""Setting up a fresh server, and finding it set up."""

from __future__ import annotations

import base64
import json
from typing import Any

from tests.support.modules import run_module
from tests.support.scripted import Scripted

WHO: dict[str, Any] = {"email": "admin@x.test", "password": "long-enough-1", "organization": "homelab"}
ORGANIZATION = {"id": "o1", "name": "homelab", "slug": "homelab-x1"}
CLAIMS = base64.urlsafe_b64encode(json.dumps({"userId": "u1", "n": 1}).encode()).decode().rstrip("=")
SESSION = f"header.{CLAIMS}.signature"
BOOTSTRAPPED = {
    "user": {"id": "u1", "email": WHO["email"]},
    "organization": ORGANIZATION,
    "identity": {"credentials": {"token": "identity-token"}},
}


def config(server: Scripted, initialized: bool) -> Scripted:
    return server.on("GET /api/v1/admin/config", {"config": {"initialized": initialized}})


def login(server: Scripted, organizations: list[dict[str, str]] | None = None) -> Scripted:
    server.on("POST /api/v3/auth/login", {"accessToken": "first"}, body={"email": WHO["email"]})
    found = [ORGANIZATION] if organizations is None else organizations
    return server.on("GET /api/v1/organization", {"organizations": found}, token="first")


def select(server: Scripted, **answer: Any) -> Scripted:
    asked = "POST /api/v3/auth/select-organization"
    return server.on(asked, {"token": SESSION, **answer}, body={"organizationId": "o1"}, token="first")


def test_a_fresh_server_is_set_up_and_the_administrator_s_session_given(server: Scripted) -> None:
    config(server, False).on("POST /api/v1/admin/bootstrap", BOOTSTRAPPED, body=dict(WHO))
    select(login(server))
    result = run_module("infisical_bootstrap", server, **WHO)
    assert result["changed"]
    assert result["user"] == {"id": "u1", "email": "admin@x.test"}
    assert result["organization"] == ORGANIZATION
    assert result["token"] == SESSION
    assert result["diff"] == {"before": {"set_up": False}, "after": {"set_up": True}}


def test_a_second_run_logs_in_and_changes_nothing(server: Scripted) -> None:
    select(login(config(server, True)))
    result = run_module("infisical_bootstrap", server, **WHO)
    assert not result["changed"]
    assert (result["user"]["id"], result["organization"]["id"], result["token"]) == ("u1", "o1", SESSION)


def test_check_mode_writes_nothing(server: Scripted) -> None:
    config(server, False)
    result = run_module("infisical_bootstrap", server, check=True, **WHO)
    assert result["changed"]
    assert "token" not in result


def test_where_the_administrator_cannot_log_in_the_identity_s_token_is_left(server: Scripted) -> None:
    config(server, False).on("POST /api/v1/admin/bootstrap", BOOTSTRAPPED)
    server.refuse("POST /api/v3/auth/login", 400, "BadRequest", "Failed to login")
    result = run_module("infisical_bootstrap", server, **WHO)
    assert (result["token"], result["user"]["id"]) == ("identity-token", "u1")


def test_somebody_else_s_server_is_told_apart(server: Scripted) -> None:
    config(server, True).refuse("POST /api/v3/auth/login", 401, "UnauthorizedError", "Invalid credentials")
    result = run_module("infisical_bootstrap", server, **WHO)
    assert result["failed"]
    assert "already set up by someone else" in result["msg"]
    assert "long-enough-1" not in json.dumps(result)


def test_a_server_without_that_route_is_too_old(server: Scripted) -> None:
    config(server, False).unknown("POST /api/v1/admin/bootstrap")
    assert "older than that" in run_module("infisical_bootstrap", server, **WHO)["msg"]


def test_a_refused_set_up_is_told(server: Scripted) -> None:
    config(server, False).refuse("POST /api/v1/admin/bootstrap", 400, "BadRequest", "Password too short")
    assert "Password too short" in run_module("infisical_bootstrap", server, **WHO)["msg"]


def test_a_config_without_its_wrapping_is_understood(server: Scripted) -> None:
    server.on("GET /api/v1/admin/config", {"initialized": True})
    select(login(server))
    assert not run_module("infisical_bootstrap", server, **WHO)["changed"]


def test_a_renamed_organisation_is_the_only_one(server: Scripted) -> None:
    select(login(config(server, True), [dict(ORGANIZATION, name="other")]))
    assert run_module("infisical_bootstrap", server, **WHO)["organization"]["name"] == "other"


def test_of_several_organisations_one_has_to_be_named(server: Scripted) -> None:
    others = [dict(ORGANIZATION, name=name, slug=name) for name in ("a", "b")]
    login(config(server, True), others)
    assert "it belongs to: a, b" in run_module("infisical_bootstrap", server, **WHO)["msg"]


def test_a_second_factor_cannot_be_given(server: Scripted) -> None:
    select(login(config(server, True)), isMfaEnabled=True)
    assert "second factor" in run_module("infisical_bootstrap", server, **WHO)["msg"]


def test_a_token_that_is_no_jwt_tells_no_user(server: Scripted) -> None:
    for odd in ("opaque", "a.!!!.c", "a.W10=.c"):
        select(login(config(server, True)), token=odd)
        assert run_module("infisical_bootstrap", server, **WHO)["user"] == {"id": "", "email": WHO["email"]}
