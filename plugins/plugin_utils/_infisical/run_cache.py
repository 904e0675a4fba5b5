# Copyright: (c) 2026, The omakase.homelab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What all processes of one run share: a directory of encrypted entries, each made once, gone when the run ends.

Ansible forks for every task on every host, so memory is no place to keep anything. The directory lies in the run's own
(C.DEFAULT_LOCAL_TMP: mode 0700, removed at exit), where Ansible puts rendered templates as well.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import stat
import tempfile
from typing import TYPE_CHECKING, Any

from ansible_collections.omakase.homelab.plugins.plugin_utils._infisical.seal import Seal

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

Entry = dict[str, Any]

DIRECTORY = "omakase.homelab.infisical"
# In place of a generation: nothing of this project is kept any more in this run.
NEVER = "never"
# In place of a project's id.
EVERY_PROJECT = ""

# What this process has read, by path: the file's identity, and the entry. Several lookups of one task share it.
_read_before: dict[str, tuple[tuple[int, int, int], Entry]] = {}


class UnusableError(Exception):
    """The directory cannot be used; says why."""


class RunCache:
    """The directory of the run that local_tmp belongs to. Raises UnusableError."""

    def __init__(self, local_tmp: str) -> None:
        self.directory = os.path.join(local_tmp, DIRECTORY)
        try:
            _refuse_shared(local_tmp)
            with contextlib.suppress(FileExistsError):
                os.mkdir(self.directory, 0o700)
            self.salt = self._salt()
        except OSError as error:
            raise UnusableError(f"{local_tmp}: {error.strerror}") from None

    def _salt(self) -> bytes:
        """32 random bytes, written by whichever process comes first."""
        path = os.path.join(self.directory, "salt")
        with contextlib.suppress(FileNotFoundError):
            return _content(path)
        scratch = _scratch(self.directory, os.urandom(32))
        with contextlib.suppress(FileExistsError):
            os.link(scratch, path)  # fails, and does not replace, if another was faster
        os.unlink(scratch)
        return _content(path)

    def drawer(self, secret: str, guessable: bool) -> Drawer:
        """The entries of one credential. Raises UnusableError."""
        try:
            return Drawer(self.directory, Seal(secret, self.salt, guessable))
        except ImportError:
            raise UnusableError("the Python package cryptography is missing") from None

    def generation(self, project_id: str) -> str:
        """Changes whenever something was written to the project: what was read before counts no more.

        A project is known by its id alone, since modules may reach the same server by another address.
        """
        return joined([self._written(EVERY_PROJECT), self._written(project_id)])

    def forget(self, project_id: str, for_good: bool = False) -> None:
        """Drops all that was read of a project, or of EVERY_PROJECT; for_good: and keeps nothing of it from now on."""
        if for_good or self._written(project_id) != NEVER:
            _replace(self._generation_path(project_id), (NEVER if for_good else os.urandom(8).hex()).encode())

    def _written(self, project_id: str) -> str:
        with contextlib.suppress(OSError):
            return _content(self._generation_path(project_id)).decode()
        return ""

    def _generation_path(self, project_id: str) -> str:
        return os.path.join(self.directory, "generation-" + plain_name(project_id))

    def note(self, name: str) -> None:
        """Leaves a mark for the other processes; nothing secret."""
        _replace(os.path.join(self.directory, name), b"")

    def noted(self, name: str) -> bool:
        return os.path.exists(os.path.join(self.directory, name))


class Drawer:
    """Entries that one credential can open."""

    def __init__(self, directory: str, seal: Seal) -> None:
        self.directory = directory
        self.seal = seal

    def read(self, *parts: str) -> Entry | None:
        """The entry, or None if there is none that this credential can open."""
        name = self.seal.name(*parts)
        path = os.path.join(self.directory, name)
        try:
            with open(path, "rb") as file:
                status = os.fstat(file.fileno())
                identity = (status.st_ino, status.st_mtime_ns, status.st_size)
                known = _read_before.get(path)
                if known and known[0] == identity:
                    return known[1]
                content = self.seal.open(name, file.read())
        except OSError:
            return None
        if content is None:
            return None
        entry: Entry = json.loads(content)
        _read_before[path] = (identity, entry)
        return entry

    def write(self, entry: Entry, *parts: str) -> None:
        """Whole or not at all. A directory that is full or gone only costs the next process a request."""
        name = self.seal.name(*parts)
        with contextlib.suppress(OSError):
            _replace(os.path.join(self.directory, name), self.seal.close(name, json.dumps(entry).encode()))

    def once(self, parts: tuple[str, ...], counts: Callable[[Entry], bool], make: Callable[[], Entry]) -> Entry:
        """The entry, made by one process while the others wait for it.

        counts: whether an entry that is there is good enough.
        Raises InfisicalError as make does.
        """
        entry = self.read(*parts)
        if entry is not None and holds(entry) and counts(entry):
            return entry
        # Imported here: most lookups find what they need.
        from ansible_collections.omakase.homelab.plugins.plugin_utils._infisical.single_flight import make_once

        return make_once(self, parts, counts, make)

    def alone(self, *parts: str) -> AbstractContextManager[None]:
        """Only one process of the run is in here; the kernel lets the next one in when it ends or dies."""
        from ansible_collections.omakase.homelab.plugins.plugin_utils._infisical.single_flight import locked

        return locked(os.path.join(self.directory, self.seal.name(*parts) + ".lock"))


def joined(generations: list[str]) -> str:
    """One generation for several: it changes if one of them does."""
    return NEVER if NEVER in generations else ".".join(generations)


def plain_name(*parts: str) -> str:
    """A file name for parts that are no secret."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]


def holds(entry: Entry) -> bool:
    """Whether it is what was asked for, and not the failure to get it."""
    return "failed_at" not in entry


def _refuse_shared(path: str) -> None:
    """Raises OSError unless the directory is ours alone."""
    status = os.stat(path)
    if status.st_uid != os.geteuid() or stat.S_IMODE(status.st_mode) & 0o077:
        raise PermissionError(1, "it is not private to this user")


def _content(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read()


def _scratch(directory: str, content: bytes) -> str:
    """A new file of mode 0600 with that content."""
    handle, path = tempfile.mkstemp(dir=directory, prefix="scratch-")
    with os.fdopen(handle, "wb") as file:
        file.write(content)
    return path


def _replace(path: str, content: bytes) -> None:
    os.replace(_scratch(os.path.dirname(path), content), path)
