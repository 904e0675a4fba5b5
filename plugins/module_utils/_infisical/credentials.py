# Copyright: (c) 2026, The omakase.homelab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The directory of a target that keeps credentials: who manages the organisation, and what its projects are called."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.client import Client
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.errors import InfisicalError
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.kept_secret import write_private
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.option_table import AUTH
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.target import Target


def open_directory(target: Target, directory: str) -> tuple[Client | None, str]:
    """A client and the id of the organisation, by the options or by the directory's management and organization.json.

    In check mode, no client and no id where there are no credentials yet. Raises InfisicalError.
    """
    params = target.params
    if not any(params[name] for name in AUTH):
        management = _read(os.path.join(directory, "management.json"))
        if management is None and target.check_mode:
            return None, ""
        for name in ("client_id", "client_secret"):
            params[name] = (management or {}).get(name)
        if params["client_secret"]:
            target.module.no_log_values.add(params["client_secret"])
    organization_id = params["organization_id"] or (_read(os.path.join(directory, "organization.json")) or {}).get("id")
    if not organization_id:
        raise InfisicalError(
            f"The organisation is not known: there is no organization.json in {directory}.", "Give organization_id."
        )
    return target.client(), organization_id


def keep(module: AnsibleModule, directory: str, described: Sequence[dict[str, Any]]) -> list[str]:
    """Closes the directory, and writes what the projects are called for those who come later.

    Gives sentences about what was not so already.
    """
    content: dict[str, Any] = {}
    if described:
        content["project.json"] = described[0]
    if len(described) > 1:
        content["projects.json"] = {project["slug"]: project for project in described}
    said = []
    if os.path.isdir(directory) and os.stat(directory).st_mode & 0o077:
        said.append(f"close {directory} to everyone but its owner")
        if not module.check_mode:
            os.chmod(directory, 0o700)
    for name, value in content.items():
        path = os.path.join(directory, name)
        if _read(path) != value:
            slugs = ", ".join(each["slug"] for each in described[: 1 if name == "project.json" else None])
            said.append(f"tell others of {slugs} in {path}")
            if not module.check_mode:
                write_private(path, json.dumps(value, indent=4, sort_keys=True) + "\n")
    return said


def kept_projects(directory: str) -> list[str]:
    """Slugs of the projects that are kept there; none where it is but one."""
    return list(_read(os.path.join(directory, "projects.json")) or {})


def _read(path: str) -> dict[str, Any] | None:
    """None if it is missing, or not whole."""
    try:
        with open(path, encoding="utf-8") as file:
            content = json.load(file)
    except (OSError, ValueError):
        return None
    return content if isinstance(content, dict) else None
