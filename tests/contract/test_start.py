# SPDX-License-Identifier: GPL-3.0-or-later
"""How the stand-in starts, refuses to start, and what it leaves in its database and log."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import secrets
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis as redis_client

from tests.support.certificates import Authority
from tests.support.servers import Infisical, Postgres, Redis, free_port, infisical_server, postgres_server, running

CANARY = "canary-4711-of-the-stand-in"


@contextlib.contextmanager
def stopped(server: Infisical) -> Iterator[Infisical]:
    try:
        yield server
    finally:
        server.stop()


def refused(server: Infisical) -> str:
    """The last line of the log of a server that must end with 1 by itself."""
    server.launch()
    assert server.exit_status() == 1
    line = json.loads(server.log().strip().splitlines()[-1])
    assert line["severity"] == "FATAL"
    return str(line["msg"])


def new_server(postgres: Postgres, redis: Redis, **environ: str) -> Infisical:
    return Infisical(postgres.create_database(f"start_{secrets.token_hex(4)}"), redis.url, **environ)


@pytest.mark.parametrize("name", ["ENCRYPTION_KEY", "AUTH_SECRET", "DB_CONNECTION_URI", "REDIS_URL"])
def test_a_missing_variable_is_named(postgres: Postgres, redis: Redis, name: str) -> None:
    with stopped(new_server(postgres, redis, **{name: ""})) as server:
        assert name in refused(server)


def test_all_that_is_missing_is_named_at_once(postgres: Postgres, redis: Redis) -> None:
    with stopped(new_server(postgres, redis, AUTH_SECRET="", REDIS_URL="")) as server:
        assert {"AUTH_SECRET", "REDIS_URL"} <= set(refused(server).replace(",", "").split())


@pytest.mark.parametrize("length", [31, 64])
def test_a_key_of_another_length_is_refused(postgres: Postgres, redis: Redis, length: int) -> None:
    with stopped(new_server(postgres, redis, ENCRYPTION_KEY="k" * length)) as server:
        message = refused(server)
        assert message.startswith("Invalid key length")
        assert str(length) in message


def test_another_key_than_the_database_was_written_with_is_refused(postgres: Postgres, redis: Redis) -> None:
    with stopped(new_server(postgres, redis)) as server:
        server.up()
        right = server.environ["ENCRYPTION_KEY"]
        server.halt()
        server.environ["ENCRYPTION_KEY"] = "0" * 32
        message = refused(server)
        assert "key label" in message
        assert right not in server.log()
        server.environ["ENCRYPTION_KEY"] = right
        server.up()


def test_an_older_version_refuses_a_database_that_a_newer_one_has_migrated(postgres: Postgres, redis: Redis) -> None:
    with stopped(new_server(postgres, redis, INFISICAL_PLATFORM_VERSION="v0.165.16")) as server:
        for version in ("v0.165.16", "v0.166.2"):
            server.environ["INFISICAL_PLATFORM_VERSION"] = version
            server.up()
            assert f"Infisical stand-in {version}" in server.log()
            server.halt()
        server.environ["INFISICAL_PLATFORM_VERSION"] = "v0.165.16"
        assert "the following files are missing: 20261101000000_secret-rotation-note.mjs" in refused(server)


def test_a_broken_version_spoils_its_database_and_does_not_start(postgres: Postgres, redis: Redis) -> None:
    with stopped(new_server(postgres, redis)) as server:
        server.up()
        server.halt()
        server.environ["INFISICAL_PLATFORM_VERSION"] = "v0.167.0-broken"
        assert "on purpose" in refused(server)
        server.environ["INFISICAL_PLATFORM_VERSION"] = "v0.165.16"
        assert "the following files are missing" in refused(server)


def test_a_blind_version_starts_and_reads_no_secret(postgres: Postgres, redis: Redis) -> None:
    with stopped(new_server(postgres, redis)) as server:
        server.environ["INFISICAL_PLATFORM_VERSION"] = "v0.167.0-blind"
        server.up()
        token = server.bootstrap().token
        project = server.request("POST", "/api/v1/projects", {"projectName": "x"}, token).body["project"]["id"]
        query = f"projectId={project}&environment=dev&secretPath=/"
        assert server.request("GET", f"/api/v4/secrets?{query}", token=token).status == 500


def test_it_waits_for_its_database_but_not_for_ever(postgres: Postgres, redis: Redis) -> None:
    environ = {"INFISICAL_STAND_IN_START_TIMEOUT": "1"}
    with stopped(Infisical("postgresql://u:hidden-password@127.0.0.1:9/x", redis.url, **environ)) as server:
        assert "PostgreSQL" in refused(server)
        assert "hidden-password" not in server.log()


def test_a_wrong_database_password_is_said_at_once(postgres: Postgres, redis: Redis) -> None:
    uri = postgres.uri.replace(postgres.password, "wrong")
    with stopped(Infisical(uri, redis.url)) as server:
        assert "password authentication failed" in refused(server)


def test_it_waits_for_redis_but_not_for_ever(postgres: Postgres, redis: Redis) -> None:
    environ = {"INFISICAL_STAND_IN_START_TIMEOUT": "1", "REDIS_URL": "redis://:hidden-password@127.0.0.1:9/0"}
    with stopped(new_server(postgres, redis, **environ)) as server:
        assert "Redis" in refused(server)
        assert "hidden-password" not in server.log()


def test_the_database_can_be_named_in_parts(postgres: Postgres, redis: Redis) -> None:
    parts = {
        "DB_CONNECTION_URI": "",
        "DB_HOST": "127.0.0.1",
        "DB_PORT": str(postgres.port),
        "DB_USER": "infisical",
        "DB_PASSWORD": postgres.password,
        "DB_NAME": "infisical",
    }
    with running(new_server(postgres, redis, **parts)) as server:
        assert server.request("GET", "/api/status").body["redisConfigured"] is True


def test_a_root_encryption_key_takes_the_place_of_an_encryption_key(postgres: Postgres, redis: Redis) -> None:
    key = {"ENCRYPTION_KEY": "", "ROOT_ENCRYPTION_KEY": base64.b64encode(secrets.token_bytes(32)).decode()}
    with running(new_server(postgres, redis, **key)) as server:
        server.bootstrap()
    with stopped(new_server(postgres, redis, **{**key, "ROOT_ENCRYPTION_KEY": "c2hvcnQ="})) as server:
        assert "ROOT_ENCRYPTION_KEY has 5 bytes" in refused(server)


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"DB_ROOT_CERT": "no base64"}, "DB_ROOT_CERT must be base64"),
        ({"DB_READ_REPLICAS": "postgres://replica/db"}, "DB_READ_REPLICAS must be a JSON list"),
        ({"REDIS_URL": "", "REDIS_SENTINEL_HOSTS": "sentinel"}, "REDIS_SENTINEL_HOSTS must be a list of HOST:PORT"),
    ],
)
def test_services_that_cannot_be_read_are_named(
    postgres: Postgres, redis: Redis, variables: dict[str, str], message: str
) -> None:
    with stopped(new_server(postgres, redis, **variables)) as server:
        assert message in refused(server)


def test_a_read_replica_must_be_there(postgres: Postgres, redis: Redis) -> None:
    def replicas(uri: str) -> dict[str, str]:
        return {"DB_READ_REPLICAS": json.dumps([{"DB_CONNECTION_URI": uri}]), "INFISICAL_STAND_IN_START_TIMEOUT": "1"}

    with running(new_server(postgres, redis, **replicas(postgres.uri))) as server:
        assert server.is_healthy()
    with stopped(new_server(postgres, redis, **replicas("postgresql://u:p@127.0.0.1:9/x"))) as server:
        assert "Cannot connect to PostgreSQL" in refused(server)


def test_a_database_without_tls_is_refused_where_a_certificate_is_given(
    postgres: Postgres, redis: Redis, tmp_path: Path
) -> None:
    certificate = base64.b64encode(Authority(tmp_path).certificate.read_bytes()).decode()
    environ = {"DB_ROOT_CERT": certificate, "INFISICAL_STAND_IN_START_TIMEOUT": "1"}
    with stopped(new_server(postgres, redis, **environ)) as server:
        assert "does not support SSL" in refused(server)


def test_a_redis_over_tls_is_trusted_by_its_authority_alone(postgres: Postgres, redis: Redis, tmp_path: Path) -> None:
    authority, port = Authority(tmp_path), str(free_port())
    certificate, key = map(str, authority.issue("127.0.0.1"))
    files = ("tls-cert-file", certificate, "tls-key-file", key, "tls-ca-cert-file", str(authority.certificate))
    with redis_client.Redis.from_url(redis.url) as client:
        client.config_set(*files, "tls-auth-clients", "no", "tls-port", port)
        address = redis.url.replace("redis://", "rediss://").replace(str(redis.port), port)
        environ = {"REDIS_URL": address, "INFISICAL_STAND_IN_START_TIMEOUT": "1"}
        with stopped(new_server(postgres, redis, **environ)) as server:
            assert "certificate verify failed" in refused(server)
            server.environ["NODE_EXTRA_CA_CERTS"] = str(authority.certificate)
            server.up()
        client.config_set("tls-port", "0")


def test_it_says_whether_mail_is_configured(postgres: Postgres, redis: Redis) -> None:
    with infisical_server(postgres, redis, SMTP_HOST="mail.homelab.example") as server:
        assert server.request("GET", "/api/status").body["emailConfigured"] is True


def test_it_is_healthy_a_second_after_its_start(postgres: Postgres, redis: Redis) -> None:
    """Measured in its own processor time: the machine may be busy."""
    with infisical_server(postgres, redis) as server:
        assert server.process is not None
        fields = Path(f"/proc/{server.process.pid}/stat").read_text().rpartition(")")[2].split()
        seconds = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        assert seconds < 1


def test_two_that_start_at_once_make_one_schema_and_one_key(postgres: Postgres, redis: Redis) -> None:
    first = new_server(postgres, redis)
    second = Infisical(first.environ["DB_CONNECTION_URI"], redis.url)
    for name in ("ENCRYPTION_KEY", "AUTH_SECRET"):
        second.environ[name] = first.environ[name]
    with stopped(first), stopped(second):
        first.launch()
        second.launch()
        for server in (first, second):
            server.wait_until(server.is_healthy)
        account = first.bootstrap()
        assert second.request("GET", "/api/v1/projects", None, account.token).status == 200


def with_canary(server: Infisical) -> tuple[str, dict[str, str], str]:
    """A token, the place of a secret with the canary in it, and a client secret."""
    account = server.bootstrap()
    made = server.request("POST", "/api/v1/projects", {"projectName": "x"}, account.token).body["project"]["id"]
    place = {"projectId": made, "environment": "dev", "secretPath": "/"}
    body = {**place, "secretValue": CANARY, "secretComment": CANARY}
    assert server.request("POST", "/api/v4/secrets/NAME", body, account.token).status == 200
    _, client_secret = server.identity(account, "x", made, "viewer")
    return account.token, place, client_secret


def test_neither_the_database_nor_the_log_holds_a_secret_in_clear(postgres: Postgres, redis: Redis) -> None:
    with infisical_server(postgres, redis) as server:
        token, _, client_secret = with_canary(server)
        dump = postgres.dump(server.environ["DB_CONNECTION_URI"].rpartition("/")[2])
        assert "NAME" in dump
        for text in (CANARY, CANARY.encode().hex(), client_secret, token, server.environ["ENCRYPTION_KEY"]):
            assert text not in dump
            assert text not in server.log()


def test_a_dump_restored_elsewhere_is_read_with_the_same_keys_only(postgres: Postgres, redis: Redis) -> None:
    with infisical_server(postgres, redis) as server:
        token, place, _ = with_canary(server)
        dump = postgres.dump(server.environ["DB_CONNECTION_URI"].rpartition("/")[2])
        keys = {name: server.environ[name] for name in ("ENCRYPTION_KEY", "AUTH_SECRET")}
    uri = postgres.create_database(f"restored_{secrets.token_hex(4)}")
    psql = [postgres.program("psql"), "-Xq", "-v", "ON_ERROR_STOP=1", uri]
    subprocess.run(psql, input=dump, text=True, check=True, capture_output=True)
    with running(Infisical(uri, redis.url, **keys)) as restored:
        query = "&".join(f"{name}={value}" for name, value in place.items())
        reply = restored.request("GET", f"/api/v4/secrets/NAME?{query}", None, token)
        assert reply.body["secret"]["secretValue"] == CANARY
    with stopped(Infisical(uri, redis.url)) as other:
        assert "key label" in refused(other)


def test_a_restarted_database_is_no_end(redis: Redis) -> None:
    with postgres_server() as own, infisical_server(own, redis) as server:
        account = server.bootstrap()
        own.halt()
        assert server.request("GET", "/api/v1/projects", None, account.token).status == 500
        own.run()
        limit = time.monotonic() + 10
        while (status := server.request("GET", "/api/v1/projects", None, account.token).status) != 200:
            assert time.monotonic() < limit, status
            time.sleep(0.05)


def test_limits_count_secret_requests_a_minute_when_turned_on(postgres: Postgres, redis: Redis) -> None:
    redis.flush()
    with infisical_server(postgres, redis, INFISICAL_STAND_IN_RATE_LIMIT="3") as server:
        token, place, _ = with_canary(server)
        path = "/api/v4/secrets?" + "&".join(f"{name}={value}" for name, value in place.items())
        replies = [server.request("GET", path, None, token) for _ in range(4)]
        assert [reply.status for reply in replies] == [200, 200, 200, 429]
        assert [reply.headers["x-ratelimit-remaining"] for reply in replies] == ["2", "1", "0", "0"]
        assert 0 < int(replies[3].headers["retry-after"]) <= 60
        assert replies[3].body["error"] == "RateLimitExceeded"
    redis.flush()
