# SPDX-License-Identifier: GPL-3.0-or-later
"""What is told of an installation, by scripted answers of Docker."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.omakase.homelab.plugins.module_utils._backup import installation as of_installation
from ansible_collections.omakase.homelab.plugins.module_utils._backup import room
from ansible_collections.omakase.homelab.plugins.module_utils._backup.archive import archives, now, pack, unpack
from ansible_collections.omakase.homelab.plugins.module_utils._backup.commands import BackupError
from ansible_collections.omakase.homelab.plugins.module_utils._backup.databases import (
    ExternalPostgres,
    Mongo,
    Postgres,
    database_of,
    libpq,
)
from ansible_collections.omakase.homelab.plugins.module_utils._backup.files import described, regular
from ansible_collections.omakase.homelab.plugins.module_utils._backup.installation import bring_back, grown, inspect
from ansible_collections.omakase.homelab.plugins.module_utils._backup.stack import Stack, tag_of, version_of
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from .double import Programs

KEY, PASSWORD = secrets.token_hex(16), "p$s'w/rd"
URI = "postgres://infisical:p%24s%27w%2Frd@db:5432/infisical"


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """The directory of an installation."""
    (tmp_path / "docker-compose.yml").touch()
    return tmp_path


@pytest.fixture
def programs(monkeypatch: pytest.MonkeyPatch) -> Iterator[Programs]:
    programs = Programs(monkeypatch)
    yield programs
    assert programs.expected == [], "never run"


def config(**services: dict[str, str]) -> str:
    return json.dumps({"services": {name: {"environment": values} for name, values in services.items()}})


def container(service: str, image: str, **state: Any) -> dict[str, Any]:
    labels = {"com.docker.compose.service": service}
    return {
        "Id": f"id-{service}",
        "Image": "sha256:1",
        "Config": {"Image": image, "Labels": labels, "Env": ["INFISICAL_PLATFORM_VERSION=v0.1.0"]},
        "State": {"Running": True, "Health": {"Status": "healthy"}, **state},
    }


def installation(programs: Programs, root_key: bytes = KEY.encode(), lets_in: bool = True) -> None:
    """A running stack whose database was written with the root key."""
    variables = {"ENCRYPTION_KEY": KEY, "DB_CONNECTION_URI": URI.replace("$", "$$")}
    programs.expect("compose ps", "1 2\n")
    found = [container("backend", "infisical/infisical:v0.165.16"), container("db", "postgres:16-alpine")]
    programs.expect("docker inspect 1 2", json.dumps(found))
    database = {"POSTGRES_USER": "infisical", "POSTGRES_PASSWORD": "other$$than"}
    programs.expect("compose config", config(backend=variables, db=database))
    nonce = os.urandom(12)
    row = {"encryptedRootKey": "\\x" + (nonce + AESGCM(root_key).encrypt(nonce, b"r" * 32, None)).hex()}
    programs.expect("compose ps", "1 2\n")
    programs.expect("docker inspect", json.dumps(found))
    for part, out, failure in (
        ("psql --no-psqlrc --host=db", "1", "" if lets_in else 'FATAL:  password authentication failed for user "x"'),
        ("psql", "t", ""),
        ("psql", json.dumps(row), ""),
    ):
        programs.expect(part, out, failure)


def test_a_key_and_a_password_that_fit_are_told_so(programs: Programs, directory: Path) -> None:
    installation(programs)
    answer = inspect(Stack(directory))
    assert answer == {
        "version": "v0.165.16",
        "healthy": True,
        "running": ["backend", "db"],
        "key": "fits",
        "password": "fits",
    }
    assert {"PGPASSWORD": PASSWORD} in programs.environments
    assert not any(PASSWORD in command or KEY in command for command in programs.commands)


def test_another_key_is_told_apart(programs: Programs, directory: Path) -> None:
    installation(programs, root_key=os.urandom(32))
    assert inspect(Stack(directory))["key"] == "differs"


def test_a_password_that_the_volume_does_not_know_is_told(programs: Programs, directory: Path) -> None:
    installation(programs, lets_in=False)
    answer = inspect(Stack(directory))
    assert (answer["password"], answer["key"]) == ("differs", "fits")


def test_of_a_stopped_database_nothing_is_claimed(programs: Programs, directory: Path) -> None:
    programs.expect("compose ps", "1\n")
    programs.expect("docker inspect", json.dumps([container("db", "postgres:16", Running=False)]))
    programs.expect("compose config", config(backend={}, db={}))
    answer = inspect(Stack(directory))
    assert (answer["running"], answer["key"], answer["password"]) == ([], "unknown", "unknown")


def test_where_nothing_is_installed_nothing_is_asked(programs: Programs, tmp_path: Path) -> None:
    answer = inspect(Stack(tmp_path))
    assert (answer["version"], answer["healthy"], answer["key"]) == ("", False, "unknown")


def test_a_database_elsewhere_that_cannot_be_looked_at_is_not_called_wrong(programs: Programs, directory: Path) -> None:
    programs.expect("compose ps", "")
    programs.expect("compose config", config(backend={"DB_CONNECTION_URI": URI}))
    programs.expect("docker run --rm --interactive --pull=never", failure="Unable to find image 'postgres:17' locally")
    answer = inspect(Stack(directory), "postgres:17")
    assert (answer["key"], answer["password"]) == ("unknown", "unknown")


def test_what_is_no_infisical_is_named(programs: Programs) -> None:
    programs.expect("compose config", config(web={}))
    with pytest.raises(BackupError, match="no service called backend or infisical"):
        _ = Stack(Path("/srv/web")).server


def test_a_failed_command_says_its_last_words_and_no_option(programs: Programs) -> None:
    programs.expect("compose config", failure="service db: no such image\n\nrun it again\n")
    with pytest.raises(BackupError) as error:
        Stack(Path("/srv")).services()
    assert str(error.value) == "`docker compose config json` ended with 1: service db: no such image / run it again"


def test_a_mongo_of_the_old_days_gets_its_password_by_standard_input(programs: Programs, directory: Path) -> None:
    variables = {"MONGO_INITDB_ROOT_USERNAME": "root", "MONGO_INITDB_ROOT_PASSWORD": "mongo-canary"}
    programs.expect("compose config", config(backend={"MONGO_URL": "x"}, mongo=variables))
    programs.expect("compose ps", "1")
    programs.expect("docker inspect", json.dumps([container("mongo", "mongo:6")]))
    programs.expect("mongodump --archive --gzip")
    database = database_of(Stack(directory))
    assert isinstance(database, Mongo)
    with pytest.raises(BackupError, match="mongodump wrote nothing"):
        database.dump(directory / "dump", b"")
    assert programs.inputs[-1] == 'password: "mongo-canary"\n'
    assert not any("canary" in command for command in programs.commands)


def test_a_database_elsewhere_needs_an_image_with_its_programs(programs: Programs, directory: Path) -> None:
    programs.expect("compose config", config(backend={"DB_CONNECTION_URI": URI}))
    with pytest.raises(BackupError, match="no image that holds pg_dump"):
        database_of(Stack(directory))


def test_a_database_elsewhere_is_reached_without_its_password_on_a_command_line(
    programs: Programs, directory: Path
) -> None:
    address = "postgres://me:p%40ss@db.example:5433/vault?sslmode=verify-full"
    programs.expect("compose config", config(backend={"DB_CONNECTION_URI": address, "DB_ROOT_CERT": "UEVN"}))
    programs.expect("docker run --rm --interactive --pull=missing --network=host", "17.2\n")
    database = database_of(Stack(directory), "postgres:17")
    assert isinstance(database, ExternalPostgres)
    assert database.sql("SELECT current_setting('server_version');") == "17.2"
    assert programs.environments[-1]["PGPASSWORD"] == "p@ss"
    assert "--env=PGPASSWORD" in programs.commands[-1] and "p@ss" not in programs.commands[-1]


def test_the_address_of_a_database_may_be_whole_or_in_parts() -> None:
    whole = libpq({"DB_CONNECTION_URI": URI})
    assert whole == {
        "PGHOST": "db",
        "PGPORT": "5432",
        "PGUSER": "infisical",
        "PGPASSWORD": PASSWORD,
        "PGDATABASE": "infisical",
    }
    parts = {"DB_HOST": "db", "DB_USER": "infisical", "DB_PASSWORD": PASSWORD, "DB_NAME": "infisical"}
    assert libpq(parts) == whole
    with pytest.raises(BackupError, match="Neither DB_CONNECTION_URI nor"):
        libpq({"DB_HOST": "db"})


@pytest.mark.parametrize(
    ("image", "tag"),
    [
        ("infisical/infisical:v0.165.16", "v0.165.16"),
        ("mirror:5000/infisical/infisical:v0.1.2-postgres@sha256:00", "v0.1.2-postgres"),
        ("mirror:5000/infisical/infisical", ""),
    ],
)
def test_the_tag_of_an_image(image: str, tag: str) -> None:
    assert tag_of(image) == tag


def test_an_image_without_a_version_in_its_tag_tells_it_itself() -> None:
    variables = {"INFISICAL_PLATFORM_VERSION": "v0.165.16"}
    assert version_of("infisical/infisical:latest", variables) == "v0.165.16"
    assert version_of("infisical/infisical@sha256:00", variables) == "v0.165.16"
    assert version_of("infisical/infisical:v0.1.0", variables) == "v0.1.0"


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """An archive of v0.165.16 without parts."""
    path = tmp_path / "infisical-20261125T031500Z.tar"
    (tmp_path / "place").mkdir()
    images: dict[str, Any] = {"backend": {}, "db": {}}
    manifest = {"format": 1, "parts": {}, "server_version": "v0.165.16", "images": images, "rows": {}}
    pack(path, tmp_path / "place", {**manifest, "database": {"kind": "postgresql"}}, ())
    return path


def test_an_archive_of_a_newer_server_is_refused_before_anything_is_touched(
    programs: Programs, directory: Path, archive: Path
) -> None:
    programs.expect("compose ps", "1")
    older = container("backend", "infisical/infisical:v0.99.20-postgres")
    programs.expect("docker inspect", json.dumps([older]))
    programs.expect("compose config", config(backend={}))
    with pytest.raises(BackupError, match=r"newer server v0\.165\.16, and v0\.99\.20-postgres is installed here"):
        bring_back(archive, None, directory, timeout=1)


def test_what_was_written_after_an_archive_was_made_is_told_and_what_a_server_took_away_is_not() -> None:
    before = {"secrets_v2": 2, "secret_versions_v2": 4, "identity_access_tokens": 1}
    assert grown(before, {**before, "identity_access_tokens": 9}) == []
    assert grown(before, {"secret_versions_v2": 4, "secrets_v2_lost": 2}) == []
    assert grown(before, {**before, "secret_versions_v2": 5}) == ["secret_versions_v2 has 5 rows instead of 4"]


# ---------------------------------------------------------------- bringing back

SERVICES = {
    "backend": {"image": "infisical/infisical:v0.165.16", "environment": {"ENCRYPTION_KEY": KEY}},
    "db": {"image": "postgres:16-alpine", "environment": {"POSTGRES_PASSWORD": "then"}},
}
NOW = {**SERVICES, "db": {"image": "postgres:16-alpine", "environment": {"POSTGRES_PASSWORD": "now"}}}
THEN = {".env": "then", "docker-compose.yml": "then", "credentials/reader.json": "then", "keys.age": "then"}


class Database:
    """One that restores, and is asked whether to put back."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, ...]] = []

    def restore(self, _dump: Path, _expected: object, _key: bytes, password: str, _aside: str) -> str:
        self.calls.append(("restore", password))
        return "infisical_replaced_1"

    def put_back(self, kept: str, password: str) -> None:
        self.calls.append(("put back", kept, password))

    def beside(self, _word: str) -> list[str]:
        return []

    def drop(self, *names: str) -> None:
        pass


@pytest.fixture
def database(monkeypatch: pytest.MonkeyPatch) -> Database:
    database = Database()
    monkeypatch.setattr(of_installation, "own_postgres", lambda *_: database)
    return database


@pytest.fixture
def whole(tmp_path: Path) -> Path:
    """An archive with files."""
    place = tmp_path / "archive"
    for name, text in THEN.items():
        (place / "files" / name).parent.mkdir(parents=True, exist_ok=True)
        (place / "files" / name).write_text(text)
    (place / "database.dump").write_text("dump")
    manifest = {
        "format": 1,
        "parts": {str(path.relative_to(place)): described(path) for path in regular(place)},
        "server_version": "v0.165.16",
        "images": {"backend": {}, "db": {}},
        "rows": {"secrets_v2": 2},
        "keys": {"salt": "s"},
        "database": {"kind": "postgresql", "bytes": 1000},
    }
    path = tmp_path / "infisical-20261125T031500Z.tar"
    pack(path, place, manifest, ())
    return path


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """The directory of an installation, in which keys.age of the archive is not there."""
    directory = tmp_path / "opt"
    (directory / "credentials").mkdir(parents=True)
    for name in (".env", "docker-compose.yml", "credentials/reader.json"):
        (directory / name).write_text("now")
        (directory / name).chmod(0o640)
    return directory


def contents(directory: Path) -> dict[str, str]:
    return {str(path.relative_to(directory)): path.read_text() for path in regular(directory) if path.name != ".lock"}


def looks(programs: Programs, missing: bool = False, **policy: str) -> None:
    """What is asked of an installation before anything of it is touched; of one image only whether it is there."""
    found = [container("backend", "infisical/infisical:v0.165.16"), container("db", "postgres:16-alpine")]
    programs.expect("compose ps", "1 2")
    programs.expect("docker inspect", json.dumps(found))
    programs.expect("compose config", json.dumps({"services": NOW}))
    programs.expect("docker info", "/")
    services = {**SERVICES, "backend": {**SERVICES["backend"], **policy}}
    programs.expect("compose config", json.dumps({"services": services}))
    programs.expect("docker image inspect", failure="No such image" if missing else "")
    programs.expect("docker image inspect")
    if not missing:
        programs.expect("compose ps", "1 2")
        programs.expect("docker inspect", json.dumps(found))


def made_back(programs: Programs, first: str = "", last: str = "") -> None:
    """How it is brought back; the first start fails with these words, or the last one."""
    programs.expect("compose stop backend")
    programs.expect("compose config", json.dumps({"services": SERVICES}))
    programs.expect("compose up --detach --wait --wait-timeout 1 db", failure=first)
    if not first:
        programs.expect("compose up --detach --wait --wait-timeout 1", failure=last)


def test_all_that_a_restore_replaces_is_saved_first(
    programs: Programs, database: Database, whole: Path, installed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved: list[str] = []

    def make(_stack: Stack, folder: Path, files: list[str], *_: Any) -> tuple[Path, dict[str, Any]]:
        saved.extend(files)
        return folder / "infisical-1.tar", {}

    monkeypatch.setattr(of_installation, "make", make)
    looks(programs)
    programs.expect("compose up --detach --wait --wait-timeout 1 db")
    made_back(programs)
    bring_back(whole, None, installed, 1, save_to=installed / "saved")
    assert {*THEN} <= {*saved} and len(saved) == len({*saved})
    assert {name: text for name, text in contents(installed).items() if not name.startswith("saved/")} == THEN


def test_three_of_the_archives_that_restores_have_saved_stay_and_always_the_last(
    programs: Programs, database: Database, whole: Path, installed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = installed / "saved"
    folder.mkdir()
    # The clock was wrong once: these are of times that are still to come.
    for year in range(1, 6):
        (folder / f"infisical-{now().year + year}0101T000000Z.tar").touch()

    def make(_stack: Stack, folder: Path, *_: Any) -> tuple[Path, dict[str, Any]]:
        (folder / "infisical-20261125T031500Z.tar").touch()
        return folder / "infisical-20261125T031500Z.tar", {}

    monkeypatch.setattr(of_installation, "make", make)
    looks(programs)
    programs.expect("compose up --detach --wait --wait-timeout 1 db")
    made_back(programs)
    saved = bring_back(whole, None, installed, 1, save_to=folder)["saved"]
    left = [archive.path for archive in archives(folder)]
    assert Path(saved) in left and len(left) == 4


def test_images_that_cannot_be_had_stop_a_restore_before_it_stops_anything(
    programs: Programs, database: Database, whole: Path, installed: Path
) -> None:
    before = contents(installed)
    looks(programs, missing=True)
    programs.expect("compose pull --quiet backend", failure="registry.example: no such host")
    with pytest.raises(BackupError, match="no such host"):
        bring_back(whole, None, installed, 1)
    looks(programs, missing=True, pull_policy="never")
    with pytest.raises(BackupError, match=r"infisical:v0\.165\.16 is not on this host, and .* never fetched"):
        bring_back(whole, None, installed, 1)
    assert contents(installed) == before and not database.calls


def test_a_disk_that_is_too_full_stops_a_restore_before_it_stops_anything(
    programs: Programs, whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(of_installation, "FRESH_DATABASE", 1 << 60)
    programs.expect("docker info", "/")
    with pytest.raises(BackupError, match=r"/ has .* MB free and the restore needs 1099511627776"):
        bring_back(whole, None, tmp_path / "new", 1)
    assert room.short(tmp_path, 0, "nothing") == []


def test_a_restore_that_fails_puts_the_files_back_and_starts_what_ran(
    programs: Programs, database: Database, whole: Path, installed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(of_installation, "make", lambda _stack, folder, *_: (folder / "infisical-1.tar", {}))
    before = contents(installed)
    looks(programs)
    programs.expect("compose up --detach --wait --wait-timeout 1 db")
    made_back(programs, first="manifest unknown")
    programs.expect("compose up --detach --wait --wait-timeout 1 backend db")
    with pytest.raises(BackupError) as error:
        bring_back(whole, None, installed, 1, save_to=installed.parent / "saved")
    assert "manifest unknown Files and database are as they were, and what ran before runs again." in str(error.value)
    assert str(error.value).endswith(f"What was there before is saved in {installed.parent}/saved/infisical-1.tar.")
    assert contents(installed) == before and not database.calls
    assert (installed / ".env").stat().st_mode & 0o777 == 0o640


def test_a_server_that_does_not_come_up_on_the_archive_gets_its_database_back_too(
    programs: Programs, database: Database, whole: Path, installed: Path
) -> None:
    before = contents(installed)
    looks(programs)
    made_back(programs, last="backend is unhealthy")
    programs.expect("compose config", json.dumps({"services": SERVICES}))
    programs.expect("compose stop backend")
    programs.expect("compose up --detach --wait --wait-timeout 1 backend db")
    with pytest.raises(BackupError, match="unhealthy Files and database are as they were"):
        bring_back(whole, None, installed, 1)
    assert database.calls == [("restore", "then"), ("put back", "infisical_replaced_1", "now")]
    assert contents(installed) == before


def test_what_cannot_be_put_back_is_told_beside_the_cause(
    programs: Programs, database: Database, whole: Path, installed: Path
) -> None:
    looks(programs)
    made_back(programs, first="manifest unknown")
    programs.expect("compose up", failure="Docker is gone")
    with pytest.raises(BackupError, match=r"manifest unknown Nor could all be put back as it was: .*Docker is gone"):
        bring_back(whole, None, installed, 1)


def test_images_are_those_of_the_archive_s_compose_file_with_what_the_directory_alone_has(
    whole: Path, installed: Path, tmp_path: Path
) -> None:
    (installed / "database.env").write_text("now")
    (tmp_path / "place").mkdir()
    unpack(whole, None, tmp_path / "place")
    view = of_installation._as_it_will_be(installed, tmp_path / "place").directory
    names = (".env", "docker-compose.yml", "keys.age", "database.env")
    assert [(view / name).read_text() for name in names] == ["then", "then", "then", "now"]
    assert contents(installed)[".env"] == "now"


def test_a_database_that_was_replaced_is_put_back_with_its_password_and_the_other_one_goes(
    programs: Programs, directory: Path
) -> None:
    programs.expect("compose ps", "1")
    programs.expect("docker inspect", json.dumps([container("db", "postgres:16-alpine")]))
    for _ in range(2):
        programs.expect("psql --username=me")
    Postgres(Stack(directory), "me", "vault").put_back("vault_replaced_20261125031500", "it's")
    exchanged, dropped = programs.inputs[-2:]
    assert 'BEGIN; ALTER DATABASE "vault" RENAME TO "vault_restored_' in exchanged
    assert 'ALTER DATABASE "vault_replaced_20261125031500" RENAME TO "vault";' in exchanged
    assert exchanged.endswith("ALTER ROLE \"me\" PASSWORD 'it''s'; COMMIT;")
    assert dropped.startswith('DROP DATABASE IF EXISTS "vault_restored_') and "replaced" not in dropped
