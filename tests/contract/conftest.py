# SPDX-License-Identifier: GPL-3.0-or-later
"""One PostgreSQL and one Redis for all contract tests; each stand-in has a database of its own."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.servers import (
    Account,
    Infisical,
    Postgres,
    Redis,
    infisical_server,
    postgres_server,
    redis_server,
)


def recorded(name: str) -> Any:
    """What was written down of real servers, tokens and client secrets masked.

    recordings.json: what one of October 2024 answered to an administrator and a machine identity on 24 November 2026.
    current-2026-05.json: fields and types of 13 operations, from the vendor's description of May 2026; `?` ends an
    optional one.
    """
    return json.loads((Path(__file__).parent / "recorded" / name).read_text())


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    with postgres_server() as server:
        yield server


@pytest.fixture(scope="session")
def redis() -> Iterator[Redis]:
    with redis_server() as server:
        yield server


@pytest.fixture(scope="module")
def infisical(postgres: Postgres, redis: Redis) -> Iterator[Infisical]:
    """The stand-in of the current era, empty."""
    redis.flush()
    with infisical_server(postgres, redis) as server:
        yield server


@pytest.fixture(scope="module")
def admin(infisical: Infisical) -> Account:
    return infisical.bootstrap()
