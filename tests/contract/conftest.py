# SPDX-License-Identifier: GPL-3.0-or-later
"""One PostgreSQL and one Redis for all contract tests; each stand-in has a database of its own."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.servers import (
    REPOSITORY,
    Account,
    Infisical,
    Postgres,
    Redis,
    infisical_server,
    postgres_server,
    redis_server,
)

CONTRACT = REPOSITORY.parent / "shared" / "contract"


def contract_file(name: str) -> Any:
    """A file of the contract, which is kept beside the checkout; None where it is not there."""
    path: Path = CONTRACT / name
    return json.loads(path.read_text()) if path.exists() else None


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
