# SPDX-License-Identifier: GPL-3.0-or-later
"""The stand-in of the current era keeps to the vendor's description of May 2026, operation by operation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.contract.conftest import recorded
from tests.contract.shapes import faults
from tests.support.servers import Account, Infisical, Postgres, Redis, Reply, infisical_server

OPERATIONS: dict[str, dict[str, Any]] = {
    f"{entry['method']} {entry['path']}": entry for entry in recorded("current-2026-05.json")
}

LOCAL = "/api/v1/auth/universal-auth/identities/{identityId}"
SECRET_FIELDS = {
    "secretValue": "value",
    "secretComment": "comment",
    "secretMetadata": [{"key": "team", "value": "home", "isEncrypted": False}],
    "skipMultilineEncoding": False,
    "secretReminderNote": "soon",
    "secretReminderRepeatDays": 30,
    "type": "shared",
}


class World:
    """What the operations need to be there."""

    def __init__(self, server: Infisical, admin: Account) -> None:
        self.server = server
        self.admin = admin
        made = self.ask("POST", "/api/v1/projects", {"projectName": "shapes"}).body["project"]
        self.project = str(made["id"])
        tags = self.ask("POST", f"/api/v1/projects/{self.project}/tags", {"slug": "db", "color": "#fff"})
        self.tag = str(tags.body["tag"]["id"])
        self.identity = self.new_identity()
        for environment in ("dev", "prod"):
            self.secret("PRESENT", environment)
        source = {"environment": "prod", "path": "/"}
        body = {"projectId": self.project, "environment": "dev", "path": "/", "import": source}
        self.ask("POST", "/api/v2/secret-imports", body)

    def ask(self, method: str, path: str, body: Any = None, **query: str) -> Reply:
        """As the administrator."""
        target = path + (f"?{urlencode(query)}" if query else "")
        return self.server.request(method, target, body, self.admin.token)

    def new_identity(self) -> str:
        body = {"name": "shaped", "organizationId": self.admin.organization_id}
        return str(self.ask("POST", "/api/v1/identities", body).body["identity"]["id"])

    def scope(self, environment: str = "dev") -> dict[str, str]:
        return {"projectId": self.project, "environment": environment, "secretPath": "/"}

    def secret(self, name: str, environment: str = "dev") -> Reply:
        body = {**self.scope(environment), **SECRET_FIELDS, "tagIds": [self.tag]}
        return self.ask("POST", f"/api/v4/secrets/{name}", body)


@pytest.fixture(scope="module")
def world(infisical: Infisical, admin: Account) -> World:
    return World(infisical, admin)


def token_auth(world: World) -> Reply:
    body = {"accessTokenTTL": 60, "accessTokenMaxTTL": 120, "accessTokenNumUsesLimit": 0}
    everywhere = [{"ipAddress": "0.0.0.0/0"}]
    path = f"/api/v1/auth/token-auth/identities/{world.identity}"
    return world.ask("POST", path, {**body, "accessTokenTrustedIps": everywhere})


def token_auth_token(world: World) -> Reply:
    identity = world.new_identity()
    world.ask("POST", f"/api/v1/auth/token-auth/identities/{identity}", {})
    return world.ask("POST", f"/api/v1/auth/token-auth/identities/{identity}/tokens", {"name": "one"})


def universal_auth(world: World) -> Reply:
    body = {
        "accessTokenTTL": 60,
        "accessTokenMaxTTL": 120,
        "accessTokenNumUsesLimit": 5,
        "accessTokenPeriod": 0,
        "accessTokenTrustedIps": [{"ipAddress": "0.0.0.0/0"}],
        "clientSecretTrustedIps": [{"ipAddress": "::/0"}],
        "lockoutCounterResetSeconds": 30,
        "lockoutDurationSeconds": 300,
        "lockoutEnabled": True,
        "lockoutThreshold": 3,
    }
    return world.ask("POST", f"/api/v1/auth/universal-auth/identities/{world.identity}", body)


def client_secret(world: World) -> Reply:
    identity = world.new_identity()
    world.ask("POST", f"/api/v1/auth/universal-auth/identities/{identity}", {})
    body = {"description": "mine", "ttl": 60, "numUsesLimit": 1}
    return world.ask("POST", f"/api/v1/auth/universal-auth/identities/{identity}/client-secrets", body)


def identity(world: World) -> Reply:
    body = {"name": "a", "organizationId": world.admin.organization_id, "role": "member", "hasDeleteProtection": True}
    return world.ask("POST", "/api/v1/identities", {**body, "metadata": [{"key": "k", "value": "v"}]})


def project(world: World) -> Reply:
    body = {"projectName": "second", "slug": "second-one", "type": "secret-manager", "projectDescription": "of tests"}
    more = {"hasDeleteProtection": False, "shouldCreateDefaultEnvs": True, "template": "default"}
    return world.ask("POST", "/api/v1/projects", {**body, **more})


def select_organization(world: World) -> Reply:
    login = {"email": world.admin.email, "password": world.admin.password}
    token = world.server.request("POST", "/api/v3/auth/login", login).body["accessToken"]
    body = {"organizationId": world.admin.organization_id, "userAgent": "cli"}
    return world.server.request("POST", "/api/v3/auth/select-organization", body, token)


def list_secrets(world: World) -> Reply:
    flags = {"viewSecretValue": "true", "expandSecretReferences": "true", "recursive": "false"}
    more = {"includePersonalOverrides": "true", "includeImports": "true", "tagSlugs": "db"}
    return world.ask("GET", "/api/v4/secrets", **world.scope(), **flags, **more, metadataFilter="key=team,value=home")


def get_secret(world: World) -> Reply:
    flags = {"viewSecretValue": "true", "expandSecretReferences": "true", "includeImports": "true"}
    return world.ask("GET", "/api/v4/secrets/PRESENT", **world.scope(), **flags, type="shared", version="1")


def create_secret(world: World) -> Reply:
    return world.secret("CREATED")


def update_secret(world: World) -> Reply:
    world.secret("BEFORE")
    body = {**world.scope(), **SECRET_FIELDS, "newSecretName": "AFTER", "tagIds": [], "metadata": {"a": "b"}}
    return world.ask("PATCH", "/api/v4/secrets/BEFORE", {**body, "secretReminderRecipients": ["one"]})


def delete_secret(world: World) -> Reply:
    world.secret("GOING")
    return world.ask("DELETE", "/api/v4/secrets/GOING", {**world.scope(), "type": "shared"})


PERFORM: dict[str, Callable[[World], Reply]] = {
    "POST /api/v1/auth/token-auth/identities/{identityId}": token_auth,
    "POST /api/v1/auth/token-auth/identities/{identityId}/tokens": token_auth_token,
    LOCAL.join(["POST ", ""]): universal_auth,
    LOCAL.join(["POST ", "/client-secrets"]): client_secret,
    "POST /api/v1/identities": identity,
    "POST /api/v1/projects": project,
    "POST /api/v3/auth/select-organization": select_organization,
    "GET /api/v4/secrets": list_secrets,
    "GET /api/v4/secrets/{secretName}": get_secret,
    "POST /api/v4/secrets/{secretName}": create_secret,
    "PATCH /api/v4/secrets/{secretName}": update_secret,
    "DELETE /api/v4/secrets/{secretName}": delete_secret,
}
SIGN_UP = "POST /api/v1/admin/signup"


def test_every_described_operation_is_performed() -> None:
    assert OPERATIONS.keys() == {*PERFORM, SIGN_UP}


@pytest.mark.parametrize("operation", PERFORM)
def test_it_answers_in_the_described_shape(world: World, operation: str) -> None:
    reply = PERFORM[operation](world)
    assert reply.status == 200, reply.body
    shape = OPERATIONS[operation]["answers"]["200"]
    if "either" in shape:  # described as one of two; the secret itself as in a single read
        shape = OPERATIONS["GET /api/v4/secrets/{secretName}"]["answers"]["200"]
    assert faults(shape, reply.body) == []


def test_a_list_shows_tags_metadata_and_imports(world: World) -> None:
    body = list_secrets(world).body
    assert [tag["slug"] for tag in body["secrets"][0]["tags"]] == ["db"]
    assert body["secrets"][0]["secretMetadata"] == SECRET_FIELDS["secretMetadata"]
    assert body["imports"][0]["secrets"][0]["secretKey"] == "PRESENT"


def test_the_first_administrator_is_made_in_the_described_shape(postgres: Postgres, redis: Redis) -> None:
    body = {"email": "a@b.example", "firstName": "A", "lastName": "B", "password": "long enough"}
    with infisical_server(postgres, redis) as server:
        reply = server.request("POST", "/api/v1/admin/signup", body)
        assert reply.status == 200
        assert faults(OPERATIONS[SIGN_UP]["answers"]["200"], reply.body) == []
        again = server.request("POST", "/api/v1/admin/signup", body)
        assert again.status == 400
        assert faults(OPERATIONS[SIGN_UP]["answers"]["400"], again.body) == []


def path_of(world: World, operation: str) -> str:
    path = operation.partition(" ")[2]
    return path.replace("{identityId}", world.identity).replace("{secretName}", "SOME_NAME")


@pytest.mark.parametrize("operation", PERFORM)
def test_without_a_token_it_is_refused_in_the_described_shape(world: World, operation: str) -> None:
    reply = world.server.request(operation.partition(" ")[0], path_of(world, operation))
    assert (reply.status, reply.body["error"]) == (401, "UnauthorizedError")
    assert faults(OPERATIONS[operation]["answers"]["401"], reply.body) == []


@pytest.mark.parametrize("operation", [name for name, entry in OPERATIONS.items() if entry["body"]])
def test_a_body_of_wrong_types_is_refused_field_by_field(world: World, operation: str) -> None:
    shape = OPERATIONS[operation]["body"]
    typed = [
        name for name, kind in shape.items() if isinstance(kind, str) and not kind.startswith(("any", "one", "map"))
    ]
    body: dict[str, list[str]] = {name.rstrip("?"): [] for name in typed}
    reply = world.ask(operation.partition(" ")[0], path_of(world, operation), body)
    assert (reply.status, reply.body["error"]) == (422, "ValidationFailure")
    assert faults(OPERATIONS[operation]["answers"]["422"], reply.body) == []
    complained = {issue["path"][0] for issue in reply.body["message"]}
    assert complained >= {name.rstrip("?") for name in typed if not name.endswith("?")} - {"secretReminderRecipients"}


@pytest.mark.parametrize("operation", [name for name, entry in OPERATIONS.items() if entry["body"]])
def test_nothing_is_required_that_is_described_as_optional(world: World, operation: str) -> None:
    reply = world.ask(operation.partition(" ")[0], path_of(world, operation), {})
    missing = {issue["path"][0] for issue in reply.body["message"]} if reply.status == 422 else set()
    assert missing <= {name for name in OPERATIONS[operation]["body"] if not name.endswith("?")}
