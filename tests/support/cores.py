# SPDX-License-Identifier: GPL-3.0-or-later
"""Releases of ansible-core beside the one that this checkout is developed with, each in an environment of its own."""

from __future__ import annotations

import fcntl
import glob
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

# Every release that the collection supports, with the newest Python that it is tested with and the oldest it runs on.
PYTHONS = {
    "2.17": ("3.10", "3.12"),
    "2.18": ("3.11", "3.13"),
    "2.19": ("3.11", "3.13"),
    "2.20": ("3.12", "3.14"),
    "2.21": ("3.12", "3.14"),
}
CORES = list(PYTHONS)


@dataclass(frozen=True)
class Core:
    """An ansible-core that is installed."""

    name: str
    programs: Path

    def program(self, name: str) -> Path:
        return self.programs / name

    @classmethod
    def own(cls) -> Core:
        return cls("own", Path(sys.executable).parent)

    @staticmethod
    def python(version: str) -> str | None:
        """A Python of exactly that version; None if this machine has none."""
        return next((python for python in _others() if _version(python) == _numbers(version)), None)

    @classmethod
    def installed(cls, release: str, cache: Path) -> Core | None:
        """The release, installed into the cache if it is not there; None if this machine has no Python for it."""
        directory = cache / release
        python = _python_for(release)
        if python is None:
            return None
        with (cache / f"{release}.lock").open("w") as lock:  # tests run side by side
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not (directory / "ready").exists():
                _install(release, python, directory)
        return cls(release, directory / "bin")


def _install(release: str, python: str, directory: Path) -> None:
    shutil.rmtree(directory, ignore_errors=True)
    subprocess.run([python, "-m", "venv", str(directory)], check=True)
    pip = [str(directory / "bin" / "pip"), "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, f"ansible-core~={release}.0"], check=True)
    (directory / "ready").touch()


def _python_for(release: str) -> str | None:
    """A Python for that release: this one, or another of this machine."""
    oldest, newest = (_numbers(version) for version in PYTHONS[release])
    for python in [sys.executable, *_others()]:
        if oldest <= _version(python) <= newest:
            return python
    return None


def _others() -> list[str]:
    places = [
        "/usr/bin/python3.??",
        "/usr/local/bin/python3.??",
        os.path.expanduser("~/.pyenv/versions/3.*/bin/python3"),
    ]
    return [path for place in places for path in sorted(glob.glob(place))]


def _version(python: str) -> tuple[int, ...]:
    command = [python, "-c", "import sys, venv, ensurepip; print('%d.%d' % sys.version_info[:2])"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return _numbers(done.stdout) if done.returncode == 0 else (0,)


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))
