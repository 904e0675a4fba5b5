# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run prints while it goes on."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_a_long_task_is_announced_while_it_runs_and_a_skipped_one_never(tmp_path: Path) -> None:
    seen = tmp_path / "seen"
    tasks = [
        {"name": "Skipped", "ansible.builtin.debug": {"msg": "x"}, "when": False},
        {"name": "Long", "ansible.builtin.wait_for": {"path": str(seen), "timeout": 60}},
        {"name": "Last", "ansible.builtin.debug": {"msg": "x"}},
    ]
    play = {"hosts": "localhost", "gather_facts": False, "tasks": tasks}
    (tmp_path / "play.yml").write_text(json.dumps([play]))
    run = subprocess.Popen(
        [
            str(Path(sys.executable).parent / "ansible-playbook"),
            *("-i", "localhost,", "-c", "local", "-e", f"ansible_python_interpreter={sys.executable}"),
            str(tmp_path / "play.yml"),
        ],
        cwd=ROOT,
        env={**os.environ, "PYTHONUNBUFFERED": "1", "ANSIBLE_FORCE_COLOR": "0"},
        text=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    assert run.stdout
    printed = []
    for line in run.stdout:
        printed.append(line.split(" *")[0].strip())
        if printed[-1] == "TASK [Long]":
            seen.touch()  # only then does it end
    assert run.wait() == 0, printed
    assert [line for line in printed if line.startswith("TASK")] == ["TASK [Long]", "TASK [Last]"]
