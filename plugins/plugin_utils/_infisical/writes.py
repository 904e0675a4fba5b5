# Copyright: (c) 2026, The omakase.homelab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The controller's part of a module that writes: later lookups of the same run must see what it has written."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Any

from ansible.plugins.action.normal import ActionModule as NormalAction
from ansible_collections.omakase.homelab.plugins.plugin_utils._infisical.controller import run_directory
from ansible_collections.omakase.homelab.plugins.plugin_utils._infisical.run_cache import EVERY_PROJECT, UnusableError


class ForgettingAction(NormalAction):  # type: ignore[misc]  # ansible-core has no types
    """Runs the module of the same name on the target, and drops what was read of the project it has changed."""

    # Whether what the module changes reaches further than the one project that it names in its result.
    reaches_every_project = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        if self._task.check_mode or result.get("skipped"):
            return result
        is_async = bool(self._task.async_val)  # it may write at any time from now on
        if is_async or result.get("changed") or result.get("failed"):
            with contextlib.suppress(UnusableError):  # then nothing is shared, and nothing is to be dropped
                run_directory().forget(self._project_of(result), for_good=is_async)
        return result

    def _project_of(self, result: Mapping[str, Any]) -> str:
        if self.reaches_every_project:
            return EVERY_PROJECT
        return result.get("project_id") or self._task.args.get("project_id") or EVERY_PROJECT
