# Copyright: (c) 2026, The omakase.homelab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads a host through the module of the same name, and holds what its Compose files mean against a project."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible.plugins.action import ActionBase
from ansible_collections.omakase.homelab.plugins.plugin_utils._compose.digest import digest
from ansible_collections.omakase.homelab.plugins.plugin_utils._omakase.fit import Wanted

# A file that is not tracked can name another one.
_ROUNDS = 4
# What the project says of the user, where the options do not
_IDS = {"uid": "PUID", "gid": "PGID"}


class ActionModule(ActionBase):  # type: ignore[misc]  # ansible-core has no types
    """Asks the host again only for files that git does not track and a Compose file names."""

    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        super().run(tmp, task_vars)
        args = dict(self._task.args)
        wrong = _of_another_kind(args)
        if wrong:
            return {"failed": True, "msg": wrong}
        # They stay on the controller.
        held = {name: args.pop(name, None) for name in ("secrets", "given", "catalogue", "ignored")}
        wanted = Wanted(**{name: value for name, value in held.items() if value})
        settings = wanted.settings(args.pop("variables", None) or {}, _IDS.values())
        for option, name in _IDS.items():
            if args.get(option) is None and name in settings:
                args[option] = settings[name]
        args["variables"] = settings
        read = list(args.get("read") or [])
        for _round in range(_ROUNDS):
            found: dict[str, Any] = self._execute_module(module_args={**args, "read": read}, task_vars=task_vars)
            if found.get("failed"):
                return found
            project = self._project(args, found)
            more = [path for path in project["absent"] if path not in read]
            if not more or not found["checkout"]["exists"]:
                break
            read += more
        # It was looked for all the same: it may be there, and git not know it.
        optional = project.pop("optional")
        project["absent"] = [path for path in project["absent"] if path not in optional]
        found["checkout"].pop("texts")
        found.pop("invocation", None)
        plan = wanted.plan(project, found["environment"]["names"])
        return {
            **found,
            "settings": settings,
            "namesakes": _namesakes(args, found),
            "secrets": sorted(wanted.secrets),
            "project": project,
            "plan": plan,
        }

    def _project(self, args: dict[str, Any], found: dict[str, Any]) -> dict[str, Any]:
        return digest(
            texts=found["checkout"]["texts"],
            tracked=found["checkout"]["tracked"],
            values={**args["variables"], **found["environment"]["settings"]},
            root=args["directory"],
            profiles=args.get("profiles") or [],
            wanted=[{"owner": args["user"], **template} for template in args.get("templates") or []],
        )


def _of_another_kind(args: Mapping[str, Any]) -> str:
    """What to say of an option that the module never sees, or that is used before it does; empty if nothing."""
    for name in ("secrets", "given", "catalogue", "variables"):
        if not isinstance(args.get(name) or {}, Mapping):
            return f"{name} is no dictionary: see the documentation of omakase.homelab.omakase_info."
    for name in ("ignored", "read"):
        if not isinstance(args.get(name) or [], (list, tuple)):
            return f"{name} is no list: see the documentation of omakase.homelab.omakase_info."
    return ""


def _namesakes(args: Mapping[str, Any], found: Mapping[str, Any]) -> list[str]:
    """The directories of other stacks that go by the name of this one."""
    name = {**args["variables"], **found["environment"]["settings"]}.get("COMPOSE_PROJECT_NAME", "")
    return [where for where in found["programs"]["projects"].get(name, []) if where != args["directory"]]
