# SPDX-License-Identifier: GPL-3.0-or-later
"""The stand-in in the v3 era answers as a real server of October 2024 did, exchange by exchange."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.contract.conftest import recorded
from tests.contract.matching import Ids, differences
from tests.support.servers import Infisical, Postgres, Redis, Reply, infisical_server

RECORDINGS: list[dict[str, Any]] = recorded("recordings.json")
NAMES = [entry["name"] for entry in RECORDINGS]
ORGANIZATION = "180870b7-f464-4740-8ffe-9d11c9245ea7"
CLIENT = "3f6135db-f237-421d-af66-a8f4e80d443b"
PROJECT = "29fe0179-dde7-40be-846a-5cfac2fdd2c9"
# Written down by type, not compared: four characters of a random secret.
VOLATILE = {"clientSecretPrefix"}
REQUESTS_A_MINUTE = 40

# Whose token an exchange used; the recording only says "bearer".
TOKENS = {
    "projects list with the token that failed to renew": "former",
    "secrets list: garbage token": "garbage",
    "secrets list: token with bad signature": "forged",
    "secrets list: identity not in the project": "member",
    "secret create: viewer may not write": "member",
    "token revoke": "member",
    "secrets list: revoked token": "member",
}


class Replay:
    """Repeats the recorded session, with the steps that its recorder made without writing them down."""

    def __init__(self, server: Infisical, redis: Redis) -> None:
        self.server = server
        self.redis = redis
        self.tokens = {"garbage": "not.a.token"}
        self.ids = self._before_the_recording()

    def _before_the_recording(self) -> Ids:
        """An organisation with an administrating identity, and two identities of an earlier run."""
        account = self.server.bootstrap()
        identity = self._identity(account.token, account.organization_id, "mac1", "admin")
        client_id = self._attach(account.token, identity)
        path = f"/api/v1/auth/universal-auth/identities/{identity}/client-secrets"
        secret = self.server.request("POST", path, {}, account.token).body["clientSecret"]
        earlier = [self._identity(account.token, account.organization_id, "omakase-deployment") for _ in range(2)]
        self._attach(account.token, earlier[0])
        self.redis.flush()
        return Ids({ORGANIZATION: account.organization_id, CLIENT: client_id, "<client-secret>": secret})

    def _identity(self, token: str, org_id: str, name: str, role: str = "no-access") -> str:
        body = {"name": name, "organizationId": org_id, "role": role}
        return str(self.server.request("POST", "/api/v1/identities", body, token).body["identity"]["id"])

    def _attach(self, token: str, identity: str) -> str:
        reply = self.server.request("POST", f"/api/v1/auth/universal-auth/identities/{identity}", {}, token)
        return str(reply.body["identityUniversalAuth"]["clientId"])

    def outcome(self, entry: dict[str, Any]) -> list[str]:
        """The differences between the live exchange and the recorded one."""
        self._prepare(entry["name"])
        reply = self._ask(entry)
        if entry["name"] == "rate limit reached":
            for _ in range(REQUESTS_A_MINUTE):
                if reply.status == 429:
                    break
                reply = self._ask(entry)
        recorded = entry["response"]
        found = [] if reply.status == recorded["status"] else [f"status {reply.status}, not {recorded['status']}"]
        found += _header_differences(recorded["headers"], reply.headers)
        live, expected = _without_volatile(reply.body), _without_volatile(recorded["body"])
        found += differences(expected, live, self.ids, recorded.get("note", ""))
        self._remember(entry["name"], reply)
        return found

    def _prepare(self, name: str) -> None:
        if name == "secret create batch":
            keys = [{"secretKey": f"KEY_{number}", "secretValue": f"value-{number}"} for number in range(60)]
            body = {"workspaceId": self.ids.live[PROJECT], "environment": "dev", "secretPath": "/", "secrets": keys}
            self.server.request("POST", "/api/v3/secrets/batch/raw", body, self.tokens["admin"])
        if name == "secret create: viewer may not write":
            self.redis.flush()  # the recorder waited for the next minute
        if name == "secrets list: token with bad signature":
            self.tokens["forged"] = self.tokens["admin"][:-6] + "AAAAAA"

    def _ask(self, entry: dict[str, Any]) -> Reply:
        asked = self.ids.translate(entry["request"])
        token = self.tokens[TOKENS.get(entry["name"], "admin")] if asked["auth"] or _masked(entry) else None
        body = asked["body"]
        if _masked(entry):
            body, token = {"accessToken": token}, None
        path = asked["path"] + (f"?{urlencode(asked['query'])}" if asked["query"] else "")
        return self.server.request(asked["method"], path, body, token)

    def _remember(self, name: str, reply: Reply) -> None:
        if reply.status != 200 or not isinstance(reply.body, dict) or "accessToken" not in reply.body:
            return
        if name == "login as new identity":
            self.tokens["member"] = reply.body["accessToken"]
            return
        self.tokens["former"] = self.tokens.get("admin", "")
        self.tokens["admin"] = reply.body["accessToken"]
        self.tokens["former"] = self.tokens["former"] or self.tokens["admin"]


def _masked(entry: dict[str, Any]) -> bool:
    """Does the request carry a token in its body?"""
    return bool(entry["request"]["body"] and "accessToken" in entry["request"]["body"])


def _header_differences(recorded: dict[str, str], live: dict[str, str]) -> list[str]:
    """The limits are exact, seconds left are some of a minute, and no limit may appear that was not there."""
    found = []
    for name in ("x-ratelimit-limit", "x-ratelimit-remaining", "content-type"):
        if recorded.get(name) != live.get(name):
            found.append(f"{name}: {live.get(name)}, recorded {recorded.get(name)}")
    for name in ("x-ratelimit-reset", "retry-after"):
        if (name in recorded) != (name in live) or not 0 < int(live.get(name, "1")) <= 60:
            found.append(f"{name}: {live.get(name)}, recorded {recorded.get(name)}")
    return found


def _without_volatile(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: type(item) if key in VOLATILE else _without_volatile(item) for key, item in value.items()}
    return [_without_volatile(item) for item in value] if isinstance(value, list) else value


@pytest.fixture(scope="module")
def outcomes(postgres: Postgres, redis: Redis) -> Iterator[dict[str, list[str]]]:
    """The differences of each exchange, all replayed in their order."""
    era = {"INFISICAL_STAND_IN_ERA": "v3", "INFISICAL_STAND_IN_RATE_LIMIT": str(REQUESTS_A_MINUTE)}
    with infisical_server(postgres, redis, **era) as server:
        replay = Replay(server, redis)
        yield {entry["name"]: replay.outcome(entry) for entry in RECORDINGS}


@pytest.mark.parametrize("name", NAMES)
def test_it_answers_as_recorded(outcomes: dict[str, list[str]], name: str) -> None:
    assert outcomes[name] == []


def test_every_recording_has_a_name_of_its_own() -> None:
    assert len(set(NAMES)) == len(RECORDINGS)
