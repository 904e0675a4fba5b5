# SPDX-License-Identifier: GPL-3.0-or-later
"""PostgreSQL and Redis fail beneath the server while Ansible reads it: it ends in words and soon, and reads again."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import psycopg
import pytest

from tests.integration.conftest import Ansible, Vault, vault_on
from tests.integration.test_lookup_runs import NAME, ONE, check, debug
from tests.support.faults import FaultyProxy
from tests.support.servers import Postgres, Redis, Server, infisical_server, postgres_server, redis_server

LIMIT = 60  # seconds for a run that is told to give up after a second and one repeat; alone it takes five
IMPATIENT = {"infisical_timeout": 1, "infisical_retries": 1}


@pytest.fixture(scope="module")
def below() -> Iterator[tuple[Postgres, Redis]]:
    """Servers that nobody else uses."""
    with postgres_server() as postgres, redis_server() as redis:
        yield postgres, redis


@pytest.fixture(scope="module")
def vault(below: tuple[Postgres, Redis]) -> Iterator[Vault]:
    with infisical_server(*below) as server, FaultyProxy(server.base_url).running() as proxy:
        vault = vault_on(server, proxy)
        vault.put(A="one")
        yield vault


def family(server: Server) -> list[int]:
    """The server's process and its children."""
    assert server.process is not None
    first = server.process.pid
    return [first, *map(int, Path(f"/proc/{first}/task/{first}/children").read_text().split())]


@contextmanager
def stopped(server: Server) -> Iterator[None]:
    """It holds its connections and says nothing, as a container that is paused."""
    members = family(server)
    for process in members:
        os.kill(process, signal.SIGSTOP)
    try:
        yield
    finally:
        for process in members:
            os.kill(process, signal.SIGCONT)


@contextmanager
def postgres_killed(postgres: Postgres) -> Iterator[None]:
    children = family(postgres)[1:]
    postgres.halt(signal.SIGKILL)
    limit = time.monotonic() + 10
    while any(Path(f"/proc/{child}").exists() for child in children):  # they end when they miss their parent
        assert time.monotonic() < limit
        time.sleep(0.02)
    try:
        yield
    finally:
        postgres.run()


@contextmanager
def redis_killed(redis: Redis) -> Iterator[None]:
    redis.halt(signal.SIGKILL)
    try:
        yield
    finally:
        redis.up()


@contextmanager
def without_connections(postgres: Postgres) -> Iterator[None]:
    """Somebody else holds every connection that the database allows."""
    held: list[psycopg.Connection] = []

    def hold_all() -> None:
        while True:
            try:
                held.append(psycopg.connect(postgres.uri, autocommit=True))
            except psycopg.OperationalError as error:
                assert "too many clients" in str(error), error
                return

    try:
        hold_all()
        mine = [connection.info.backend_pid for connection in held]
        held[0].execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
            " WHERE backend_type = 'client backend' AND pid <> ALL(%s)",
            [mine],
        )
        hold_all()
        yield
    finally:
        for connection in held:
            connection.close()


FAILURES: dict[str, Callable[[Postgres, Redis], AbstractContextManager[None]]] = {
    "PostgreSQL killed": lambda postgres, redis: postgres_killed(postgres),
    "PostgreSQL paused": lambda postgres, redis: stopped(postgres),
    "PostgreSQL out of connections": lambda postgres, redis: without_connections(postgres),
    "Redis killed": lambda postgres, redis: redis_killed(redis),
    "Redis paused": lambda postgres, redis: stopped(redis),
}


QUICK = ("PostgreSQL killed", "PostgreSQL paused")


@pytest.mark.parametrize(
    "failure", [pytest.param(name, marks=[] if name in QUICK else pytest.mark.soak) for name in FAILURES]
)
def test_a_run_ends_in_words_and_the_next_one_reads_again(
    below: tuple[Postgres, Redis], vault: Vault, ansible: Ansible, failure: str
) -> None:
    with FAILURES[failure](*below):
        began = time.monotonic()
        run = ansible.play(debug(ONE), hosts=2, variables={**vault.variables, **IMPATIENT})
        took = time.monotonic() - began
    assert run.status != 0 and took < LIMIT, (took, run.output)
    said = " ".join(run.output.split())
    silent = "paused" in failure
    words = (
        "gave no answer to POST /api/v1/auth/universal-auth/login in 2 attempts" if silent else "(500 DatabaseError)"
    )
    assert f"{vault.proxy.url} " in said and words in said, run.output
    assert "Traceback" not in said and vault.client_secret not in said
    again = ansible.play(check(f"lookup('{NAME}', 'A') == 'one'"), hosts=2, variables=vault.variables)
    assert again.status == 0, again.output
