# SPDX-License-Identifier: GPL-3.0-or-later
"""What every scenario is held to, beside its own tests and Molecule's idempotence step."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import yaml


def test_check_mode_after_converge_reports_no_change() -> None:
    scenario = yaml.safe_load(Path(os.environ["MOLECULE_FILE"]).read_text(encoding="utf-8"))
    arguments = scenario["ansible"]["executor"]["args"]["ansible_playbook"]
    inventory = Path(os.environ["MOLECULE_INVENTORY_FILE"]).parent
    ran = subprocess.run(
        ["ansible-playbook", "--check", "--diff", "--inventory", inventory, *arguments, "converge.yml"],
        cwd=os.environ["MOLECULE_SCENARIO_DIRECTORY"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert set(re.findall(r"\bchanged=(\d+)", ran.stdout)) == {"0"}, ran.stdout
