# SPDX-License-Identifier: GPL-3.0-or-later
"""Tokens that stop working, and servers of two generations."""

from __future__ import annotations

import pytest
from ansible_collections.omakase.homelab.plugins.module_utils._infisical import client as client_module
from ansible_collections.omakase.homelab.plugins.module_utils._infisical import eras
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.auth_core import Given, Universal
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.client import (
    Client,
    ErasOfProcess,
    LoginTokens,
    existing,
)
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.errors import InfisicalError, LoginRefusedError
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.exchange import get

from tests.support.scripted import Scripted

LOGIN = "POST /api/v1/auth/universal-auth/login"


def client_of(server: Scripted, method: Universal | Given | None = None) -> Client:
    exchange = server.exchange()
    return Client(exchange, LoginTokens(method or Universal("id", "sec"), exchange), ErasOfProcess())


def test_a_process_logs_in_once(server: Scripted) -> None:
    server.on(LOGIN, {"accessToken": "one"}).on("GET /a", {}, token="one").on("GET /b", {}, token="one")
    client = client_of(server)
    client.call(get("/a"))
    client.call(get("/b"))


def test_a_refused_token_is_replaced_once(server: Scripted) -> None:
    server.on(LOGIN, {"accessToken": "one"}).refuse(
        "GET /a", 401, "UnauthorizedError", "No identity access token found"
    )
    server.on(LOGIN, {"accessToken": "two"}).on("GET /a", {"a": 1}, token="two")
    assert client_of(server).call(get("/a")) == {"a": 1}


def test_a_second_refusal_is_the_answer(server: Scripted) -> None:
    server.on(LOGIN, {"accessToken": "one"}).refuse("GET /a", 403, "TokenError", "invalid token")
    server.on(LOGIN, {"accessToken": "two"}).refuse("GET /a", 403, "TokenError", "invalid token")
    with pytest.raises(InfisicalError, match="invalid token"):
        client_of(server).call(get("/a"))


def test_a_second_answer_of_another_kind_is_the_answer(server: Scripted) -> None:
    server.on(LOGIN, {"accessToken": "one"}).refuse("GET /a", 403, "TokenError", "invalid token")
    server.on(LOGIN, {"accessToken": "two"}).refuse("GET /a", 404, "NotFound", "nothing")
    with pytest.raises(InfisicalError, match="nothing"):
        client_of(server).call(get("/a"))


def test_no_permission_is_no_reason_to_log_in_again(server: Scripted) -> None:
    server.on(LOGIN, {"accessToken": "one"}).refuse("GET /a", 401, "PermissionDenied", "You are not allowed")
    with pytest.raises(InfisicalError, match="not allowed"):
        client_of(server).call(get("/a"))


def test_a_given_token_that_is_refused_cannot_be_replaced(server: Scripted) -> None:
    server.refuse("GET /a", 401, "UnauthorizedError", "expired", token="abc")
    with pytest.raises(InfisicalError, match="was given and cannot be replaced"):
        client_of(server, Given("abc")).call(get("/a"))


def test_a_revoked_credential_ends_in_a_refused_login(server: Scripted) -> None:
    server.on(LOGIN, {"accessToken": "one"}).refuse("GET /a", 401, "UnauthorizedError", "expired")
    server.refuse(LOGIN, 401, "UnauthorizedError", "Invalid credentials")
    with pytest.raises(LoginRefusedError):
        client_of(server).call(get("/a"))


def test_a_current_server_is_asked_by_its_current_routes(server: Scripted) -> None:
    server.on("GET /api/v1/projects", {"projects": []})
    client_of(server, Given("t")).ask(eras.list_projects())


def test_an_older_server_is_asked_by_its_own_routes_from_then_on(server: Scripted) -> None:
    server.unknown("GET /api/v1/projects").on("GET /api/v1/workspace", {"workspaces": []})
    server.on("GET /api/v1/workspace/p", {"workspace": {}})
    client = client_of(server, Given("t"))
    client.ask(eras.list_projects())
    client.ask(eras.get_project("p"))


def test_an_older_server_that_refuses_is_still_an_older_one(server: Scripted) -> None:
    server.unknown("GET /api/v1/projects").refuse("GET /api/v1/workspace", 403, "Forbidden access", "no")
    client = client_of(server, Given("t"))
    with pytest.raises(InfisicalError, match="no"):
        client.ask(eras.list_projects())
    assert client.eras.is_older("projects")


def test_a_missing_thing_says_nothing_of_the_server_s_age(server: Scripted) -> None:
    server.refuse("GET /api/v1/projects/p", 404, "NotFound", "Project not found")
    client = client_of(server, Given("t"))
    assert existing(client, eras.get_project("p")) is None
    assert not client.eras.is_older("projects")


def test_what_is_refused_is_not_missing(server: Scripted) -> None:
    server.refuse("GET /api/v1/projects/p", 403, "PermissionDenied", "no")
    with pytest.raises(InfisicalError):
        existing(client_of(server, Given("t")), eras.get_project("p"))


def test_a_server_that_knows_neither_route_is_something_else(server: Scripted) -> None:
    server.unknown("GET /api/v1/projects").unknown("GET /api/v1/workspace")
    with pytest.raises(InfisicalError, match="knows neither /api/v1/projects nor /api/v1/workspace"):
        client_of(server, Given("t")).ask(eras.list_projects())


def test_answers_that_lead_to_ever_more_questions_come_to_an_end(
    server: Scripted, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client_module, "MOST_CALLS", 2)
    server.on(LOGIN, {"accessToken": "one"}).on("GET /a", {}).on("GET /a", {})
    client = client_of(server)
    client.call(get("/a"))
    client.call(get("/a"))
    with pytest.raises(InfisicalError, match="each answer led to more questions"):
        client.call(get("/a"))
