# Copyright: (c) 2026, The omakase.homelab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One after the other: modules of several runs at once on one host."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress


@contextmanager
def alone(directory: str) -> Iterator[None]:
    """Lets in one at a time; whoever comes second waits.

    Where the directory cannot be opened, or its file system has no locks, nobody waits.
    """
    try:
        handle = os.open(directory, os.O_RDONLY)
    except OSError:
        yield
        return
    # A lock on a directory leaves no file behind, and the kernel gives it back when a module dies.
    try:
        with suppress(OSError):
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


@contextmanager
def alone_in_account() -> Iterator[None]:
    """Lets in one module of an account at a time, whatever playbook's run it belongs to.

    Where the account has no home, as with any user in a container, nobody waits.
    """
    with alone(os.path.expanduser("~")):
        yield
