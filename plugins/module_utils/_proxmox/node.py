# Copyright: (c) 2026, The omakase.homelab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a node can run Docker in its containers: since runc 1.3.3 an older lxc-pve forbids what runc does there."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

# By the major version of Proxmox VE; a later one has it from the start.
_NEEDED = {8: "6.0.0-2", 9: "6.0.5-2"}


def docker_trap(node: str, packages: Sequence[Mapping[str, Any]]) -> str | None:
    """A sentence if the node's lxc-pve is too old, by the answer of `/nodes/{node}/apt/versions`."""
    has = _installed("lxc-pve", packages)
    major = (_numbers(_installed("pve-manager", packages)) or [max(_NEEDED)])[0]
    needed = _NEEDED.get(major, _NEEDED[max(_NEEDED)] if major > max(_NEEDED) else "")
    if not has or (needed and _numbers(has) >= _numbers(needed)):
        return None
    cure = f"at least {needed}" if needed else f"Proxmox VE {min(_NEEDED)} or later"
    return (
        f"Docker will not run in a container on {node}: its lxc-pve is {has}, and runc 1.3.3 and later need {cure} "
        "(they fail with 'open sysctl net.ipv4.ip_unprivileged_port_start: permission denied'). "
        f"Upgrade {node} (`apt update && apt full-upgrade`) and restart the container."
    )


def _installed(name: str, packages: Sequence[Mapping[str, Any]]) -> str:
    """The installed version; `Version` is the newest that the node could install."""
    for package in packages:
        if package.get("Package") == name and package.get("CurrentState", "Installed") == "Installed":
            return str(package.get("OldVersion") or package.get("Version") or "")
    return ""


def _numbers(version: str) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", version)]
