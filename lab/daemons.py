# SPDX-License-Identifier: GPL-3.0-or-later
"""Background processes that outlive the terminal: each with a file that says which process it is, and a log."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from lab import settings
from lab.shell import LabError, wait_for, write

_CHECKOUT = Path(__file__).resolve().parent.parent
_START_LIMIT = 20  # seconds until it answers
_STOP_LIMIT = 10  # seconds between asking and killing


@dataclass(frozen=True)
class Daemon:
    """A background process. `is_ready` tells whether it answers; `version` is what it depends on besides its command:
    when either changes, `start` replaces the process.
    """

    name: str
    command: Sequence[str]
    is_ready: Callable[[], bool]
    version: str = ""

    @property
    def log(self) -> Path:
        """Where its output goes."""
        return settings.LOGS / f"{self.name}.log"

    @property
    def _note(self) -> Path:
        return settings.STATE / "run" / f"{self.name}.json"

    def pid(self) -> int | None:
        """The number of the running process. A note left by a killed run, or by a machine that has been restarted,
        does not fool it: the process must have started when the note says.
        """
        try:
            note = json.loads(self._note.read_text())
        except (FileNotFoundError, ValueError):
            return None
        pid = int(note["pid"])
        return pid if _started(pid) == note["started"] else None

    def is_up(self) -> bool:
        """True if the process runs and answers."""
        return self.pid() is not None and self.is_ready()

    def start(self) -> None:
        """Run it, unless it runs already as it should. Raises LabError with its last words if it does not answer."""
        if self.is_up() and json.loads(self._note.read_text())["version"] == self._fingerprint():
            return
        self.stop()
        for folder in (self.log.parent, self._note.parent):
            folder.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            process = subprocess.Popen(  # noqa: S603 - a fixed command of the lab's own
                list(self.command),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                env={**os.environ, "PYTHONPATH": str(_CHECKOUT), "PYTHONUNBUFFERED": "1"},
                start_new_session=True,
            )
        note = {"pid": process.pid, "started": _started(process.pid), "version": self._fingerprint()}
        write(self._note, json.dumps(note) + "\n")
        if not wait_for(lambda: self.is_ready() or process.poll() is not None, _START_LIMIT) or not self.is_up():
            self.stop()
            words = "\n".join("    " + line for line in self.log.read_text().splitlines()[-10:])
            raise LabError(f"{self.name} does not start ({self.log}):\n{words}")

    def stop(self) -> None:
        """End it, and any twin whose note a killed run did not write; nothing happens if there is none."""
        for how in (signal.SIGTERM, signal.SIGKILL):
            for pid in self._twins():
                with suppress(ProcessLookupError):
                    os.kill(pid, how)
            if wait_for(lambda: not self._twins(), _STOP_LIMIT):
                break
        self._note.unlink(missing_ok=True)

    def _twins(self) -> list[int]:
        """Living processes with our arguments, whichever Python runs them: the lab is alone on its addresses."""
        ours = "\0".join(self.command[1:]).encode()
        found = []
        for entry in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                arguments = (entry / "cmdline").read_bytes().rstrip(b"\0").partition(b"\0")[2]
                if arguments == ours and _started(int(entry.name)) is not None:
                    found.append(int(entry.name))
        return found

    def _fingerprint(self) -> str:
        return hashlib.sha256(json.dumps([list(self.command), self.version]).encode()).hexdigest()[:16]


def _started(pid: int) -> int | None:
    """When the process started (clock ticks since boot); None if it is gone, or dead and not yet collected."""
    try:
        fields = Path("/proc", str(pid), "stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if fields[0] in "ZX" else int(fields[19])


def module_command(module: str, *arguments: str) -> list[str]:
    """The command that runs a module of this checkout with the Python that runs us."""
    return [sys.executable, "-m", module, *arguments]


def source_version(*paths: Path) -> str:
    """A name for the state of these files, for Daemon.version."""
    digest = hashlib.sha256()
    for path in paths:
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]
