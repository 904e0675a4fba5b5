# SPDX-License-Identifier: GPL-3.0-or-later
"""A drill is cut off from what runs, leaves nothing behind, and is written down however it ends."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.omakase.homelab.plugins.module_utils._backup import drill, files
from ansible_collections.omakase.homelab.plugins.module_utils._backup.archive import pack
from ansible_collections.omakase.homelab.plugins.module_utils._backup.commands import BackupError
from ansible_collections.omakase.homelab.plugins.module_utils._backup.files import alone, described, regular
from ansible_collections.omakase.homelab.plugins.module_utils._backup.job import read_json

from .double import Programs

FILES = Path("/var/lib/infisical-backup/drill/.infisical-x/files")
BACKEND = {
    "image": "infisical/infisical:v0.165.16",
    "container_name": "vault",
    "environment": {"ENCRYPTION_KEY": "k" * 32, "DB_READ_REPLICAS": "[]", "A": "pa$$word"},
    "ports": [{"target": 8080, "published": "80"}],
    "depends_on": {"db": {"condition": "service_healthy"}, "proxy": {"condition": "service_started"}},
    "networks": {"infisical": {"aliases": ["backend.internal"]}, "web": None},
    "labels": {"traefik.enable": "true"},
    "restart": "unless-stopped",
    "privileged": True,
    "extra_hosts": ["db.example=192.0.2.1"],
    "volumes": [{"type": "bind", "source": "./ca.pem", "target": "/ca.pem", "read_only": True, "bind": {}}],
}
DB = {
    "image": "postgres:16-alpine",
    "healthcheck": {"test": ["CMD", "pg_isready"]},
    "volumes": [
        {"type": "volume", "source": "pg_data", "target": "/var/lib/postgresql/data"},
        {"type": "bind", "source": "/srv/wal", "target": "/wal"},
    ],
}
REDIS = {"image": "redis:7-alpine"}
SERVICES: dict[str, dict[str, Any]] = {"backend": BACKEND, "db": DB, "redis": REDIS, "proxy": {"image": "traefik"}}


@pytest.fixture
def made() -> dict[str, Any]:
    return drill.throwaway(SERVICES, "backend", drill.Trial(), FILES)


def test_its_stack_is_server_database_and_redis_with_a_name_of_its_own(made: dict[str, Any]) -> None:
    assert made["name"] == "infisical-drill" and sorted(made["services"]) == ["backend", "db", "redis"]
    assert made["services"]["backend"]["depends_on"] == {"db": {"condition": "service_healthy"}}
    assert made["services"]["db"]["healthcheck"] == DB["healthcheck"]


def test_nothing_leads_out_of_it_and_nothing_in(made: dict[str, Any]) -> None:
    assert made["networks"] == {"default": {"internal": True}}
    backend = made["services"]["backend"]
    assert backend["networks"] == {"default": {"aliases": ["backend.internal", "vault"]}}
    left = {"ports", "labels", "restart", "privileged", "extra_hosts", "container_name"} & {*backend}
    assert not left
    assert backend["environment"] == {"ENCRYPTION_KEY": "k" * 32, "A": "pa$$word"}


def test_what_its_services_write_is_in_new_volumes_and_what_they_read_in_the_archive(made: dict[str, Any]) -> None:
    targets = ["/var/lib/postgresql/data", "/wal"]
    assert made["services"]["db"]["volumes"] == [{"type": "volume", "target": target} for target in targets]
    (mount,) = made["services"]["backend"]["volumes"]
    assert mount["source"] == "./ca.pem" and mount["bind"] == {"create_host_path": False}


def shut_in(**changes: Any) -> dict[str, Any]:
    """The server of the drill, of an archive whose compose file says this of it."""
    services = {**SERVICES, "backend": {**BACKEND, **changes}}
    made: dict[str, Any] = drill.throwaway(services, "backend", drill.Trial(), FILES)["services"]["backend"]
    return made


def test_an_archive_gets_no_rights_that_not_every_container_has() -> None:
    hardened = {"cap_drop": ["ALL"], "security_opt": ["no-new-privileges:true"], "user": "node"}
    assert {name: shut_in(**hardened)[name] for name in hardened} == hardened
    open_wide = ["seccomp=unconfined", "apparmor:unconfined", "no-new-privileges:false"]
    left = shut_in(cap_drop=["ALL"], cap_add=["SYS_ADMIN"], security_opt=open_wide)
    assert not {"cap_drop", "cap_add", "security_opt"} & {*left}


@pytest.mark.parametrize("source", ["/", "/etc/shadow", "/var/lib/infisical-backup", "../../x", f"{FILES}-of/x"])
def test_an_archive_that_mounts_what_is_not_in_it_is_refused_by_name(source: str) -> None:
    mount = {"type": "bind", "source": source, "target": "/x", "read_only": True}
    with pytest.raises(BackupError, match=re.escape(f"mounts {source} of this host")):
        shut_in(volumes=[mount])


def test_its_own_files_and_the_time_zone_are_mounted() -> None:
    for source in (f"{FILES}/ca.pem", str(FILES), "/etc/localtime"):
        (mount,) = shut_in(volumes=[{"type": "bind", "source": source, "target": "/x", "read_only": True}])["volumes"]
        assert mount["source"] == source


def test_what_the_server_has_elsewhere_it_gets_here() -> None:
    elsewhere = {"DB_CONNECTION_URI": "postgres://db.example/x", "DB_ROOT_CERT": "x", "REDIS_SENTINEL_HOSTS": "r:1"}
    backend = {**BACKEND, "environment": {"ENCRYPTION_KEY": "k", **elsewhere}}
    made = drill.throwaway({"backend": backend}, "backend", drill.Trial(postgres_image="postgres:17"), FILES)[
        "services"
    ]
    password = made["db"]["environment"]["POSTGRES_PASSWORD"]
    assert len(password) == 32 and made["db"]["image"] == "postgres:17"
    assert made["redis"]["environment"] == {"REDIS_PASSWORD": password}
    assert made["backend"]["environment"] == {
        "ENCRYPTION_KEY": "k",
        "DB_CONNECTION_URI": f"postgresql://infisical:{password}@db:5432/infisical",
        "REDIS_URL": f"redis://:{password}@redis:6379",
    }


def test_a_server_without_a_health_check_gets_one(made: dict[str, Any]) -> None:
    assert "/api/status" in made["services"]["backend"]["healthcheck"]["test"][1]


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """A plain archive with a compose file."""
    place = tmp_path / "place"
    (place / "files").mkdir(parents=True)
    (place / "files" / "docker-compose.yml").touch()
    manifest = {
        "format": 1,
        "parts": {str(path.relative_to(place)): described(path) for path in regular(place)},
        "database": {"kind": "postgresql", "bytes": 1000},
        "images": {"backend": {}, "db": {}},
        "server_version": "v0.165.16",
        "rows": {"secrets_v2": 2},
        "digests": {"secrets_v2": "00"},
        "keys": {"salt": "s"},
    }
    path = tmp_path / "infisical-20261125T031500Z.tar"
    pack(path, place, manifest, ())
    return path


@pytest.fixture
def trial(tmp_path: Path) -> drill.Trial:
    return drill.Trial(timeout=1, memory=1, place=tmp_path / "drill")


@pytest.fixture
def programs(monkeypatch: pytest.MonkeyPatch) -> Iterator[Programs]:
    programs = Programs(monkeypatch)
    yield programs
    assert programs.expected == [], "never run"


def removal(programs: Programs, *, leftovers: bool = False) -> None:
    """What a look for leftovers asks, and what it removes."""
    for kind in ("container", "volume", "network"):
        programs.expect(f"docker {kind} ls --quiet", "one two" if leftovers else "", "")
        if leftovers:
            programs.expect(f"docker {kind} rm")


def test_leftovers_go_first_and_all_of_it_last_also_after_a_failure(
    programs: Programs, archive: Path, trial: drill.Trial
) -> None:
    (trial.place / ".infisical-leftover").mkdir(parents=True)
    removal(programs, leftovers=True)
    programs.expect("docker info", "/")
    programs.expect("compose config", json.dumps({"services": SERVICES}))
    programs.expect("compose config", json.dumps(drill.throwaway(SERVICES, "backend", drill.Trial(), FILES)))
    programs.expect("compose up --detach --wait --wait-timeout 1 db redis", failure="no such image")
    programs.expect("compose logs", f"{'k' * 32} does not fit\n")
    removal(programs, leftovers=True)
    with pytest.raises(BackupError, match=r"no such image The server's last words: [*]{3} does not fit"):
        drill.drill(archive, None, trial)
    assert [path.name for path in trial.place.iterdir()] == [".lock"]
    removals = [command for command in programs.commands if " rm " in command]
    assert removals[0] == "docker container rm --force --volumes one two" and len(removals) == 6
    listings = [command for command in programs.commands if " ls " in command]
    assert all("--filter=label=com.docker.compose.project=infisical-drill" in command for command in listings)


def test_too_little_memory_is_said_before_anything_is_started(
    programs: Programs, archive: Path, trial: drill.Trial
) -> None:
    removal(programs)
    with pytest.raises(BackupError, match="MB of memory are free and a second Infisical needs 99999999"):
        drill.drill(archive, None, drill.Trial(1, 99_999_999, place=trial.place))


def test_too_small_a_disk_is_said_before_anything_is_started(
    programs: Programs, archive: Path, trial: drill.Trial, monkeypatch: pytest.MonkeyPatch
) -> None:
    removal(programs)
    programs.expect("docker info", "/")
    monkeypatch.setattr(drill, "FRESH_DATABASE", 1 << 60)
    with pytest.raises(BackupError, match=r"/ has .* MB free and the drill needs 1099511627776"):
        drill.drill(archive, None, trial)


def test_an_archive_without_a_compose_file_says_so(programs: Programs, tmp_path: Path, trial: drill.Trial) -> None:
    (tmp_path / "bare").mkdir()
    manifest = {"format": 1, "parts": {}, "database": {"kind": "postgresql"}, "images": {"db": {}}}
    path = tmp_path / "infisical-20261125T031500Z.tar"
    pack(path, tmp_path / "bare", manifest, ())
    removal(programs)
    programs.expect("docker info", "/")
    with pytest.raises(BackupError, match=r"holds none of compose\.yaml.*infisical_backup_files"):
        drill.drill(path, None, trial)


def test_two_drills_do_not_meet(
    programs: Programs, archive: Path, trial: drill.Trial, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "PATIENCE", 0)
    with alone(trial.place), pytest.raises(BackupError, match="Another run is at work"):
        drill.drill(archive, None, trial)


def test_a_proven_archive_is_written_down_for_everybody_to_read(
    archive: Path, trial: drill.Trial, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(drill, "drill", lambda *_: {"rows": 5})
    record = archive.with_name("drills.json")
    record.write_text(json.dumps({"proven": {"infisical-20200101T000000Z.tar": "long ago"}}))
    assert drill.perform(archive, None, trial, record) == 0
    found = read_json(record)
    assert (found["state"], found["rows"], found["archive"]) == ("ok", 5, str(archive))
    assert found["last_success"] == {"archive": str(archive), "started": found["started"]}
    assert found["proven"] == {archive.name: found["started"]}
    assert record.stat().st_mode & 0o777 == 0o644
    assert json.loads(capsys.readouterr().out) == found


def test_a_failed_drill_says_why_and_forgets_no_earlier_one(
    archive: Path, trial: drill.Trial, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    record = archive.with_name("drills.json")
    monkeypatch.setattr(drill, "drill", lambda *_: {})
    drill.perform(archive, None, trial, record)
    before = read_json(record)

    def fails(*_: Any) -> None:
        raise BackupError("secrets_v2 holds other values")

    monkeypatch.setattr(drill, "drill", fails)
    assert drill.perform(archive, None, trial, record) == 1
    found = read_json(record)
    assert (found["state"], found["error"]) == ("failed", "secrets_v2 holds other values")
    assert (found["last_success"], found["proven"]) == (before["last_success"], before["proven"])
    assert "infisical-backup: secrets_v2 holds other values" in capsys.readouterr().err


def test_a_drill_that_is_ended_from_outside_is_no_proof(
    archive: Path, trial: drill.Trial, monkeypatch: pytest.MonkeyPatch
) -> None:
    def ended(*_: Any) -> None:
        raise SystemExit(143)

    monkeypatch.setattr(drill, "drill", ended)
    with pytest.raises(SystemExit):
        drill.perform(archive, None, trial, archive.with_name("drills.json"))
    found = read_json(archive.with_name("drills.json"))
    assert (found["state"], found["error"], found["proven"]) == ("failed", "it was ended from outside", {})
