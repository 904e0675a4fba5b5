# Copyright: (c) 2026, The omakase.homelab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that are the old or the new one at every moment, and folders that one run at a time works in."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import IO, Any

from .commands import BackupError
from .pace import PACE

CHUNK = 1 << 20
# Hidden, so that nothing half made ever looks like an archive.
DRAFT = ".infisical-"
# Seconds to wait for another run: whoever was cut off from one often starts the next while that one still works.
PATIENCE = 600


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """A folder for root that no other run of ours works in, cleared of what killed ones left.

    Another one is waited for. Raises BackupError.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = (folder / ".lock").open("w")
    except OSError as error:
        raise BackupError(f"{folder} cannot be written: {error.strerror}") from None
    with lock:
        _take(lock, folder)
        for leftover in folder.glob(f"{DRAFT}*"):
            shutil.rmtree(leftover) if leftover.is_dir() else leftover.unlink()
        yield


def _take(lock: IO[str], folder: Path) -> None:
    limit = time.monotonic() + PATIENCE
    for attempt in count():
        try:
            return fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= limit:
                raise BackupError(f"Another run is at work in {folder}. Wait until it has ended.") from None
        if attempt == 0:
            sys.stderr.write(f"infisical-backup: another run is at work in {folder}, and is waited for\n")
        time.sleep(0.5)
    return None


@contextmanager
def staging(folder: Path) -> Iterator[Path]:
    """A place for root alone on the file system of the folder, gone afterwards."""
    with tempfile.TemporaryDirectory(prefix=DRAFT, dir=folder) as place:
        yield Path(place)


def write(path: Path, content: bytes, mode: int) -> None:
    """Write a small file. What a killed run has left of it, the next one overwrites."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{DRAFT}{path.name}")
    with _writing_in(path.parent):
        try:
            with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as out:
                os.fchmod(out.fileno(), mode)
                out.write(content)
            publish(draft, path)
        except BaseException:
            draft.unlink(missing_ok=True)
            raise


@contextmanager
def _writing_in(folder: Path) -> Iterator[None]:
    """One at a time. A lock on a folder leaves nothing behind, and the kernel gives it back when its holder dies."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def put(draft: Path, path: Path, mode: int) -> None:
    """Let a finished file of the same file system take its place."""
    draft.chmod(mode)
    path.parent.mkdir(parents=True, exist_ok=True)
    publish(draft, path)


def publish(draft: Path, path: Path) -> None:
    """Let a finished file appear under its name, on the disk before it does."""
    with draft.open("rb") as written:
        os.fsync(written.fileno())
    draft.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def named(directory: Path, names: Sequence[str]) -> list[Path]:
    """The files of these names that are there; of folders, all that is in them."""
    found = [directory / name for name in names if (directory / name).exists()]
    return [file for path in found for file in (regular(path) if path.is_dir() else [path])]


def regular(folder: Path) -> list[Path]:
    """The plain files below a folder, in order."""
    return sorted(path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())


def described(path: Path) -> dict[str, Any]:
    """Checksum, size and mode of a file."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        for chunk in iter(lambda: file.read(CHUNK), b""):
            digest.update(chunk)
            PACE.rest()
    return {"sha256": digest.hexdigest(), "bytes": path.stat().st_size, "mode": path.stat().st_mode & 0o777}
