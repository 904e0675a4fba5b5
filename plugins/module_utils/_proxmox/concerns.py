# Copyright: (c) 2026, The omakase.homelab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What may trouble later on, and is no reason to refuse: said as a warning, and only where something is changed."""

from __future__ import annotations

from collections.abc import Iterator

from ansible_collections.omakase.homelab.plugins.module_utils._proxmox import config
from ansible_collections.omakase.homelab.plugins.module_utils._proxmox.cluster import Cluster
from ansible_collections.omakase.homelab.plugins.module_utils._proxmox.container import Found, Wanted
from ansible_collections.omakase.homelab.plugins.module_utils._proxmox.errors import RefusedError
from ansible_collections.omakase.homelab.plugins.module_utils._proxmox.node import docker_trap
from ansible_collections.omakase.homelab.plugins.module_utils._proxmox.preflight import new_volumes


def concerns(wanted: Wanted, found: Found | None, cluster: Cluster) -> Iterator[str]:
    """A sentence for each."""
    if found is None and not wanted.ssh_public_keys and not wanted.password:
        yield (
            f"{wanted}: neither an SSH key nor a password is given, so nobody can log in. "
            f"`pct enter {wanted.vmid}` on {wanted.node} goes in as root."
        )
    had = config.features_on(found.properties("features")).get("nesting") if found else None
    if wanted.nesting and had is None:
        yield from _docker(wanted.node, cluster)
    storages = cluster.storages(wanted.node) if new_volumes(wanted, found) else {}
    for name, size in new_volumes(wanted, found).items():
        free = storages[name].get("avail")
        if free is not None and size * config.GIB > free:
            yield (
                f"{wanted}: the storage {name} has {free / config.GIB:.1f} GiB left, and {size:g} are asked for. "
                "If its disks are made at full size, that fails; otherwise it may run full later."
            )


def _docker(node: str, cluster: Cluster) -> Iterator[str]:
    try:
        trap = docker_trap(node, cluster.packages(node))
    except RefusedError as refused:
        yield (
            f"Whether the lxc-pve of {node} is new enough for Docker in its containers could not be checked "
            f"({refused.reason})."
        )
        return
    if trap:
        yield trap
