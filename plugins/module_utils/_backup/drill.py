# Copyright: (c) 2026, The omakase.homelab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A drill: an archive is brought back in a throw-away stack beside the running one, and held against its manifest."""

from __future__ import annotations

import json
import re
import secrets
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .archive import FILES, now, unpack
from .commands import BackupError, run
from .contents import SECRETS
from .databases import Postgres, own_postgres
from .files import alone, staging, write
from .installation import expectation, start_on
from .job import read_json, write_status
from .room import FRESH_DATABASE, see_that_the_database_fits, short
from .stack import COMPOSE_FILES, Stack

PROJECT = "infisical-drill"
PLACE = Path("/var/lib/infisical-backup/drill")
_WORK = "the drill"
# All else of a service would reach out of the stack: ports, networks, devices, what others have mounted too. Of rights
# it gets no more than any container has: nobody knows who wrote an archive.
_KEPT = (
    *("image", "pull_policy", "entrypoint", "command", "user", "environment", "healthcheck", "tmpfs", "shm_size"),
    *("read_only", "mem_limit", "cpus", "pids_limit"),
)
# What is read from the host itself: the time zone, and nothing else
_FROM_THE_HOST = ("/etc/localtime", "/etc/timezone")
_FEWER_RIGHTS = re.compile("no-new-privileges([:=]true)?")
_ANSWERS = {
    "test": ["CMD-SHELL", "wget -q -O /dev/null http://127.0.0.1:8080/api/status"],
    "interval": "3s",
    "timeout": "5s",
    "retries": 20,
    "start_period": "180s",
}


_DATABASE = {"POSTGRES_USER": "infisical", "POSTGRES_DB": "infisical"}
_DATABASE_ANSWERS = {"test": ["CMD-SHELL", "pg_isready -h 127.0.0.1 -U infisical"], "interval": "3s", "retries": 40}
# The password comes by standard input: one on a command line is in every process list.
_REDIS = ["sh", "-c", """printf 'requirepass "%s"\\n' "$$REDIS_PASSWORD" | exec redis-server -"""]


@dataclass(frozen=True)
class Trial:
    """How a drill is held."""

    timeout: int = 300  # seconds for the server to become healthy
    memory: int = 1024  # megabytes that must be free
    # For an installation whose database or Redis is elsewhere
    postgres_image: str = "postgres:16-alpine"
    redis_image: str = "redis:7-alpine"
    place: Path = PLACE


def perform(archive: Path, identity: Path | None, trial: Trial, record: Path | None) -> int:
    """A drill that is recorded; the exit status."""
    started = time.monotonic()
    known = read_json(record) if record else {}
    result: dict[str, Any] = {
        "state": "running",
        "archive": str(archive),
        "started": now().isoformat(timespec="seconds"),
    }
    result.update(error="", last_success=known.get("last_success", {}), proven=known.get("proven", {}))

    def note() -> None:
        result["seconds"] = round(time.monotonic() - started, 1)
        if record:
            write_status(record, result)

    note()
    try:
        result.update(drill(archive, identity, trial))
        result.update(state="ok", last_success={"archive": str(archive), "started": result["started"]})
        result["proven"] = _proven(archive, result)
    except BackupError as error:
        result.update(state="failed", error=str(error))
    except OSError as error:
        result.update(state="failed", error=f"{error.filename or trial.place}: {error.strerror}")
    except BaseException:
        result.update(state="failed", error="it was ended from outside")
        raise
    finally:
        note()
    sys.stdout.write(json.dumps(result) + "\n")
    if result["error"]:
        sys.stderr.write(f"infisical-backup: {result['error']}\n")
    return 0 if result["state"] == "ok" else 1


def _proven(archive: Path, result: Mapping[str, Any]) -> dict[str, str]:
    """When each archive that is still there was brought back in a drill."""
    proven = {**result["proven"], archive.name: result["started"]}
    return {name: moment for name, moment in proven.items() if (archive.parent / name).exists()}


def drill(archive: Path, identity: Path | None, trial: Trial) -> dict[str, Any]:
    """Bring the archive back beside what runs, compare, and remove it all again. Raises BackupError."""
    with alone(trial.place):
        _remove()  # what a killed drill has left
        with staging(trial.place) as place:
            _see_that_there_is_room(archive, trial)
            manifest = unpack(archive, identity, place)
            if manifest["database"]["kind"] != Postgres.kind:
                raise BackupError(f"{archive} is of a server that kept its data in {manifest['database']['kind']}")
            see_that_the_database_fits(manifest, _WORK, FRESH_DATABASE)
            with _thrown_away(place, trial) as stack:
                _bring_up(stack, place / Postgres.part, manifest, trial.timeout)
                _compare(stack, manifest)
    version, rows = manifest["server_version"], sum(manifest["rows"].values())
    return {"server_version": version, "rows": rows, "digests": len(manifest.get("digests", {}))}


@contextmanager
def _thrown_away(place: Path, trial: Trial) -> Iterator[Stack]:
    """The stack of an archive that was unpacked, as it is there meanwhile."""
    theirs = Stack(place / FILES)
    if not theirs.exists:
        raise BackupError(f"The archive holds none of {', '.join(COMPOSE_FILES)}: name it in infisical_backup_files")
    config = throwaway(theirs.services(), theirs.server, trial, place / FILES)
    write(place / "stack" / "compose.yaml", json.dumps(config).encode(), 0o600)
    try:
        yield Stack(place / "stack")
    finally:
        _remove()


def throwaway(services: Mapping[str, Mapping[str, Any]], server: str, trial: Trial, files: Path) -> dict[str, Any]:
    """The compose file of the throw-away stack: server, database and Redis, cut off from everything else.

    Its network leads nowhere, so that this server rotates, synchronises and mails nothing while it runs.
    files: where those of the archive are. Raises BackupError for a service that would read others of this host.
    """
    password = secrets.token_hex(16)
    own: dict[str, Mapping[str, Any]] = {
        "db": {
            "image": trial.postgres_image,
            "environment": {**_DATABASE, "POSTGRES_PASSWORD": password},
            "healthcheck": _DATABASE_ANSWERS,
        },
        "redis": {"image": trial.redis_image, "command": _REDIS, "environment": {"REDIS_PASSWORD": password}},
        **services,
    }
    made = {name: _shut_in(own[name], (server, "db", "redis"), files) for name in (server, "db", "redis")}
    made[server].setdefault("healthcheck", _ANSWERS)
    variables = made[server].get("environment", {})
    made[server]["environment"] = {
        **{name: value for name, value in variables.items() if not _leads_elsewhere(name, services)},
        **({} if "db" in services else {"DB_CONNECTION_URI": f"postgresql://infisical:{password}@db:5432/infisical"}),
        **({} if "redis" in services else {"REDIS_URL": f"redis://:{password}@redis:6379"}),
    }
    return {"name": PROJECT, "services": made, "networks": {"default": {"internal": True}}}


def _leads_elsewhere(name: str, services: Mapping[str, Any]) -> bool:
    """Whether a variable of the server's names a database or a Redis that is not in the stack."""
    elsewhere = [prefix for prefix, service in (("DB_", "db"), ("REDIS_", "redis")) if service not in services]
    return name == "DB_READ_REPLICAS" or name.startswith(tuple(elsewhere))


def _shut_in(service: Mapping[str, Any], names: Sequence[str], files: Path) -> dict[str, Any]:
    made = {name: service[name] for name in _KEPT if name in service}
    # Where it adds some to none, it has those that Docker gives to all.
    if "cap_drop" in service and not service.get("cap_add"):
        made["cap_drop"] = service["cap_drop"]
    options = [option for option in service.get("security_opt") or [] if _FEWER_RIGHTS.fullmatch(option)]
    made.update({"security_opt": options} if options else {})
    depends = {name: how for name, how in (service.get("depends_on") or {}).items() if name in names}
    others = [network or {} for network in (service.get("networks") or {}).values()]
    aliases = {
        service.get("container_name", ""),
        *(alias for network in others for alias in network.get("aliases", [])),
    }
    return {
        **made,
        "depends_on": depends,
        "volumes": [_mounted(mount, files) for mount in service.get("volumes") or []],
        "networks": {"default": {"aliases": sorted(aliases - {""})}},
    }


def _mounted(mount: Mapping[str, Any], files: Path) -> dict[str, Any]:
    """What is only read comes from the archive, which must hold it; what is written is the stack's own and new."""
    if mount["type"] == "bind" and mount.get("read_only"):
        source = mount["source"]
        if source not in _FROM_THE_HOST and not (files / source).resolve().is_relative_to(files.resolve()):
            raise BackupError(
                f"The archive's compose file mounts {source} of this host, so no drill is held with it: what is mounted"
                " must be in the archive. Mount it as ./NAME, from beside the compose file, and name it in"
                " infisical_backup_files."
            )
        return {**mount, "bind": {"create_host_path": False}}
    return dict(mount) if mount["type"] == "tmpfs" else {"type": "volume", "target": mount["target"]}


def _bring_up(stack: Stack, dump: Path, manifest: Mapping[str, Any], timeout: int) -> None:
    try:
        start_on(stack, dump, manifest, timeout)
    except BackupError as error:
        said = stack.compose("logs", "--no-color", "--no-log-prefix", "--tail=5", stack.server).strip()
        for value in stack.environment(stack.server).values():
            said = said.replace(value, "***") if len(value) >= 8 else said
        raise BackupError(f"{error}" + (f" The server's last words: {said}" if said else "")) from None


def _compare(stack: Stack, manifest: Mapping[str, Any]) -> None:
    """That the database was as in the manifest is known; now that the server has opened it, its secrets still are."""
    expected, key = expectation(stack, manifest)
    found = own_postgres(stack).contents(key)
    differing = expected.only(SECRETS).differences(found.only(SECRETS))
    if differing:
        raise BackupError(f"The server does not leave the secrets as they are: {', '.join(differing)}")


def _remove() -> None:
    """All of the stack that is there, by the name of its project."""
    label = f"--filter=label=com.docker.compose.project={PROJECT}"
    for kind, all_of, thoroughly in (
        ("container", ["--all"], ["--force", "--volumes"]),
        ("volume", [], ["--force"]),
        ("network", [], []),
    ):
        found = run(["docker", kind, "ls", "--quiet", *all_of, label]).split()
        if found:
            run(["docker", kind, "rm", *thoroughly, *found])


def _see_that_there_is_room(archive: Path, trial: Trial) -> None:
    """Before anything is done. Raises BackupError that names all that lacks."""
    lines = Path("/proc/meminfo").read_text().splitlines()
    free = next(int(line.split()[1]) // 1024 for line in lines if line.startswith("MemAvailable"))
    lacking = []
    if free < trial.memory:
        lacking.append(
            f"{free} MB of memory are free and a second Infisical needs {trial.memory}. Stop something, or give the"
            " host more; infisical_backup_drill_memory_mb says how much must be free."
        )
    if archive.exists():
        lacking += short(trial.place, archive.stat().st_size * 2, _WORK)
    if lacking:
        raise BackupError(" ".join(lacking))
