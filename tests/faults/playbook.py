# SPDX-License-Identifier: GPL-3.0-or-later
"""A playbook in a session of its own, so that it can be killed with all that it has started."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.roles.playbook import ROOT, Run

LIMIT = 1200  # seconds for a run that nobody kills


@dataclass(frozen=True)
class Playbook:
    """A play on a machine, with its variables."""

    directory: Path
    inventory: str
    play: Mapping[str, Any]
    variables: Mapping[str, Any]

    @property
    def log(self) -> Path:
        """What it has printed so far."""
        return self.directory / "killed.log"

    def start(self) -> subprocess.Popen[str]:
        (self.directory / "killed.hosts.yml").write_text(self.inventory)
        (self.directory / "killed.play.yml").write_text(json.dumps([self.play]))
        (self.directory / "killed.variables.json").write_text(json.dumps(self.variables))
        return subprocess.Popen(
            [
                str(Path(sys.executable).parent / "ansible-playbook"),
                *("-i", str(self.directory / "killed.hosts.yml")),
                *("-e", f"@{self.directory / 'killed.variables.json'}"),
                str(self.directory / "killed.play.yml"),
                *("-vvv", "--diff"),
            ],
            cwd=ROOT,
            env={**os.environ, "ANSIBLE_FORCE_COLOR": "0", "ANSIBLE_COLLECTIONS_PATH": str(ROOT / "collections")},
            stdin=subprocess.DEVNULL,
            stdout=self.log.open("w"),
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def run(self) -> Run:
        code = self.start().wait(LIMIT)
        return Run(code, self.log.read_text())
