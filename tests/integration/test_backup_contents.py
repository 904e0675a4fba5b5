# SPDX-License-Identifier: GPL-3.0-or-later
"""Dumps of a real PostgreSQL with the stand-in's tables, held against what the manifest tells of them."""

from __future__ import annotations

import os
import secrets
import tracemalloc
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psycopg
import pytest
from ansible_collections.omakase.homelab.plugins.module_utils._backup import databases
from ansible_collections.omakase.homelab.plugins.module_utils._backup.commands import BackupError, pour
from ansible_collections.omakase.homelab.plugins.module_utils._backup.contents import SECRETS, Contents
from ansible_collections.omakase.homelab.plugins.module_utils._backup.stack import Stack

from lab.shell import wait_for
from tests.support.servers import Postgres

ROOT = Path(__file__).resolve().parents[2]
SCHEMA = ROOT / "lab/stand_ins/infisical/infisical_stand_in/schema.sql"
KEY = b"k" * 32
# So many folders, each with 50 secrets of two versions
FILL = """
INSERT INTO organizations (id, name, slug) VALUES ('00000000-0000-0000-0000-000000000001', 'o', 'o');
INSERT INTO projects (id, name, slug, "orgId", "encryptedDataKey")
    VALUES ('00000000-0000-0000-0000-000000000001', 'p', 'p', '00000000-0000-0000-0000-000000000001', '\\xabcd');
INSERT INTO project_environments (id, name, slug, position, "projectId")
    VALUES ('00000000-0000-0000-0000-000000000001', 'd', 'dev', 1, '00000000-0000-0000-0000-000000000001');
INSERT INTO secret_folders (name, "envId")
    SELECT 'folder' || n, '00000000-0000-0000-0000-000000000001' FROM generate_series(1, {folders}) n;
INSERT INTO secrets_v2 (id, version, type, key, "encryptedValue", "encryptedComment", metadata, "tagIds", "folderId",
                        actor, "createdAt", "updatedAt")
    SELECT gen_random_uuid(), 2, 'shared', 'KEY' || n, sha256(random()::text::bytea), '', '[]', '{{}}', id,
    '{{}}', now(), now() FROM secret_folders, generate_series(1, 50) n;
INSERT INTO secret_versions_v2
    SELECT id, n, key, sha256((n || key)::bytea), '', '{{}}', now() FROM secrets_v2, generate_series(1, 2) n;
"""


class Local(databases.Postgres):
    """One that is reached without a container."""

    def __init__(self, server: Postgres, name: str) -> None:
        super().__init__(Stack(Path("/nowhere")), "infisical", name)
        self.server = server

    def command(self, program: str, *arguments: str, before: Sequence[str] = ()) -> list[str]:
        address = ["--host=127.0.0.1", f"--port={self.server.port}", "--username=infisical"]
        return [*before, self.server.program(program), *address, *arguments]

    @property
    def variables(self) -> dict[str, str]:
        return {"PGPASSWORD": self.server.password}


def made(postgres: Postgres, folders: int) -> Local:
    found = Local(postgres, f"vault_{secrets.token_hex(4)}")
    postgres.create_database(found.name)
    found.sql(SCHEMA.read_text() + FILL.format(folders=folders))
    return found


@pytest.fixture(scope="module")
def large(postgres: Postgres) -> Local:
    """10,000 secrets in 200 folders."""
    return made(postgres, 200)


@pytest.fixture(scope="module")
def database(postgres: Postgres) -> Local:
    """50 secrets, which the tests change."""
    return made(postgres, 1)


def restored(database: Local, dump: Path, expected: Contents, key: bytes = KEY) -> str:
    return database.restore(dump, expected, key, database.server.password, databases.REPLACED)


def test_what_is_brought_back_is_what_was_told_when_it_was_dumped(large: Local, tmp_path: Path) -> None:
    told = large.dump(tmp_path / "dump", KEY).contents
    assert told.rows["secrets_v2"] == 10_000 and told.rows["secret_versions_v2"] == 20_000
    assert {*told.digests} == {*SECRETS[2:], "projects"}
    large.sql("DELETE FROM secrets_v2")
    restored(large, tmp_path / "dump", told)
    assert large.contents(KEY) == told


def test_telling_takes_no_more_memory_for_more_secrets(large: Local, database: Local) -> None:
    def peak(asked: Local) -> int:
        tracemalloc.start()
        asked.contents(KEY)
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    assert peak(large) < peak(database) + 50_000


def test_a_dump_tells_the_version_and_the_size(large: Local, tmp_path: Path) -> None:
    about = large.dump(tmp_path / "dump", KEY).database
    assert about["kind"] == "postgresql" and float(about["version"].split()[0]) >= 14 and about["bytes"] > 1_000_000


def test_where_a_row_lies_and_when_it_was_touched_does_not_matter(database: Local) -> None:
    told = database.contents(KEY)
    database.sql("UPDATE secrets_v2 SET \"updatedAt\" = now() WHERE key LIKE 'KEY1%';")
    database.sql("CLUSTER secrets_v2 USING secrets_v2_name;")
    assert database.contents(KEY) == told


@pytest.mark.parametrize(
    ("change", "difference"),
    [
        ("UPDATE secrets_v2 SET \"encryptedValue\" = 'x' WHERE key = 'KEY7'", "secrets_v2 holds other values"),
        ("UPDATE secrets_v2 SET key = 'OTHER' WHERE key = 'KEY8'", "secrets_v2 holds other values"),
        ("UPDATE secret_versions_v2 SET version = 3 WHERE version = 2", "secret_versions_v2 holds other values"),
        ("UPDATE secret_folders SET name = 'elsewhere'", "secret_folders holds other values"),
        ("UPDATE projects SET \"encryptedDataKey\" = '\\xabce'", "projects holds other values"),
        ("CREATE TABLE more (a int)", "more has 0 rows instead of none"),
        ("DROP TABLE more", "more has no rows instead of 0"),
    ],
)
def test_a_change_is_named_by_its_table(database: Local, change: str, difference: str) -> None:
    told = database.contents(KEY)
    database.sql(change)
    assert told.differences(database.contents(KEY)) == [difference]


def test_a_dump_of_other_secrets_is_refused_and_nothing_is_replaced(database: Local, tmp_path: Path) -> None:
    told = database.contents(KEY)
    database.sql("DELETE FROM secrets_v2 WHERE key = 'KEY9'")
    database.dump(tmp_path / "dump", KEY)
    changed = database.contents(KEY)
    with pytest.raises(
        BackupError, match="secrets_v2 has 49 rows instead of 50, secret_versions_v2 holds other values"
    ):
        restored(database, tmp_path / "dump", told)
    assert database.contents(KEY) == changed
    assert "_restored" not in database.sql("SELECT datname FROM pg_database")


def test_what_a_killed_restore_left_goes_and_what_was_kept_on_purpose_stays(database: Local, tmp_path: Path) -> None:
    told = database.dump(tmp_path / "dump", KEY).contents
    names = {word: f"{database.name}_{word}_20260101000000" for word in ("restored", "replaced", "before")}
    for name in names.values():
        database.server.create_database(name)
    with psycopg.connect(database.server.uri_of(names["restored"])):  # a pg_restore that outlived its client
        restored(database, tmp_path / "dump", told)
    found = database.sql("SELECT datname FROM pg_database").split()
    assert names["restored"] not in found and {names["replaced"], names["before"]} <= {*found}
    database.drop(*database.beside(databases.REPLACED))
    found = database.sql("SELECT datname FROM pg_database").split()
    assert names["replaced"] not in found and names["before"] in found


def test_digests_are_of_no_use_without_the_key(database: Local) -> None:
    told, other = database.contents(KEY), database.contents(b"o" * 32)
    assert told.rows == other.rows
    assert not {*told.digests.values()} & {*other.digests.values()}
    assert database.contents(b"").digests == {}


def test_secrets_of_an_older_server_count_as_well(database: Local) -> None:
    columns = '(id int, version int, "secretValueCiphertext" text, "secretValueIV" text, note text)'
    database.sql(f"CREATE TABLE secrets {columns}")
    database.sql("INSERT INTO secrets VALUES (1, 1, 'abc', 'def', 'x')")
    told = database.contents(KEY).digests["secrets"]
    database.sql("UPDATE secrets SET note = 'y'")
    assert database.contents(KEY).digests["secrets"] == told
    database.sql("UPDATE secrets SET \"secretValueIV\" = 'deg'")
    assert database.contents(KEY).digests["secrets"] != told


def test_what_is_written_meanwhile_is_neither_in_the_dump_nor_in_what_is_told(
    database: Local, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = database.contents(KEY)

    def written_meanwhile(*arguments: Any, **options: Any) -> None:
        pour(*arguments, **options)
        database.server.sql("DELETE FROM secrets_v2 WHERE key = 'KEY1'", database.name)

    monkeypatch.setattr(databases, "pour", written_meanwhile)
    told = database.dump(tmp_path / "dump", KEY).contents
    monkeypatch.undo()
    assert told == before != database.contents(KEY)
    restored(database, tmp_path / "dump", told)


def test_a_database_that_cannot_be_told_of_is_a_failure(database: Local) -> None:
    with pytest.raises(BackupError, match=r"cannot be determined: .*does not exist"):
        database.contents(KEY, "nowhere")


def test_a_dump_lets_the_server_go_first(database: Local, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[list[str]] = []

    def noted(command: list[str], *arguments: Any, **options: Any) -> None:
        ran.append(command)
        pour(command, *arguments, **options)

    monkeypatch.setattr(databases, "pour", noted)
    database.dump(tmp_path / "dump", KEY)
    assert [command[:3] for command in ran if any("pg_dump" in word for word in command)] == [["nice", "-n", "19"]]


def test_what_the_database_does_for_a_dump_lets_it_go_first_as_well(
    database: Local, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    niceness: dict[str, set[int]] = {}

    def watched(command: list[str], *arguments: Any, **options: Any) -> None:
        with psycopg.connect(database.server.uri_of(database.name), application_name="pg_dump") as dumping:
            pid = dumping.info.backend_pid
            assert wait_for(lambda: os.getpriority(os.PRIO_PROCESS, pid) == 19, limit=10)
            rows = dumping.execute(
                "SELECT application_name, pid FROM pg_stat_activity WHERE datname = current_database()"
            )
            for name, each in rows:
                niceness.setdefault(name, set()).add(os.getpriority(os.PRIO_PROCESS, each))
        pour(command, *arguments, **options)

    monkeypatch.setattr(databases, "pour", watched)
    with psycopg.connect(database.server.uri_of(database.name), application_name="server"):
        database.dump(tmp_path / "dump", KEY)
    assert niceness == {"pg_dump": {19}, "psql": {19}, "server": {0}}
