# Copyright: (c) 2026, The omakase.homelab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Archives: a tar of a manifest and the parts that it lists with their checksums, encrypted to age recipients.

An archive is written under a hidden name and renamed, so that what carries an archive's name is whole.
"""

from __future__ import annotations

import datetime
import json
import os
import secrets
import shutil
import socket
import subprocess
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Any

from .commands import BackupError, last_words, pipe, start
from .databases import database_of
from .files import CHUNK, DRAFT, described, named, publish, regular, staging
from .keys import KEYS, digest_key, fingerprint
from .pace import Paced
from .stack import Stack

FORMAT = 1
MANIFEST = "manifest.json"
_SEAL = "manifest.sha256"  # of the manifest, which tells those of the parts
FILES = "files"  # the folder in an archive for what lay in the installation's directory
_STAMP = "%Y%m%dT%H%M%SZ"


@dataclass(frozen=True)
class Archive:
    """An archive by its name, which tells its time: infisical-20261125T181500Z.tar.age"""

    time: datetime.datetime
    path: Path

    @classmethod
    def named(cls, path: Path) -> Archive | None:
        """The archive of that name, if it is one."""
        stem, _dot, suffix = path.name.partition(".")
        if not stem.startswith("infisical-") or suffix not in ("tar", "tar.age"):
            return None
        try:
            moment = datetime.datetime.strptime(stem[len("infisical-") :], _STAMP)
        except ValueError:
            return None
        return cls(moment.replace(tzinfo=datetime.timezone.utc), path)


def archives(folder: Path) -> list[Archive]:
    """The archives of a folder, the newest first."""
    found = filter(None, map(Archive.named, folder.glob("infisical-*")))
    return sorted(found, key=lambda archive: archive.time, reverse=True)


def choose(folder: Path, asked: str) -> Path:
    """The archive of a path, the newest of a day (2026-11-25) or moment, or the latest of all. Raises BackupError."""
    if asked.startswith("/"):
        return Path(asked)
    found = archives(folder)
    matching = [archive for archive in found if asked == "latest" or archive.time.isoformat().startswith(asked)]
    if not found:
        raise BackupError(f"{folder} has no archive. Make one (playbooks/backup.yml), or give the path of one.")
    if not matching:
        days = ", ".join(sorted({archive.time.date().isoformat() for archive in found}))
        raise BackupError(f"{folder} has no archive of {asked}. There are: {days}")
    return matching[0].path


def now() -> datetime.datetime:
    return datetime.datetime.now(datetime.timezone.utc)


def make(
    stack: Stack, folder: Path, files: Sequence[str], image: str, recipients: Sequence[str], source: Path | None = None
) -> tuple[Path, dict[str, Any]]:
    """Back the stack up into a new archive of the folder, which `files.alone` holds; it and its manifest.

    source: where the files lie, if not in the directory of the stack.
    """
    archive = folder / f"infisical-{now().strftime(_STAMP)}.tar{'.age' if recipients else ''}"
    with staging(folder) as place:
        manifest = collect(stack, files, image, place, source or stack.directory)
        pack(archive, place, manifest, recipients)
    return archive, manifest


def collect(stack: Stack, files: Sequence[str], image: str, place: Path, source: Path) -> dict[str, Any]:
    """Gather the parts of a backup below `place`; the manifest."""
    containers = stack.containers()
    database = database_of(stack, image, containers)
    variables = stack.environment(stack.server)
    salt = secrets.token_hex(16)
    held = database.dump(place / database.part, digest_key(variables, salt))
    for path in named(source, files):
        target = place / FILES / path.relative_to(source)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(path, target)
    server = containers.get(stack.server)
    return {
        "format": FORMAT,
        "created": now().isoformat(timespec="seconds"),
        "host": socket.gethostname(),
        "directory": str(stack.directory),
        "database": held.database,
        "server_version": server.version if server else "",
        "images": {name: {"name": item.image, "id": item.image_id} for name, item in sorted(containers.items())},
        "rows": held.contents.rows,
        "digests": held.contents.digests,
        "keys": {"salt": salt, **{name: fingerprint(variables[name], salt) for name in KEYS if variables.get(name)}},
        "parts": {str(path.relative_to(place)): described(path) for path in regular(place)},
    }


def pack(archive: Path, place: Path, manifest: Mapping[str, Any], recipients: Sequence[str]) -> None:
    """Pack the parts below `place`, encrypted on the way. Raises BackupError."""
    (place / MANIFEST).write_text(json.dumps(manifest, indent=1) + "\n")
    (place / _SEAL).write_text(described(place / MANIFEST)["sha256"] + "\n")
    if archive.exists():
        raise BackupError(f"{archive} exists already")
    draft = archive.with_name(f"{DRAFT}{archive.name}")
    try:
        with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
            _write_tar(out, place, (MANIFEST, _SEAL, *manifest["parts"]), recipients)
        publish(draft, archive)
    except OSError as error:
        raise BackupError(f"{archive} cannot be written: {error.strerror}") from None
    finally:
        draft.unlink(missing_ok=True)


def _write_tar(out: IO[bytes], place: Path, names: Sequence[str], recipients: Sequence[str]) -> None:
    with encrypted(out, recipients) as sink, tarfile.open(fileobj=Paced(sink), mode="w|", bufsize=CHUNK) as tar:
        tar.format = tarfile.GNU_FORMAT  # no extended headers: every byte counts
        for name in names:
            tar.add(place / name, arcname=name, recursive=False)


def unpack(archive: Path, identity: Path | None, place: Path) -> dict[str, Any]:
    """Take an archive apart below `place` and hold every part against the manifest, which is returned.

    Raises BackupError that names what is wrong: the key, the file, or a part of it.
    """
    if not archive.exists():
        raise BackupError(f"{archive} does not exist")
    with _decrypted(archive, identity) as source, tarfile.open(fileobj=source, mode="r|", bufsize=CHUNK) as tar:
        for member in tar:
            _extract(tar, member, place)
    try:
        manifest: dict[str, Any] = json.loads((place / MANIFEST).read_text())
        parts, form = manifest["parts"], manifest["format"]
    except (OSError, ValueError, LookupError, TypeError):
        raise BackupError(f"{archive} is not a backup of ours: it has no manifest") from None
    if not (place / _SEAL).exists() or (place / _SEAL).read_text().strip() != described(place / MANIFEST)["sha256"]:
        raise BackupError(f"{archive} is damaged: its manifest was changed")
    if form != FORMAT:
        raise BackupError(f"{archive} has the format {form} and this program reads {FORMAT}. Use that which made it.")
    there = {str(path.relative_to(place)) for path in regular(place)} - {MANIFEST, _SEAL}
    for name in sorted({*parts, *there}):
        if name not in parts or name not in there or described(place / name)["sha256"] != parts[name]["sha256"]:
            raise BackupError(f"{archive} is damaged: {name} is not what its manifest says")
    return manifest


def _extract(tar: tarfile.TarFile, member: tarfile.TarInfo, place: Path) -> None:
    """Write a plain file below `place`; an archive of ours holds nothing else."""
    name = PurePosixPath(member.name)
    source = tar.extractfile(member) if member.isreg() else None
    if source is None or name.is_absolute() or ".." in name.parts:
        raise tarfile.TarError
    target = place / name
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with source, open(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
        shutil.copyfileobj(source, out, CHUNK)


@contextmanager
def encrypted(out: IO[bytes], recipients: Sequence[str]) -> Iterator[IO[bytes]]:
    """Where plain bytes go in for `out` to get them encrypted; `out` itself without recipients."""
    if not recipients:
        yield out
        return
    names = [word for recipient in recipients for word in ("--recipient", recipient)]
    with start(["age", "--encrypt", *names], stdin=subprocess.PIPE, stdout=out) as age:
        try:
            yield pipe(age.stdin)
            pipe(age.stdin).close()
        except BrokenPipeError:
            pass  # its own words say why
        words = pipe(age.stderr).read()
    if age.returncode != 0:
        raise BackupError(f"age does not encrypt: {last_words(words)}")


def _spoken(identity: Path | None) -> str:
    """A key's file, as one speaks of it; it may come by standard input, so that it is in no file here."""
    return "the one given" if str(identity) == "-" else str(identity)


@contextmanager
def _decrypted(archive: Path, identity: Path | None) -> Iterator[IO[bytes]]:
    """The tar in an archive. Raises BackupError, also for what is wrong with the tar."""
    command = ["cat", str(archive)]
    if archive.suffix == ".age":
        if identity is None:
            raise BackupError(f"{archive} is encrypted. Give the file with the age key: --identity")
        command = ["age", "--decrypt", "--identity", str(identity), str(archive)]
    broken = False
    with start(command) as reader:
        try:
            yield pipe(reader.stdout)
            while pipe(reader.stdout).read(CHUNK):
                pass
        except (tarfile.TarError, EOFError):
            broken = True
        pipe(reader.stdout).close()
        words = pipe(reader.stderr).read()
    if b"no identity matched" in words:
        raise BackupError(f"{archive} was encrypted for another key than {_spoken(identity)}")
    if (reader.returncode > 0 and not broken) or b"age: error" in words:
        raise BackupError(f"{archive} is damaged: {last_words(words)}")
    if broken:
        raise BackupError(f"{archive} is damaged: it is not a complete tar")
