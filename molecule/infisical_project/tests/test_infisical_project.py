# SPDX-License-Identifier: GPL-3.0-or-later
"""The project as the role leaves it, seen by the identities that it made."""

from __future__ import annotations

import json
import shlex
from typing import Any

import pytest
from testinfra.host import Host

CREDENTIALS = "/opt/infisical/credentials"
SERVER = "http://127.0.0.1"


def ask(host: Host, method: str, path: str, body: Any = None, token: str = "") -> tuple[int, Any]:
    """A request from the host itself: its status and what came back."""
    command = ["curl", "-sS", "-X", method, "-w", "\n%{http_code}", "-H", "Content-Type: application/json"]
    command += ["-H", f"Authorization: Bearer {token}"] if token else []
    command += ["-d", json.dumps(body)] if body is not None else []
    answer, _, status = host.check_output(shlex.join([*command, f"{SERVER}{path}"])).rpartition("\n")
    return int(status), json.loads(answer)


def kept(host: Host, name: str) -> Any:
    return json.loads(host.file(f"{CREDENTIALS}/{name}.json").content_string)


def token_of(host: Host, identity: str) -> str:
    login = {"clientId": kept(host, identity)["client_id"], "clientSecret": kept(host, identity)["client_secret"]}
    status, answer = ask(host, "POST", "/api/v1/auth/universal-auth/login", login)
    assert status == 200
    return str(answer["accessToken"])


@pytest.mark.parametrize("name", ["administrator", "management", "omakase-deployment", "grafana"])
def test_credentials_are_kept_for_root_alone(host: Host, name: str) -> None:
    found = host.file(f"{CREDENTIALS}/{name}.json")
    assert (found.user, found.mode) == ("root", 0o600)
    assert host.file(CREDENTIALS).mode == 0o700


def test_the_deployment_identity_writes_and_the_other_one_only_reads_its_folder(host: Host) -> None:
    place = {"projectId": kept(host, "project")["id"], "environment": "prod", "secretPath": "/shared"}
    writer, reader = token_of(host, "omakase-deployment"), token_of(host, "grafana")
    secret = {**place, "secretValue": "x"}
    refused, _ = ask(host, "POST", "/api/v4/secrets/MOLECULE", secret, reader)
    made, _ = ask(host, "POST", "/api/v4/secrets/MOLECULE", secret, writer)
    query = f"?projectId={place['projectId']}&environment=prod&includeImports=true&secretPath="
    elsewhere, _ = ask(host, "GET", f"/api/v4/secrets{query}%2F", token=reader)
    own, _ = ask(host, "GET", f"/api/v4/secrets{query}%2Fgrafana", token=reader)
    gone, _ = ask(host, "DELETE", "/api/v4/secrets/MOLECULE", place, writer)
    assert (refused, made, elsewhere, own, gone) == (403, 200, 403, 200, 200)


def test_the_project_has_both_environments(host: Host) -> None:
    project = kept(host, "project")["id"]
    _, found = ask(host, "GET", f"/api/v1/workspace/{project}", token=token_of(host, "omakase-deployment"))
    assert {"dev", "prod"} <= {environment["slug"] for environment in found["workspace"]["environments"]}
