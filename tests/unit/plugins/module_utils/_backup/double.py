# SPDX-License-Identifier: GPL-3.0-or-later
"""A double of the programs that a backup runs: it answers what it was told to, in order, and nothing else."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.omakase.homelab.plugins.module_utils._backup import commands


class Programs:
    """Expected commands, by a part of them, each with its answer."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.expected: list[tuple[str, str, str]] = []
        self.environments: list[Mapping[str, str]] = []
        self.inputs: list[str] = []
        self.commands: list[str] = []
        monkeypatch.setattr(commands, "start", self.start)

    def expect(self, part: str, out: str = "", failure: str = "") -> None:
        self.expected.append((part, out, failure))

    @contextmanager
    def start(
        self, command: Sequence[str], *, cwd: Path | None = None, env: Mapping[str, str] | None = None, **_: Any
    ) -> Iterator[_Ended]:
        words = " ".join(command)
        assert self.expected, f"unexpected: {words}"
        part, out, failure = self.expected.pop(0)
        assert part in words, f"expected {part}, not {words}"
        self.environments.append(env or {})
        self.commands.append(words)
        yield _Ended(self, out, failure)


class _Ended(subprocess.Popen[bytes]):
    """A program that has said what it says."""

    def __init__(self, programs: Programs, out: str, failure: str) -> None:
        self.programs, self.out, self.failure = programs, out, failure
        self.returncode = 1 if failure else 0

    def __del__(self, *_: object) -> None:
        pass

    def communicate(self, input: Any = None, timeout: float | None = None) -> Any:
        self.programs.inputs.append((input or b"").decode())
        return self.out.encode(), self.failure.encode()
