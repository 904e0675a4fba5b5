# SPDX-License-Identifier: GPL-3.0-or-later
"""A stand-in server with a project full of secrets, behind a proxy that counts and adds latency."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from tests.support.faults import FaultyProxy
from tests.support.servers import Infisical, infisical_server

BATCH = 500


@dataclass
class Vault:
    """What a run needs to read from it."""

    server: Infisical
    proxy: FaultyProxy
    variables: dict[str, Any]

    def own_seconds(self, folder: str) -> float:
        """What the server itself needs for one login and one list, past the proxy and our client."""
        given = self.variables
        credentials = {"clientId": given["infisical_client_id"], "clientSecret": given["infisical_client_secret"]}
        began = time.perf_counter()
        answer = self.server.request("POST", "/api/v1/auth/universal-auth/login", credentials)
        query = f"projectId={given['infisical_project_id']}&environment=dev&secretPath={folder}"
        query += "&viewSecretValue=true&expandSecretReferences=true&recursive=false&includeImports=true"
        self.server.request("GET", f"/api/v4/secrets?{query}", token=answer.body["accessToken"])
        return time.perf_counter() - began


@contextmanager
def running_vault(folders: dict[str, int]) -> Iterator[Vault]:
    """folders: how many secrets KEY_0, KEY_1, ... each of these paths has."""
    with infisical_server() as server, FaultyProxy(server.base_url).running() as proxy:
        account = server.bootstrap()

        def ask(path: str, body: Any) -> Any:
            reply = server.request("POST", path, body, account.token)
            if reply.status != 200:
                raise RuntimeError(f"{path}: {reply.status}")
            return reply.body

        project = ask("/api/v1/projects", {"projectName": "omakase", "slug": "omakase"})["project"]["id"]
        identity = {"name": "bench", "organizationId": account.organization_id, "role": "no-access"}
        identity_id = ask("/api/v1/identities", identity)["identity"]["id"]
        ask(f"/api/v1/projects/{project}/memberships/identities/{identity_id}", {"role": "admin"})
        path = f"/api/v1/auth/universal-auth/identities/{identity_id}"
        client_id = ask(path, {})["identityUniversalAuth"]["clientId"]
        client_secret = ask(f"{path}/client-secrets", {"description": "bench"})["clientSecret"]
        for folder, count in folders.items():
            scope = {"projectId": project, "environment": "dev"}
            if folder != "/":
                ask("/api/v2/folders", {**scope, "path": "/", "name": folder.strip("/")})
            secrets = [{"secretKey": f"KEY_{number}", "secretValue": value(number)} for number in range(count)]
            for start in range(0, count, BATCH):
                batch = {**scope, "secretPath": folder, "secrets": secrets[start : start + BATCH]}
                ask("/api/v4/secrets/batch", batch)
        variables = {
            "infisical_url": proxy.url,
            "infisical_client_id": client_id,
            "infisical_client_secret": client_secret,
            "infisical_project_id": project,
        }
        yield Vault(server, proxy, variables)


def value(number: int) -> str:
    return f"value of secret {number}, as long as a password"
