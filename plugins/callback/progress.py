# Copyright: (c) 2026, The omakase.homelab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The default output, quiet about what is skipped, and all the same telling what takes long while it does."""

from __future__ import annotations

DOCUMENTATION = r"""
name: progress
type: stdout
short_description: The default output, with long tasks announced while they run
version_added: 1.0.0
author: The omakase.homelab authors (@omakase-homelab)
description:
  - Prints what P(ansible.builtin.default#callback) prints.
  - That one announces a task only with its first result where skipped hosts are not displayed, so that one that takes
    a minute is announced a minute late. This one announces a task that has no result after a second.
extends_documentation_fragment:
  - default_callback
  - result_format_callback
requirements:
  - C(stdout_callback = omakase.homelab.progress) and C(display_skipped_hosts = false) in C(ansible.cfg)
"""

EXAMPLES = r"""
ansible.cfg: |
  [defaults]
  stdout_callback = omakase.homelab.progress
  display_skipped_hosts = false
"""

from threading import RLock, Timer
from typing import Any

from ansible.plugins.callback.default import CallbackModule as Default

_PATIENCE = 1.0  # seconds


class CallbackModule(Default):  # type: ignore[misc]  # ansible-core has no types
    """Display lets no worker be forked while a line is written, so a second thread may write lines too."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "stdout"
    CALLBACK_NAME = "omakase.homelab.progress"

    def __init__(self) -> None:
        super().__init__()
        self._one_at_a_time = RLock()
        self._timer: Timer | None = None

    def _task_start(self, task: Any, prefix: str | None = None) -> None:
        self._forget()
        super()._task_start(task, prefix)
        self._timer = Timer(_PATIENCE, self._print_task_banner, [task])
        self._timer.daemon = True
        self._timer.start()

    def _print_task_banner(self, task: Any) -> None:
        with self._one_at_a_time:
            if self._last_task_banner != task._uuid:
                super()._print_task_banner(task)

    def v2_playbook_on_stats(self, stats: Any) -> None:
        self._forget()
        super().v2_playbook_on_stats(stats)

    def _forget(self) -> None:
        if self._timer:
            self._timer.cancel()
