# Copyright: (c) 2026, The omakase.homelab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads what Proxmox has, each thing once and only when somebody asks for it."""

from __future__ import annotations

from typing import Any, Callable, TypeVar

from ansible_collections.omakase.homelab.plugins.module_utils._proxmox.client import ProxmoxClient
from ansible_collections.omakase.homelab.plugins.module_utils._proxmox.container import Found, Guest, Wanted
from ansible_collections.omakase.homelab.plugins.module_utils._proxmox.errors import (
    ProxmoxError,
    RefusedError,
    UnfinishedError,
)

Answer = TypeVar("Answer")


class Cluster:
    """The cluster behind a client. `task_timeout`, in seconds, limits each wait for something that already runs."""

    def __init__(self, client: ProxmoxClient, task_timeout: float) -> None:
        self._client = client
        self._task_timeout = task_timeout
        self._answers: dict[tuple[Any, ...], Any] = {}

    def forget(self) -> None:
        """After a change: whatever is asked from now on is read anew."""
        self._answers.clear()

    def nodes(self) -> dict[str, bool]:
        """The nodes by name, and whether each may be online: of one that just started Proxmox does not know yet."""
        return {line["node"]: line.get("status") != "offline" for line in self._resources() if line["type"] == "node"}

    def guests(self) -> dict[int, Guest]:
        """Whatever holds a vmid, as far as these credentials may see it."""
        lines = [line for line in self._resources() if line["type"] in ("lxc", "qemu")]
        guests = [
            Guest(int(line["vmid"]), line["type"], line["node"], line.get("name", ""), line.get("pool", ""))
            for line in lines
        ]
        return {guest.vmid: guest for guest in guests}

    def is_taken(self, vmid: int) -> bool:
        """Whether the number belongs to a guest, also to one that these credentials may not see."""
        return self._once(("taken", vmid), lambda: self._refuses_number(vmid))

    def has_quorum(self) -> bool | None:
        """Whether the cluster can be changed; None where these credentials may not see that."""
        return self._once(("quorum",), self._quorum)

    def lacks_pool(self, name: str) -> bool:
        """Whether there is no such pool, as far as these credentials may see."""
        return self._once(("pool", name), lambda: self._pool_is_unknown(name))

    def packages(self, node: str) -> list[dict[str, Any]]:
        """The versions of Proxmox's packages on a node; raises RefusedError for who may not see them."""
        return self._once(("packages", node), lambda: self._client.get("nodes", node, "apt", "versions"))

    def container(self, vmid: int) -> Found | None:
        """The container of this number once nothing works on it any more; None where there is none."""
        guest = self.guests().get(vmid)
        if guest is None or guest.kind != "lxc":
            return None
        return self._once(("container", vmid), lambda: self._settled(guest))

    def own(self, wanted: Wanted) -> Found | None:
        """The container of both its number and its name; None where there is none."""
        found = self.container(wanted.vmid)
        return found if found and found.hostname == wanted.hostname else None

    def storages(self, node: str) -> dict[str, dict[str, Any]]:
        """The storages of a node by name, with Proxmox's fields (`content`, `active`, `avail`)."""
        listed = self._once(("storages", node), lambda: self._client.get("nodes", node, "storage"))
        return {line["storage"]: line for line in listed}

    def bridges(self, node: str) -> list[str]:
        """The bridges of a node; empty also where these credentials may not see them."""
        # The filter adds the virtual networks of the cluster.
        lines = self._once(("bridges", node), lambda: self._client.get("nodes", node, "network", type="any_bridge"))
        return sorted(line["iface"] for line in lines if line.get("type") in ("bridge", "OVSBridge", "vnet"))

    def templates(self, node: str, storage: str) -> tuple[list[str], list[str]]:
        """File names: those on the storage, and those Proxmox offers for download."""
        return self._once(("templates", node, storage), lambda: self._templates(node, storage))

    def addresses(self) -> dict[str, list[Guest]]:
        """The static addresses configured in every guest that can be read, and who has each."""
        return self._once(("addresses",), self._addresses)

    def _once(self, key: tuple[Any, ...], read: Callable[[], Answer]) -> Answer:
        if key not in self._answers:
            self._answers[key] = read()
        answer: Answer = self._answers[key]
        return answer

    def _resources(self) -> list[dict[str, Any]]:
        return self._once(("resources",), lambda: self._client.get("cluster", "resources"))

    def _templates(self, node: str, storage: str) -> tuple[list[str], list[str]]:
        volumes = self._client.get("nodes", node, "storage", storage, "content", content="vztmpl")
        offered = self._client.get("nodes", node, "aplinfo")
        present = [volume["volid"].rpartition("/")[2] for volume in volumes]
        return present, [line["template"] for line in offered if "template" in line]

    def _settled(self, guest: Guest) -> Found | None:
        """What an interrupted run has started goes on in Proxmox: wait for it, then look."""
        found = self._found(guest)
        if not found.lock:
            return found
        for upid in self._client.running_tasks(guest.node, vmid=guest.vmid):
            try:
                self._client.wait(upid, self._task_timeout)
            except UnfinishedError as busy:
                raise ProxmoxError(f"Proxmox keeps {guest} locked ({found.lock}). {busy}") from busy
            except RefusedError:
                raise
            except ProxmoxError:
                # It failed without us; what it left is judged below.
                continue
        self._answers.pop(("resources",), None)
        if guest.vmid not in self.guests():
            return None
        found = self._found(guest)
        if found.lock:
            raise ProxmoxError(
                f"Proxmox keeps {guest} locked ({found.lock}), and no task of it runs that this login may see. "
                f"Look at its task list; if nothing works on it, {_way_out(guest, found.lock)}."
            )
        return found

    def _found(self, guest: Guest) -> Found:
        base = ("nodes", guest.node, "lxc", guest.vmid)
        config = self._client.get(*base, "config")
        # The list of resources is up to ten seconds old; this is not.
        running = self._client.get(*base, "status", "current")["status"] == "running"
        pending = self._client.get(*base, "pending") if running else []
        waiting = tuple(line["key"] for line in pending if "pending" in line or line.get("delete"))
        return Found(guest.node, config, running, waiting, guest.pool)

    def _refuses_number(self, vmid: int) -> bool:
        try:
            self._client.get("cluster", "nextid", vmid=vmid)
        except RefusedError as refused:
            return "already exists" in refused.reason
        return False

    def _quorum(self) -> bool | None:
        try:
            lines = self._client.get("cluster", "status")
        except RefusedError:
            return None
        # A single host is no cluster, and has no such line.
        return all(line.get("quorate", 1) for line in lines if line.get("type") == "cluster")

    def _pool_is_unknown(self, name: str) -> bool:
        try:
            self._client.get("pools", poolid=name)
        except RefusedError as refused:
            return "does not exist" in refused.reason
        return False

    def _addresses(self) -> dict[str, list[Guest]]:
        taken: dict[str, list[Guest]] = {}
        for guest in self.guests().values():
            try:
                config = self._client.get("nodes", guest.node, guest.kind, guest.vmid, "config")
            except RefusedError:
                # On a node that is offline, or not for these credentials; the network is probed besides.
                continue
            for address in static_addresses(config):
                taken.setdefault(address, []).append(guest)
        return taken


def _way_out(guest: Guest, lock: str) -> str:
    unlock = f"`pct unlock {guest.vmid}`"
    if lock in ("create", "destroyed"):
        done = "an interrupted creation left it" if lock == "create" else "an interrupted deletion left it"
        return f"{done}, and {unlock}, then `pct destroy {guest.vmid}` on {guest.node} removes it"
    return f"{unlock} on {guest.node} frees it"


def static_addresses(config: dict[str, Any]) -> list[str]:
    """The addresses without their prefix lengths in a container's `netN` or a virtual machine's `ipconfigN`."""
    found = []
    for key, value in config.items():
        if key.rstrip("0123456789") in ("net", "ipconfig"):
            parts = (part.partition("=") for part in str(value).split(","))
            found += [item.partition("/")[0] for name, _equals, item in parts if name in ("ip", "ip6") and "/" in item]
    return found
