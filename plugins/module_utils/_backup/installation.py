# Copyright: (c) 2026, The omakase.homelab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Looking at an installation before it is changed, and bringing it back to what an archive holds."""

from __future__ import annotations

import json
import os
import re
import secrets
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path, PurePosixPath
from typing import Any

from .archive import FILES, encrypted, make, unpack
from .commands import BackupError, run
from .contents import SECRETS, Contents
from .databases import BEFORE, REPLACED, ExternalPostgres, Postgres, libpq, own_postgres
from .files import alone, put, staging, write
from .job import PLAIN, prune, read_json
from .keys import KEYS, digest_key, fingerprint, fits
from .room import FRESH_DATABASE, see_that_the_database_fits
from .stack import COMPOSE_FILES, Container, Stack, version_of

_ESCROWED = (*KEYS, "POSTGRES_PASSWORD", "REDIS_PASSWORD", "DB_CONNECTION_URI", "REDIS_URL")
_KEPT = "kept"  # the folder for the files of before
_WORDS = {True: "fits", False: "differs", None: "unknown"}


def inspect(stack: Stack, image: str = "") -> dict[str, Any]:
    """What runs, and whether the key and the password of `.env` fit the database that is there."""
    answer: dict[str, Any] = {
        "version": "",
        "healthy": False,
        "running": [],
        "key": _WORDS[None],
        "password": _WORDS[None],
    }
    if not stack.exists:
        return answer
    containers = stack.containers()
    server = containers.get(stack.server)
    answer["version"] = _version(stack, server)
    answer["healthy"] = bool(server and server.healthy)
    answer["running"] = sorted(name for name, container in containers.items() if container.running)
    if "db" in answer["running"]:
        answer.update(_fitting(stack, own_postgres(stack)))
    elif image and not stack.has_own_database:
        # One that cannot be reached from here is nothing that a look should fail of.
        with suppress(BackupError):
            answer.update(_fitting(stack, ExternalPostgres(stack, image, pull="never")))
    return answer


def _version(stack: Stack, server: Container | None) -> str:
    """That of the container of the server; where there is none, that of the compose file."""
    return server.version if server else version_of(stack.services()[stack.server].get("image", ""), {})


def _fitting(stack: Stack, database: Postgres) -> dict[str, str]:
    variables = stack.environment(stack.server)
    lets_in = database.accepts(libpq(variables).get("PGPASSWORD", ""))
    if not lets_in and isinstance(database, ExternalPostgres):
        return {"password": _WORDS[lets_in]}
    return {"password": _WORDS[lets_in], "key": _WORDS[fits(variables, database.root_keys())]}


def bring_back(
    archive: Path,
    identity: Path | None,
    directory: Path,
    timeout: int,
    save_to: Path | None = None,
    keep_replaced: bool = False,
    unless_written: bool = False,
) -> dict[str, Any]:
    """Files, database and containers as the archive holds them. Raises BackupError.

    Everything is compared with the manifest before anything is touched, and the images are fetched. What is there is
    saved to a folder first, if one is given, in which three such archives stay; unless_written refuses where secrets
    were written after the archive was made. The database that is replaced goes last, when the server is healthy on the
    other, or stays under the name that is returned. What fails before that is undone: what ran before runs again.
    """
    with alone(directory), staging(directory) as place:
        manifest = unpack(archive, identity, place)
        before = Stack(directory)
        _check_that_it_can_come_back(archive, manifest, before)
        see_that_the_database_fits(manifest, "the restore", 0 if before.exists else FRESH_DATABASE)
        _have_the_images(_as_it_will_be(directory, place))
        change = _Change(before, place, manifest, timeout, BEFORE if keep_replaced else REPLACED)
        if unless_written:
            _check_that_nothing_was_written(archive, manifest, before, timeout)
        saved = _saved(before, save_to, change.names, timeout) if save_to else ""
        change.make(saved)
        replaced = change.replaced
        if not keep_replaced:
            database = own_postgres(Stack(directory))
            database.drop(*database.beside(REPLACED))  # those of killed runs as well
            replaced = ""
    # Not before it is back: while it fails, each run saves once more, and the first may be what one wants.
    if save_to and saved:
        with alone(save_to):
            prune(save_to, PLAIN, spared=Path(saved))
    rows = sum(manifest["rows"].values())
    return {"server_version": manifest["server_version"], "rows": rows, "replaced": replaced, "saved": saved}


class _Change:
    """An installation turned into that of an archive which was unpacked at a place, or left as it was before."""

    def __init__(self, before: Stack, place: Path, manifest: Mapping[str, Any], timeout: int, aside: str) -> None:
        self.before, self.place, self.manifest, self.timeout, self.aside = before, place, manifest, timeout, aside
        self.files = {  # where each lies in the directory, by its part
            name: PurePosixPath(name).relative_to(FILES)
            for name in manifest["parts"]
            if PurePosixPath(name).parts[0] == FILES
        }
        containers = before.containers() if before.exists else {}
        self.ran = sorted(name for name in containers if containers[name].running and name in before.services())
        self.replaced = ""  # under which name the database of before is kept

    @property
    def names(self) -> list[str]:
        """The files that it writes."""
        return list(map(str, self.files.values()))

    def make(self, saved: str) -> None:
        """Raises BackupError, which tells what is there then, and where that was saved."""
        known = self.before.exists
        self._keep_files()
        try:
            self._go()
        except (BackupError, OSError) as error:
            reason = str(error) if isinstance(error, BackupError) else f"{error.filename or 'a file'}: {error.strerror}"
            raise BackupError(f"{reason}{self._undone() if known else ''}{_told(saved)}") from None

    def _keep_files(self) -> None:
        """Each file that is going to be replaced stays as it is under a second name, its owner and mode included."""
        for name in self.names:
            if (self.before.directory / name).is_file():
                (self.place / _KEPT / name).parent.mkdir(parents=True, exist_ok=True)
                os.link(self.before.directory / name, self.place / _KEPT / name)

    def _go(self) -> None:
        if self.before.exists:
            self.before.compose("stop", self.before.server)
        for part, name in self.files.items():
            put(self.place / part, self.before.directory / name, self.manifest["parts"][part]["mode"])
        stack = Stack(self.before.directory)
        self.replaced = _put_database(stack, self.place / Postgres.part, self.manifest, self.timeout, self.aside)
        _start(stack, self.timeout)

    def _undone(self) -> str:
        """What became of it, as the end of a message."""
        try:
            if self.replaced and self.before.has_own_database:
                self._put_database_back()
            for name in self.names:
                kept, path = self.place / _KEPT / name, self.before.directory / name
                if kept.exists():
                    kept.replace(path)
                else:
                    path.unlink(missing_ok=True)
            if self.ran:
                limit = ("--wait", "--wait-timeout", str(self.timeout))
                self.before.compose("up", "--detach", *limit, *self.ran)
        except (BackupError, OSError) as error:
            return f" Nor could all be put back as it was: {error}."
        return " Files and database are as they were" + (", and what ran before runs again." if self.ran else ".")

    def _put_database_back(self) -> None:
        stack = Stack(self.before.directory)
        stack.compose("stop", stack.server)
        _flush_redis(stack)
        own_postgres(stack).put_back(self.replaced, self.before.environment("db").get("POSTGRES_PASSWORD", ""))
        self.replaced = ""


def _told(saved: str) -> str:
    return f" What was there before is saved in {saved}." if saved else ""


def _as_it_will_be(directory: Path, place: Path) -> Stack:
    """The stack of the directory with the files of an archive over its own, without touching them."""
    view = place / "view"
    view.mkdir()
    for folder in (place / FILES, directory):
        for path in folder.iterdir() if folder.exists() else ():
            if not (view / path.name).is_symlink():
                (view / path.name).symlink_to(path)
    return Stack(view)


def _have_the_images(stack: Stack) -> None:
    """Fetch what is missing. Raises BackupError."""
    if not stack.exists:
        raise BackupError(f"The archive holds none of {', '.join(COMPOSE_FILES)}: name it in infisical_backup_files")
    services = stack.services()
    missing = {
        name: service["image"]
        for name, service in services.items()
        if "build" not in service and not _is_there(service)
    }
    never = [image for name, image in missing.items() if services[name].get("pull_policy") == "never"]
    if never:
        raise BackupError(
            f"{', '.join(never)} is not on this host, and the compose file says that it is never fetched."
            " Load it: `docker load --input FILE`"
        )
    if missing:
        stack.compose("pull", "--quiet", *missing)


def _is_there(service: Mapping[str, Any]) -> bool:
    try:
        run(["docker", "image", "inspect", "--format={{.Id}}", service["image"]])
    except BackupError:
        return False
    return True


def _saved(stack: Stack, folder: Path, names: Sequence[str], timeout: int) -> str:
    """The archive of what is there, if anything is, with the files of these names.

    A database that does not run has something to lose as well.
    """
    if not stack.exists or not stack.has_own_database:
        return ""
    _start_database(stack, timeout)
    with alone(folder):
        return str(make(stack, folder, list(dict.fromkeys([".env", *COMPOSE_FILES, *names])), "", ())[0])


def _start_database(stack: Stack, timeout: int) -> None:
    stack.compose("up", "--detach", "--wait", "--wait-timeout", str(timeout), "db")


def start_on(stack: Stack, dump: Path, manifest: Mapping[str, Any], timeout: int) -> None:
    """Start a stack on the dump, if that is what the manifest tells."""
    _put_database(stack, dump, manifest, timeout, REPLACED)
    _start(stack, timeout)


def _put_database(stack: Stack, dump: Path, manifest: Mapping[str, Any], timeout: int, aside: str) -> str:
    """Start all but the server, and put the dump in the place of the database; the name of the replaced one."""
    limit = ("--wait", "--wait-timeout", str(timeout))
    stack.compose("up", "--detach", *limit, *(name for name in stack.services() if name != stack.server))
    database = own_postgres(stack)
    password = stack.environment("db").get("POSTGRES_PASSWORD", "")
    expected, key = expectation(stack, manifest)
    return database.restore(dump, expected, key, password, aside)


def _start(stack: Stack, timeout: int) -> None:
    _flush_redis(stack)
    stack.compose("up", "--detach", "--wait", "--wait-timeout", str(timeout))


def expectation(stack: Stack, manifest: Mapping[str, Any]) -> tuple[Contents, bytes]:
    """What the database of an archive held when it was made, and the key by which that is told."""
    key = digest_key(stack.environment(stack.server), manifest["keys"]["salt"])
    # The first archives had no digests.
    return Contents(manifest["rows"], manifest.get("digests", {})), key


def _check_that_it_can_come_back(archive: Path, manifest: Mapping[str, Any], stack: Stack) -> None:
    kind = manifest["database"]["kind"]
    if kind != Postgres.kind:
        raise BackupError(f"{archive} holds a dump of {kind}, which only a server of that time can take back")
    if "db" not in manifest["images"]:
        raise BackupError(
            f"The database of {archive} was not in the stack, so it is not replaced from here. Take {Postgres.part} out"
            " of it, stop every server that uses the database, and run `pg_restore --clean --if-exists` there."
        )
    theirs = manifest["server_version"]
    ours = _version(stack, stack.containers().get(stack.server)) if stack.exists else ""
    if ours and _numbers(theirs) > _numbers(ours):
        raise BackupError(
            f"{archive} is of the newer server {theirs}, and {ours} is installed here. Upgrade first: infisical_version"
        )


def _check_that_nothing_was_written(archive: Path, manifest: Mapping[str, Any], stack: Stack, timeout: int) -> None:
    _start_database(stack, timeout)
    written = grown(manifest["rows"], own_postgres(stack).contents(b"").rows)
    if written:
        raise BackupError(f"Going back to {archive} would lose what was written since: {', '.join(written)}")


def grown(before: Mapping[str, int], now: Mapping[str, int]) -> list[str]:
    """Which tables of secrets have other numbers of rows; every write of a secret adds one to its versions.

    A table that is there no more was taken away by the server itself.
    """
    return [
        f"{name} has {now[name]} rows instead of {before[name]}"
        for name in SECRETS
        if name in before and name in now and now[name] != before[name]
    ]


def _numbers(version: str) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", version)[:3]]


def _flush_redis(stack: Stack) -> None:
    """What is cached and queued there belongs to the database that was replaced."""
    if "redis" in stack.services():
        env = {"REDISCLI_AUTH": stack.environment("redis").get("REDIS_PASSWORD", "")}
        run(["docker", "exec", "--env=REDISCLI_AUTH", stack.running("redis").id, "redis-cli", "FLUSHALL"], env=env)


def escrow(stack: Stack, target: Path, recipients: Sequence[str], dry_run: bool) -> dict[str, Any]:
    """Keep the keys apart, encrypted; written anew only when keys or recipients have changed."""
    variables = stack.environment(stack.server)
    keys = {name: variables[name] for name in _ESCROWED if variables.get(name)}
    content = "".join(f"{name}={value}\n" for name, value in sorted(keys.items()))
    note = target.with_name(f"{target.name}.json")
    known = read_json(note)
    salt = str(known.get("salt") or secrets.token_hex(16))
    mark = fingerprint(" ".join([content, *sorted(recipients)]), salt)
    changed = known.get("fingerprint") != mark or not target.exists()
    if changed and not dry_run:
        with alone(target.parent), staging(target.parent) as place:
            draft = place / target.name
            with draft.open("wb") as out, encrypted(out, recipients) as sink:
                sink.write(content.encode())
            write(target, draft.read_bytes(), 0o600)
        about = {"salt": salt, "fingerprint": mark, "recipients": sorted(recipients), "holds": sorted(keys)}
        write(note, (json.dumps(about, indent=1) + "\n").encode(), 0o600)
    return {"changed": changed, "path": str(target), "holds": sorted(keys)}
