# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes down when each task began and what became of it."""

from __future__ import annotations

import json
import os
import time
from typing import Any

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
name: task_timings
type: aggregate
short_description: When each task began
description: Writes a list of tasks to the file that TASK_TIMINGS names.
"""


class CallbackModule(CallbackBase):  # type: ignore[misc]  # ansible-core has no types
    """A task lasts until the next one begins, so that nothing that Ansible does in between is lost."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "task_timings"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self) -> None:
        super().__init__()
        self.tasks: list[dict[str, Any]] = []

    def v2_playbook_on_play_start(self, play: Any) -> None:
        self._begin("", f"play {play.get_name()}", "")

    def v2_playbook_on_task_start(self, task: Any, is_conditional: bool) -> None:
        self._begin(task._role.get_name() if task._role else "", task.name, task.action)

    v2_playbook_on_handler_task_start = v2_playbook_on_task_start

    def v2_runner_on_ok(self, result: Any) -> None:
        self.tasks[-1]["ran"] = True
        self.tasks[-1]["changed"] = bool(result._result.get("changed"))

    def v2_playbook_on_stats(self, stats: Any) -> None:
        self._begin("", "end", "")
        with open(os.environ["TASK_TIMINGS"], "w", encoding="utf-8") as file:
            json.dump(self.tasks, file)

    def _begin(self, role: str, name: str, action: str) -> None:
        now = time.monotonic()
        if self.tasks:
            self.tasks[-1]["seconds"] = now - self.tasks[-1]["began"]
        self.tasks.append({"role": role, "name": name, "action": action, "began": now, "ran": False, "changed": False})
