# SPDX-License-Identifier: GPL-3.0-or-later
"""What lived under the previous release lives on under this one."""

from __future__ import annotations

import json
import shlex
from typing import Any

import pytest
from testinfra.host import Host


def settings(host: Host, path: str) -> dict[str, str]:
    lines = host.file(path).content_string.splitlines()
    pairs = (line.partition("=") for line in lines if "=" in line and not line.startswith("#"))
    return {name: value.strip("'\"") for name, _, value in pairs}


def kept(host: Host, name: str) -> Any:
    return json.loads(host.file(f"/opt/infisical/credentials/{name}.json").content_string)


def ask(host: Host, path: str, *options: str) -> Any:
    """The server's answer to a request from its own host."""
    return json.loads(host.check_output(shlex.join(["curl", "-sSf", *options, f"http://127.0.0.1{path}"])))


@pytest.mark.parametrize("name", ["ENCRYPTION_KEY", "AUTH_SECRET", "POSTGRES_PASSWORD", "REDIS_PASSWORD"])
def test_the_server_s_key_is_the_one_of_before(host: Host, name: str) -> None:
    before = settings(host, "/root/env-before")[name]
    assert before and settings(host, "/opt/infisical/.env")[name] == before


def test_a_secret_written_before_is_read_with_the_credentials_of_before(host: Host) -> None:
    identity, project = kept(host, "omakase-deployment"), kept(host, "project")["id"]
    login = json.dumps({"clientId": identity["client_id"], "clientSecret": identity["client_secret"]})
    as_json = ["-H", "Content-Type: application/json"]
    token = ask(host, "/api/v1/auth/universal-auth/login", *as_json, "-d", login)["accessToken"]
    place = f"projectId={project}&environment=dev&secretPath=%2F"
    found = ask(host, f"/api/v4/secrets/KEPT_FROM_BEFORE?{place}", "-H", f"Authorization: Bearer {token}")
    assert found["secret"]["secretValue"] == "the value of before"


def test_every_container_is_healthy(host: Host) -> None:
    listed = host.check_output("docker compose --project-directory /opt/infisical ps --format json")
    assert {json.loads(line)["Health"] for line in listed.splitlines()} == {"healthy"}
