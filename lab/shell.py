# SPDX-License-Identifier: GPL-3.0-or-later
"""Running programs, writing files, and saying what happens."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

# Messages in English whatever the host's language, no questions from package tools, and root's programs even where
# `su` left them off the path.
_PATH = os.pathsep.join((os.environ.get("PATH", ""), "/usr/local/sbin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"))
_PLAIN = {"LC_ALL": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive", "PATH": _PATH}
_TAIL = 15  # lines of a failed program's output that its error shows
_started = time.monotonic()
_speaking = threading.Lock()


class LabError(Exception):
    """What went wrong, where, and what to do: shown as it is, without a traceback."""


class CommandError(LabError):
    """A program ended with a status other than 0."""

    def __init__(self, command: Sequence[str], status: int, output: str) -> None:
        tail = "\n".join("    " + line for line in output.strip().splitlines()[-_TAIL:])
        super().__init__(f"`{shlex.join(command)}` ended with status {status}" + (f":\n{tail}" if tail else ""))
        self.status = status
        self.output = output


def run(
    command: Sequence[str],
    *,
    stdin: str | Path | None = None,
    env: Mapping[str, str] | None = None,
    log: Path | None = None,
    cwd: Path | None = None,
    limit: float | None = None,
) -> str:
    """The program's output, both streams together. `stdin` is text or a file, `env` adds to our own, `log` also
    keeps the output in a file, `limit` is in seconds. Raises CommandError.
    """
    source = stdin.open("rb") if isinstance(stdin, Path) else None
    try:
        done = subprocess.run(  # noqa: S603 - the one place where programs are run; never through a shell
            list(command),
            input=stdin if isinstance(stdin, str) else None,
            stdin=None if isinstance(stdin, str) else source or subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            env={**os.environ, **_PLAIN, **(env or {})},
            cwd=cwd,
            timeout=limit,
            check=False,
        )
    except FileNotFoundError as missing:
        raise LabError(f"The program {command[0]} is not installed; `python -m lab up` installs it.") from missing
    except subprocess.TimeoutExpired as late:
        raise LabError(f"`{shlex.join(command)}` did not end within {limit:.0f} seconds.") from late
    finally:
        if source is not None:
            source.close()
    if log is not None:
        log.parent.mkdir(parents=True, exist_ok=True)
        log.write_text(f"$ {shlex.join(command)}\n{done.stdout}")
    if done.returncode:
        raise CommandError(command, done.returncode, done.stdout)
    return done.stdout


def succeeds(command: Sequence[str], *, limit: float | None = None) -> bool:
    """True if the program ends with status 0."""
    try:
        run(command, limit=limit)
    except LabError:
        return False
    return True


def which(program: str) -> bool:
    """True if the program is installed."""
    return shutil.which(program, path=_PATH) is not None


def say(text: str) -> None:
    """A line of progress with the seconds since the start."""
    with _speaking:
        print(f"[{time.monotonic() - _started:6.1f} s] {text}", flush=True)


def write(path: Path, text: str, mode: int = 0o644, owner: int | None = None) -> bool:
    """Put the text in the file, whole or not at all; False if it was there already."""
    if path.exists() and not path.is_symlink() and path.read_text() == text:
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "w") as stream:
        stream.write(text)
    draft.chmod(mode)
    if owner is not None:
        os.chown(draft, owner, owner)
    draft.replace(path)
    return True


def remove_tree(path: Path) -> None:
    """Remove a folder, and what an interrupted run left mounted in it; never anything behind a mount."""
    for mounted in sorted(mounts_below(path), reverse=True):
        run(["umount", "--lazy", mounted])
    if path.is_symlink() or path.exists():
        run(["rm", "-rf", "--one-file-system", str(path)])


def mounts_below(path: Path) -> list[str]:
    """Mount points at or below a folder."""
    points = [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    return [point for point in points if point == str(path) or point.startswith(f"{path}/")]


def wait_for(condition: Callable[[], bool], limit: float, pause: float = 0.1) -> bool:
    """Ask until the condition holds (True) or `limit` seconds are over (False)."""
    end = time.monotonic() + limit
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(pause)
    return True
