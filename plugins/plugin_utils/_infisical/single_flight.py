# Copyright: (c) 2026, The omakase.homelab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An entry of the run's cache that is not there yet: one process makes it while the others wait."""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Callable, Iterator

from ansible_collections.omakase.homelab.plugins.module_utils._infisical.errors import InfisicalError, LoginRefusedError
from ansible_collections.omakase.homelab.plugins.plugin_utils._infisical.run_cache import Drawer, Entry, holds


def make_once(
    drawer: Drawer, parts: tuple[str, ...], counts: Callable[[Entry], bool], make: Callable[[], Entry]
) -> Entry:
    """The entry, unless another process was faster: then what that one has made.

    A failure is the failure of all who waited for it, so that a server that is down is not asked by each in turn;
    refused credentials are remembered for the whole run.
    Raises InfisicalError as make does.
    """
    began = time.monotonic()
    with drawer.alone(*parts):
        entry = drawer.read(*parts)
        if entry is not None:
            _raise_failure(entry, since=began)
            if holds(entry) and counts(entry):
                return entry
        try:
            made = make()
        except InfisicalError as error:
            drawer.write(_failure(error), *parts)
            raise
        drawer.write(made, *parts)
        return made


@contextlib.contextmanager
def locked(path: str) -> Iterator[None]:
    """Holds a lock on that file, which is made for it; the kernel frees it when the process ends or dies."""
    try:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError:
        yield  # the directory is gone, as at the end of a run
        return
    try:
        with contextlib.suppress(OSError):  # a file system without locks
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _failure(error: InfisicalError) -> Entry:
    return {
        "failed_at": time.monotonic(),
        "refused": isinstance(error, LoginRefusedError),
        "error": [error.problem, error.advice, error.status, error.error, error.message],
    }


def _raise_failure(entry: Entry, since: float) -> None:
    if holds(entry):
        return
    if entry["refused"]:
        raise LoginRefusedError(*entry["error"])
    if entry["failed_at"] >= since:
        raise InfisicalError(*entry["error"])
