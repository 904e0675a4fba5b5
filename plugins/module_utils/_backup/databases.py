# Copyright: (c) 2026, The omakase.homelab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The databases that Infisical keeps its data in, and how each is dumped and put back."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import time
import urllib.parse
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

from .commands import BackupError, last_words, pipe, pour, run, start
from .contents import Contents, read, statements
from .stack import Container, Stack, tag_of

# A container is no child of ours, and does not inherit that we let the server go first.
_LAST = ("nice", "-n", "19")
# In the names of databases beside the one that is used: not yet in its place, kept on purpose, and to be dropped.
RESTORED, BEFORE, REPLACED = "restored", "before", "replaced"
# All that there is to ask, at once: each command in a container costs more than what it asks.
_BEGIN = b"""BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;
SELECT pg_export_snapshot(), current_setting('server_version'), pg_database_size(current_database());
"""
# What the database itself does for a dump, it does in processes of the user whom its container's commands run as. The
# second is pg_dump's: a session that is told this waits for it, a second at most, while pg_dump is started.
_LAST_AS_WELL = rb"""SELECT pg_backend_pid() AS own \gset
\set said `renice -n 19 -p :own 2>/dev/null`
DO $$BEGIN
    FOR look IN 1..50 LOOP
        PERFORM pg_stat_clear_snapshot();
        EXIT WHEN EXISTS (SELECT FROM pg_stat_activity WHERE application_name = 'pg_dump');
        PERFORM pg_sleep(0.02);
    END LOOP;
END$$;
SELECT coalesce(string_agg(pid::text, ' '), :own::text) AS dumps
    FROM pg_stat_activity WHERE application_name = 'pg_dump' \gset
\set said `renice -n 19 -p :dumps 2>/dev/null`
"""
# libpq takes the authority's certificate from a file only.
_WITH_AUTHORITY = (
    'if [ -n "$CA" ]; then export PGSSLROOTCERT=/tmp/ca.pem; echo "$CA" | base64 -d >/tmp/ca.pem; fi; exec {words}'
)


class Dumped(NamedTuple):
    """What a dump holds. database: the kind and version, and the bytes that it takes on its disk, 0 if not known."""

    contents: Contents
    database: dict[str, Any]


class Postgres:
    """PostgreSQL in the stack, by its socket, where no password is asked for."""

    kind = "postgresql"
    part = "database.dump"
    _before_dump = _LAST_AS_WELL

    def __init__(self, stack: Stack, user: str, name: str, containers: Mapping[str, Container] | None = None) -> None:
        self.stack, self.user, self.name, self.containers = stack, user, name, containers

    @cached_property
    def container(self) -> str:
        """Looked up once: each look costs more than what most commands do."""
        return self.stack.running("db", self.containers).id

    def command(self, program: str, *arguments: str, before: Sequence[str] = ()) -> list[str]:
        """How a program of PostgreSQL's is run on the database; `before` it, what runs it."""
        within = ["docker", "exec", "--interactive", self.container, *before]
        return [*within, program, f"--username={self.user}", *arguments]

    @property
    def variables(self) -> dict[str, str]:
        """The variables that such a command needs."""
        return {}

    def sql(self, statements: str, database: str = "") -> str:
        """Run SQL, handed over by standard input; the rows, with tabs between their fields."""
        return run(self._psql(database or self.name), env=self.variables, stdin=statements).strip()

    def contents(self, key: bytes, database: str = "") -> Contents:
        """What it holds, in numbers and digests."""
        with start(self._psql(database or self.name), env=self.variables, stdin=subprocess.PIPE) as session:
            return _told(session, statements(key), key)

    def dump(self, target: Path, key: bytes) -> Dumped:
        """Dump in PostgreSQL's own format while the server runs; what it holds at that very moment."""
        # Its snapshot is lent to pg_dump, so that dump and digests see the same database.
        with start(self._psql(self.name, before=_LAST), env=self.variables, stdin=subprocess.PIPE) as session:
            snapshot, version, size = _ask(session, _BEGIN).split("\t")
            _tell(session, self._before_dump)
            # What is encrypted gets 3 % smaller with more effort, which takes twice the time.
            options = ("--format=custom", "--compress=1", f"--snapshot={snapshot}", f"--dbname={self.name}")
            with target.open("wb") as out:
                pour(self.command("pg_dump", *options, before=_LAST), out, env=self.variables)
            contents = _told(session, f"{statements(key)}COMMIT;\n", key)
        return Dumped(contents, {"kind": self.kind, "version": version, "bytes": int(size)})

    def root_keys(self) -> list[dict[str, Any]]:
        """The server's root keys, sealed with its ENCRYPTION_KEY: one, or up to three while that key is rotated."""
        if self.sql("SELECT to_regclass('public.kms_root_config') IS NOT NULL;") != "t":
            return []
        return [json.loads(line) for line in self.sql("SELECT row_to_json(k) FROM kms_root_config k;").splitlines()]

    def accepts(self, password: str) -> bool:
        """Whether it lets its user in with the password, asked by its network address as the server does."""
        command = ["docker", "exec", "--env", "PGPASSWORD", self.container, "psql", "--no-psqlrc"]
        command += ["--host=db", f"--username={self.user}", f"--dbname={self.name}", "--command=SELECT 1"]
        return _lets_in(command, {"PGPASSWORD": password})

    def restore(self, dump: Path, expected: Contents, key: bytes, password: str, aside: str) -> str:
        """Put a dump in the place of the database, which is kept under a name with `aside` in it; that name.

        It is restored beside it, compared, and then renamed: at every moment one of the two is whole.
        """
        stamp = _stamp()
        new, old = f"{self.name}_{RESTORED}_{stamp}", f"{self.name}_{aside}_{stamp}"
        self.drop(*self.beside(RESTORED))  # what a killed restore has left
        self.sql(f"CREATE DATABASE {_identifier(new)} TEMPLATE template0;", "template1")
        try:
            options = ("--exit-on-error", "--no-owner", "--single-transaction", f"--dbname={new}")
            with dump.open("rb") as source:
                run(self.command("pg_restore", *options), env=self.variables, stdin=source)
            differing = expected.differences(self.contents(key, new))
            if differing:
                raise BackupError(f"The dump is not what the manifest tells: {', '.join(differing)}")
        except BaseException:
            self.drop(new)
            raise
        self.exchange(new, old, password)
        return old

    def exchange(self, new: str, old: str, password: str) -> None:
        """Let a database take the place of the one that is used, which gets the name `old`: all of it, or nothing.

        password: that of its user from now on.
        """
        self.sql(
            f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = {_literal(self.name)};"  # noqa: S608
            f"BEGIN; ALTER DATABASE {_identifier(self.name)} RENAME TO {_identifier(old)};"
            f"ALTER DATABASE {_identifier(new)} RENAME TO {_identifier(self.name)};"
            f"ALTER ROLE {_identifier(self.user)} PASSWORD {_literal(password)}; COMMIT;",
            "template1",
        )

    def put_back(self, kept: str, password: str) -> None:
        """Undo a `restore`: the database that it kept under that name is used again, and what it restored is gone."""
        failed = f"{self.name}_{RESTORED}_{_stamp()}"
        self.exchange(kept, failed, password)
        self.drop(failed)

    def beside(self, word: str) -> list[str]:
        """The databases of such a name that restores have left beside it."""
        names = self.sql("SELECT datname FROM pg_database;", "template1").splitlines()
        return [name for name in names if re.fullmatch(rf"{re.escape(self.name)}_{word}_[0-9]{{14}}", name)]

    def drop(self, *names: str) -> None:
        """Remove databases that `restore` has made or set aside, also from whoever still works in them."""
        for name in names:
            self.sql(f"DROP DATABASE IF EXISTS {_identifier(name)} WITH (FORCE);", "template1")

    def _psql(self, database: str, before: Sequence[str] = ()) -> list[str]:
        plain = ("--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--field-separator=\t")
        return self.command("psql", *plain, "--set=ON_ERROR_STOP=1", f"--dbname={database}", before=before)


class ExternalPostgres(Postgres):
    """PostgreSQL elsewhere, by the address that the server uses, through a container that is gone afterwards."""

    _before_dump = b""  # its processes are on another machine

    def __init__(self, stack: Stack, image: str, pull: str = "missing") -> None:
        self._variables = libpq(stack.environment(stack.server))
        super().__init__(stack, self._variables["PGUSER"], self._variables["PGDATABASE"])
        self.image, self.pull = image, pull

    @property
    def variables(self) -> dict[str, str]:
        return self._variables

    def command(self, program: str, *arguments: str, before: Sequence[str] = ()) -> list[str]:
        names = [f"--env={name}" for name in self._variables]
        script = _WITH_AUTHORITY.format(words=shlex.join([*before, program, *arguments]))
        runs = ["docker", "run", "--rm", "--interactive", f"--pull={self.pull}", "--network=host", *names]
        return [*runs, "--entrypoint=sh", self.image, "-c", script]

    def accepts(self, password: str) -> bool:
        return _lets_in(self.command("psql", "--no-psqlrc", "--command=SELECT 1"), {**self._variables})


class Mongo:
    """MongoDB, in which Infisical kept its data until February 2024. Its service is called mongo."""

    kind = "mongodb"
    part = "mongo.archive.gz"

    def __init__(self, stack: Stack) -> None:
        self.stack = stack

    def dump(self, target: Path, key: bytes) -> Dumped:
        """Dump while it runs. Nothing of it is counted."""
        variables, mongo = self.stack.environment("mongo"), self.stack.running("mongo")
        user = variables.get("MONGO_INITDB_ROOT_USERNAME", "")
        command = [
            "docker",
            "exec",
            "--interactive",
            mongo.id,
            "mongodump",
            "--archive",
            "--gzip",
        ]
        password = None
        if user:
            command += ["--authenticationDatabase=admin", f"--username={user}", "--config=/dev/stdin"]
            password = f"password: {json.dumps(variables.get('MONGO_INITDB_ROOT_PASSWORD', ''))}\n"
        with target.open("wb") as out:
            run(command, stdin=password, stdout=out)
        if target.stat().st_size == 0:
            raise BackupError("mongodump wrote nothing")
        return Dumped(Contents(), {"kind": self.kind, "version": tag_of(mongo.image), "bytes": 0})


def database_of(stack: Stack, image: str = "", containers: Mapping[str, Container] | None = None) -> Postgres | Mongo:
    """The database of the stack; one elsewhere is reached through a container of the image. Raises BackupError.

    containers: what the stack has told of them just now.
    """
    if stack.has_own_database:
        return own_postgres(stack, containers)
    if "mongo" in stack.services():
        return Mongo(stack)
    if not image:
        raise BackupError(f"{stack.directory} has no service called db, and no image that holds pg_dump is given")
    return ExternalPostgres(stack, image)


def own_postgres(stack: Stack, containers: Mapping[str, Container] | None = None) -> Postgres:
    """The PostgreSQL in the stack; for containers see database_of."""
    variables = stack.environment("db")
    user = variables.get("POSTGRES_USER") or "postgres"
    return Postgres(stack, user, variables.get("POSTGRES_DB") or user, containers)


def libpq(variables: Mapping[str, str]) -> dict[str, str]:
    """The variables of PostgreSQL's programs for the database that the server's name. Raises BackupError."""
    uri = urllib.parse.urlsplit(variables.get("DB_CONNECTION_URI", ""))
    mode = dict(urllib.parse.parse_qsl(uri.query)).get("sslmode", "")
    found = {
        "PGHOST": uri.hostname or variables.get("DB_HOST", ""),
        "PGPORT": str(uri.port or variables.get("DB_PORT") or 5432),
        "PGUSER": urllib.parse.unquote(uri.username or "") or variables.get("DB_USER", ""),
        "PGPASSWORD": urllib.parse.unquote(uri.password or "") or variables.get("DB_PASSWORD", ""),
        "PGDATABASE": urllib.parse.unquote(uri.path[1:]) or variables.get("DB_NAME", ""),
        "PGSSLMODE": mode,
        "CA": variables.get("DB_ROOT_CERT", ""),
    }
    if not (found["PGHOST"] and found["PGUSER"] and found["PGDATABASE"]):
        raise BackupError("Neither DB_CONNECTION_URI nor DB_HOST, DB_USER and DB_NAME say where the database is")
    return {name: value for name, value in found.items() if value}


def _stamp() -> str:
    return time.strftime("%Y%m%d%H%M%S", time.gmtime())


def _tell(session: subprocess.Popen[bytes], statements: bytes) -> None:
    """Hand statements to a session that stays open, without waiting for what they do."""
    with suppress(BrokenPipeError):  # its own words say why
        pipe(session.stdin).write(statements)
        pipe(session.stdin).flush()


def _ask(session: subprocess.Popen[bytes], statements: bytes) -> str:
    """The first line of the answer to statements that leave the session open. Raises BackupError."""
    _tell(session, statements)
    answer = pipe(session.stdout).readline().decode().strip()
    if not answer:
        raise BackupError(f"The database cannot be read: {last_words(pipe(session.stderr).read())}")
    return answer


def _told(session: subprocess.Popen[bytes], asked: str, key: bytes) -> Contents:
    """The answer to the last statements of a session. Raises BackupError."""
    with suppress(BrokenPipeError):  # its own words say why
        pipe(session.stdin).write(asked.encode())
        pipe(session.stdin).close()
    found = read(pipe(session.stdout), key)
    words = pipe(session.stderr).read()
    if session.wait() != 0:
        raise BackupError(f"The contents of the database cannot be determined: {last_words(words)}")
    return found


def _lets_in(command: list[str], variables: Mapping[str, str]) -> bool:
    try:
        run(command, env=variables)
    except BackupError as error:
        if "authentication failed" in str(error):
            return False
        raise
    return True


def _identifier(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
