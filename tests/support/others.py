# SPDX-License-Identifier: GPL-3.0-or-later
"""Programs of others that run this collection, in an environment of their own: tests/requirements.txt."""

from __future__ import annotations

import fcntl
from pathlib import Path

from tests.meta.repository import ROOT, run

_ENVIRONMENT = ".venv-others"


def programs() -> Path:
    """Return the folder with all of them, installed if they are not there."""
    with (ROOT / "Makefile").open() as lock:  # tests run side by side
        fcntl.flock(lock, fcntl.LOCK_EX)
        run("make", "--quiet", f"{_ENVIRONMENT}/.ready")
    return ROOT / _ENVIRONMENT / "bin"
