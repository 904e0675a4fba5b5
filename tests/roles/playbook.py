# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs a small playbook with ansible-playbook, as a user would, and reads what it printed."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
_RECAP = re.compile(r"^\S+\s+: ok=\d+\s+changed=(\d+)\s+unreachable=(\d+)\s+failed=(\d+)", re.M)


@dataclass(frozen=True)
class Run:
    """One run: its exit code, and everything it printed, on one line for looking up sentences."""

    code: int
    output: str

    @property
    def text(self) -> str:
        return " ".join(self.output.split())

    @property
    def changed(self) -> int:
        """Changed tasks on all hosts together."""
        return sum(int(match.group(1)) for match in _RECAP.finditer(self.output))


def play(
    directory: Path,
    inventory: str,
    play: Mapping[str, Any],
    *arguments: str,
    variables: Mapping[str, Any] | None = None,
) -> Run:
    """Run one play, given as a dictionary, against an inventory file's text."""
    (directory / "play.yml").write_text(json.dumps([play]))
    return run_playbook(directory, inventory, str(directory / "play.yml"), variables or {}, arguments)


def run_playbook(
    directory: Path,
    inventory: str,
    name: str,
    variables: Mapping[str, Any],
    arguments: Sequence[str] = (),
    settings: Mapping[str, str] | None = None,
) -> Run:
    """Run a playbook against an inventory file's text, with more environment variables if they are given."""
    (directory / "hosts.yml").write_text(inventory)
    (directory / "variables.json").write_text(json.dumps(variables))
    ran = subprocess.run(
        [
            str(Path(sys.executable).parent / "ansible-playbook"),
            *("-i", str(directory / "hosts.yml")),
            *("-e", f"@{directory / 'variables.json'}"),
            *arguments,
            name,
        ],
        cwd=ROOT,
        env={
            **os.environ,
            "ANSIBLE_FORCE_COLOR": "0",
            "ANSIBLE_COLLECTIONS_PATH": str(ROOT / "collections"),
            **(settings or {}),
        },
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    return Run(ran.returncode, ran.stdout + ran.stderr)


def succeeded(run: Run) -> Run:
    """The run, if it ended well; otherwise the test ends with the end of its output."""
    assert run.code == 0, run.output[-6000:]
    return run


def refused(run: Run) -> str:
    """What a run said that had to fail."""
    assert run.code != 0, run.output[-6000:]
    return run.text
