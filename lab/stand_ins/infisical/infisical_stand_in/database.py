# SPDX-License-Identifier: GPL-3.0-or-later
"""PostgreSQL: a small pool of connections, and short ways to say the usual statements."""

from __future__ import annotations

import queue
import re
import tempfile
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg import sql
from psycopg.rows import dict_row

from .errors import StartError
from .settings import Database

Row = dict[str, Any]
POOL_SIZE = 12


class Db:
    """One connection inside one transaction."""

    def __init__(self, connection: psycopg.Connection[Row]) -> None:
        self.connection = connection

    def all(self, statement: str, *values: Any) -> list[Row]:
        return self.connection.execute(statement.encode(), values).fetchall()

    def one(self, statement: str, *values: Any) -> Row | None:
        return self.connection.execute(statement.encode(), values).fetchone()

    def the(self, statement: str, *values: Any) -> Row:
        """The row that is known to be there."""
        return _existing(self.one(statement, *values))

    def run(self, statement: str, *values: Any) -> int:
        """The number of rows that were touched."""
        return self.connection.execute(statement.encode(), values).rowcount

    def insert(self, table: str, **values: Any) -> Row:
        statement = sql.SQL("INSERT INTO {} ({}) VALUES ({}) RETURNING *").format(
            sql.Identifier(table), _names(values), sql.SQL(", ").join(sql.Placeholder() * len(values))
        )
        return _existing(self.connection.execute(statement, list(values.values())).fetchone())

    def insert_many(self, table: str, rows: Sequence[Mapping[str, Any]]) -> None:
        """Insert rows that all have the same columns."""
        if not rows:
            return
        statement = sql.SQL("INSERT INTO {} ({}) VALUES ({})").format(
            sql.Identifier(table), _names(rows[0]), sql.SQL(", ").join(sql.Placeholder() * len(rows[0]))
        )
        with self.connection.cursor() as cursor:
            cursor.executemany(statement, [list(row.values()) for row in rows])

    def update(self, table: str, row_id: Any, **values: Any) -> Row:
        """Set columns of one row, and its `updatedAt`."""
        columns = [sql.SQL("{} = %s").format(sql.Identifier(name)) for name in values]
        columns.append(sql.SQL("{} = clock_timestamp()").format(sql.Identifier("updatedAt")))
        statement = sql.SQL("UPDATE {} SET {} WHERE id = %s RETURNING *").format(
            sql.Identifier(table), sql.SQL(", ").join(columns)
        )
        return _existing(self.connection.execute(statement, [*values.values(), row_id]).fetchone())


def _existing(row: Row | None) -> Row:
    if row is None:
        raise LookupError("a row that must exist is missing")
    return row


def _names(values: Mapping[str, Any]) -> sql.Composed:
    return sql.SQL(", ").join(sql.Identifier(name) for name in values)


def as_id(text: str) -> uuid.UUID | None:
    """An id from outside; None for what cannot be one, which is then simply not found."""
    try:
        return uuid.UUID(text)
    except ValueError:
        return None


class Pool:
    """Connections that outlive requests. A broken one is replaced, so a restarted database is no end of us."""

    def __init__(self, database: Database) -> None:
        self.uri, self.options = _connection(database)
        self.slots: queue.LifoQueue[psycopg.Connection[Row] | None] = queue.LifoQueue()
        for _ in range(POOL_SIZE):
            self.slots.put(None)

    @contextmanager
    def transaction(self) -> Iterator[Db]:
        """Commit at the end, roll back on an exception."""
        connection = self._usable(self.slots.get())
        try:
            with connection.transaction():
                yield Db(connection)
        finally:
            self.slots.put(None if connection.closed else connection)

    def _usable(self, connection: psycopg.Connection[Row] | None) -> psycopg.Connection[Row]:
        try:
            if connection is not None:
                connection.execute("SELECT 1")
                return connection
        except psycopg.OperationalError:
            pass
        try:
            return self._connect()
        except psycopg.OperationalError:
            self.slots.put(None)
            raise

    def _connect(self) -> psycopg.Connection[Row]:
        return psycopg.connect(self.uri, autocommit=True, row_factory=dict_row, connect_timeout=5, **self.options)

    def wait(self, seconds: int) -> None:
        """Wait until the database answers. Raises StartError, without the URI, which holds a password."""
        limit = time.monotonic() + seconds
        while True:
            try:
                with self.transaction() as db:
                    db.run("SELECT 1")
                return
            except psycopg.OperationalError as error:
                if time.monotonic() > limit or "authentication failed" in str(error):
                    raise StartError(f"Cannot connect to PostgreSQL: {_first_line(error)}") from None
            time.sleep(0.1)


def _connection(database: Database) -> tuple[str, dict[str, Any]]:
    """The address, and libpq's options for what the server's own driver does about TLS.

    That driver checks a certificate wherever it speaks TLS. It uses DB_ROOT_CERT for it, but not when the address says
    anything about ssl itself: https://node-postgres.com/features/ssl#usage-with-connectionstring
    """
    asked = re.search(r"[?&]sslmode=([a-z-]+)", database.uri)
    uri = re.sub(r"[?]$", "", re.sub(r"(?<=[?&])ssl[a-z]*=[^&]*&?", "", database.uri))
    if asked is None:
        return uri, _verified(_file(database)) if database.root_cert else {"sslmode": "disable"}
    modes = {"disable": "disable", "no-verify": "require"}
    return uri, {"sslmode": modes[asked[1]]} if asked[1] in modes else _verified("system")


def _verified(authority: str) -> dict[str, Any]:
    return {"sslmode": "verify-full", "sslrootcert": authority}


def _file(database: Database) -> str:
    """The certificate in a file, which is how libpq takes it."""
    with tempfile.NamedTemporaryFile("w", suffix=".pem", delete=False) as file:
        file.write(database.root_cert)
    return file.name


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
