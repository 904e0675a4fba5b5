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
from ansible_collections.omakase.homelab.plugins.module_utils._backup.archive import pack
from ansible_collections.omakase.homelab.plugins.module_utils._backup.commands import BackupError
from ansible_collections.omakase.homelab.plugins.module_utils._backup.databases import (
    ExternalPostgres,
    Mongo,
    database_of,
    libpq,
)
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
