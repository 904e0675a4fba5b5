# Copyright: (c) 2026, The omakase.homelab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Other programs: run to their end, or started with a pipe. What they say when they fail becomes a BackupError."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from .pace import PACE

_PATIENCE = 5  # seconds for a program to end by itself
_CHUNK = 1 << 16  # as much as a pipe holds
_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None


class BackupError(Exception):
    """What went wrong, in words for the operator; never with a secret in it."""


def run(
    command: Sequence[str],
    *,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    stdin: str | IO[bytes] | None = None,
    stdout: int | IO[bytes] = subprocess.PIPE,
) -> str:
    """What the command prints. Secrets go by `env` or `stdin`: a command line is in every process list."""
    source: Any = subprocess.DEVNULL if stdin is None else subprocess.PIPE if isinstance(stdin, str) else stdin
    with start(command, cwd=cwd, env=env, stdin=source, stdout=stdout) as process:
        out, err = process.communicate(stdin.encode() if isinstance(stdin, str) else None)
    _must_succeed(command, process, err)
    PACE.rest()
    return out.decode() if out else ""


def pour(command: Sequence[str], out: IO[bytes], *, env: Mapping[str, str] | None = None) -> None:
    """Write what the command prints to a file, however long that is, with rests in between."""
    with start(command, env=env) as process:
        for chunk in iter(lambda: pipe(process.stdout).read(_CHUNK), b""):
            out.write(chunk)
            PACE.rest()
        err = pipe(process.stderr).read()
    _must_succeed(command, process, err)


def _must_succeed(command: Sequence[str], process: subprocess.Popen[bytes], err: bytes) -> None:
    """Raises BackupError if it failed."""
    if process.returncode != 0:
        raise BackupError(f"`{_spoken(command)}` ended with {process.returncode}: {last_words(err)}")


@contextmanager
def start(
    command: Sequence[str],
    *,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    stdin: int | IO[bytes] | None = None,
    stdout: int | IO[bytes] = subprocess.PIPE,
) -> Iterator[subprocess.Popen[bytes]]:
    """The running command, with its standard error to be read. Raises BackupError where there is no such program.

    It does not outlive what goes wrong here, nor us, whatever ends us.
    """
    try:
        process = subprocess.Popen(  # noqa: S603
            command,
            cwd=cwd,
            env={**os.environ, **(env or {})},
            stdin=stdin,
            stdout=stdout,
            stderr=subprocess.PIPE,
            preexec_fn=_tie,
        )
    except OSError as error:
        raise BackupError(f"{command[0]} cannot be run: {error.strerror}") from None
    with process:
        try:
            yield process
        except BaseException:
            _end(process)
            raise


def _tie() -> None:
    """Let the kernel end this child with its parent: nobody would let go of its locks, or clear up what it writes."""
    if _LIBC is not None:
        _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def _end(process: subprocess.Popen[bytes]) -> None:
    """Let it take its locks away; but not for long."""
    process.terminate()
    try:
        process.wait(_PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
    if process.stdin:
        with suppress(BrokenPipeError):  # what was still to be said to it
            process.stdin.close()


def pipe(stream: IO[bytes] | None) -> IO[bytes]:
    """A stream that was asked for as a pipe."""
    if stream is None:
        raise BackupError("a pipe is missing")
    return stream


def last_words(err: bytes) -> str:
    """The end of what a program said when it failed."""
    lines = [line.strip() for line in err.decode(errors="replace").splitlines() if line.strip()]
    return " / ".join(lines[-3:]) or "no word why"


def _spoken(command: Sequence[str]) -> str:
    """The command in a few words."""
    return " ".join([word for word in command if not word.startswith("-")][:4])
