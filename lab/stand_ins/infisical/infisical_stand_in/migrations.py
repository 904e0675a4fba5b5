# SPDX-License-Identifier: GPL-3.0-or-later
"""The schema, and the migrations by which versions differ, in a ledger like the real server's: an older server refuses
a database that a newer one has migrated.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib import resources

from .database import Db, Pool
from .errors import StartError
from .log import log

LOCK = 20261124
# The tags of versions that stand for an upgrade gone wrong: one does not start, the other starts and reads no secret.
BROKEN = "-broken"
BLIND = "-blind"
LEDGER = """CREATE TABLE IF NOT EXISTS infisical_migrations (
    id serial PRIMARY KEY, name text NOT NULL UNIQUE, migration_time timestamptz NOT NULL DEFAULT clock_timestamp())"""


@dataclass(frozen=True)
class Migration:
    """A change of the schema, and the first version that makes it."""

    since: tuple[int, ...]
    name: str
    statement: str


MIGRATIONS = [
    Migration((0, 0, 0), "20260901000000_secret-reminder.mjs", "SELECT 1"),
    Migration(
        (0, 166, 0), "20261101000000_secret-rotation-note.mjs", 'ALTER TABLE secrets_v2 ADD COLUMN "rotationNote" text'
    ),
]
BREAKING = Migration((0, 167, 0), "20261201000000_broken.mjs", "ALTER TABLE secrets_v2 RENAME TO secrets_v2_lost")


def migrate(pool: Pool, version: str) -> None:
    """Bring the schema up to date. Several servers may start at once: the first takes the lock. Raises StartError."""
    own = [migration for migration in MIGRATIONS if migration.since <= _numbers(version)]
    with pool.transaction() as db:
        db.run("SELECT pg_advisory_xact_lock(%s)", LOCK)
        db.run(LEDGER)
        done = [row["name"] for row in db.all("SELECT name FROM infisical_migrations ORDER BY id")]
        unknown = [name for name in done if name not in {migration.name for migration in own}]
        if unknown:
            raise StartError(
                f"The migration directory is corrupt, the following files are missing: {', '.join(unknown)}"
            )
        schema = resources.files(__package__).joinpath("schema.sql").read_text(encoding="utf-8")
        db.connection.execute(schema.encode())
        for migration in own:
            if migration.name not in done:
                _perform(db, migration)
    if version.endswith((BROKEN, BLIND)):
        _spoil(pool)
    if version.endswith(BROKEN):
        raise StartError(f"Migration {BREAKING.name} failed: this version spoils its database on purpose")


def _perform(db: Db, migration: Migration) -> None:
    log("INFO", f"Migration {migration.name}")
    db.run(migration.statement)
    db.run("INSERT INTO infisical_migrations (name) VALUES (%s)", migration.name)


def _spoil(pool: Pool) -> None:
    """Leave the database as a migration does that fails half-way."""
    with pool.transaction() as db:
        if db.one("SELECT 1 FROM pg_tables WHERE tablename = 'secrets_v2_lost'") is None:
            _perform(db, BREAKING)


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(map(int, re.findall(r"\d+", version)[:3]))
