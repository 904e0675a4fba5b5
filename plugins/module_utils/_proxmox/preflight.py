# Copyright: (c) 2026, The omakase.homelab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong with the wish, all of it, before anything is changed."""

from __future__ import annotations

import ipaddress
import re
import socket
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Callable

from ansible_collections.omakase.homelab.plugins.module_utils._proxmox import config, templates
from ansible_collections.omakase.homelab.plugins.module_utils._proxmox.client import Credentials
from ansible_collections.omakase.homelab.plugins.module_utils._proxmox.cluster import Cluster
from ansible_collections.omakase.homelab.plugins.module_utils._proxmox.container import Found, Wanted, interface

Probe = Callable[[str], bool]

_HOSTNAME = re.compile(
    r"(?=.{1,253}$)[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*"
)
_ADDRESS_WORDS = {"ip": ("dhcp", "manual"), "ip6": ("auto", "dhcp", "manual")}


def answers(address: str, port: int = 22, timeout: float = 1.0) -> bool:
    """Whether some machine has this address: a refused connection is an answer, too."""
    try:
        socket.create_connection((address, port), timeout).close()
    except ConnectionRefusedError:
        return True
    except OSError:
        return False
    return True


def wanted_twice(containers: Sequence[Wanted]) -> list[str]:
    """The same number, name or address given to several containers."""
    problems = _twice("the vmid", (str(wanted.vmid) for wanted in containers))
    problems += _twice("the hostname", (wanted.hostname for wanted in containers))
    sound = [wanted for wanted in containers if not any(malformed(wanted))]
    return problems + _twice("the address", (str(address.ip) for wanted in sound for address in wanted.addresses))


def malformed(wanted: Wanted) -> Iterator[str]:
    """What can be seen of one container without asking Proxmox."""
    if not 100 <= wanted.vmid <= 999999999:
        yield f"{wanted}: a vmid is a number from 100 to 999999999."
    if not _HOSTNAME.fullmatch(wanted.hostname):
        yield f"{wanted}: '{wanted.hostname}' is not a hostname; letters, digits, dots and hyphens make one."
    if not wanted.net.get("bridge"):
        yield f"{wanted}: it has no bridge, such as vmbr0."
    for key, words in _ADDRESS_WORDS.items():
        value = wanted.net.get(key)
        if value is not None and value not in words:
            yield from _malformed_address(wanted, key, value)
    for key in ("gw", "gw6"):
        value = wanted.net.get(key)
        try:
            ipaddress.ip_address(value or "::")
        except ValueError as wrong:
            yield f"{wanted}: {key} of net0: {wrong}."


def _malformed_address(wanted: Wanted, key: str, value: str) -> Iterator[str]:
    try:
        version = interface(value).version
    except ValueError as wrong:
        yield f"{wanted}: {key} of net0: {wrong}."
        return
    if version != (6 if key == "ip6" else 4):
        yield f"{wanted}: {key} of net0: '{value}' is an address of IPv{version}."


def _twice(what: str, values: Iterable[str]) -> list[str]:
    return [f"{what} {value} is given to {count} containers." for value, count in Counter(values).items() if count > 1]


def against(wanted: Wanted, cluster: Cluster, credentials: Credentials, probe: Probe) -> Iterator[str]:
    """What stands against one container in Proxmox. `probe` tells whether an address answers on the network."""
    nodes = cluster.nodes()
    if wanted.node not in nodes:
        yield f"{wanted}: there is no node '{wanted.node}'; this cluster has {_listed(nodes)}."
        return
    if not nodes[wanted.node]:
        yield f"{wanted}: the node {wanted.node} is offline."
        return
    stranger = _stranger(wanted, cluster)
    if stranger:
        yield stranger
        return
    found = cluster.container(wanted.vmid)
    if found is None:
        yield from _against_creation(wanted, cluster)
    else:
        yield from _against_correction(wanted, found)
    if found is None or found.properties("net0").get("bridge") != wanted.net["bridge"]:
        yield from _missing_bridge(wanted, cluster)
    yield from _features_of_root(wanted, found, credentials)
    yield from _taken_addresses(wanted, found, cluster, probe)


def _stranger(wanted: Wanted, cluster: Cluster) -> str | None:
    """Someone else's guest under this number."""
    guest = cluster.guests().get(wanted.vmid)
    if guest is None:
        return None
    found = cluster.container(wanted.vmid) if guest.kind == "lxc" else None
    if guest.kind == "lxc" and found is None:
        return None
    if found is None or found.hostname != wanted.hostname:
        whose = found.hostname if found else guest.name
        kind = "container" if found else "virtual machine"
        return (
            f"{wanted}: the vmid {wanted.vmid} belongs to another {kind}, {whose}, on {guest.node}; it is not touched. "
            "Choose a free vmid, or the hostname that the container has."
        )
    if guest.node != wanted.node:
        return (
            f"{wanted}: it is on the node {guest.node}, not on {wanted.node}. Migrate it in Proxmox, or name its node."
        )
    return None


def _against_creation(wanted: Wanted, cluster: Cluster) -> Iterator[str]:
    storages = cluster.storages(wanted.node)
    yield from _unfit_storage(wanted, wanted.storage, "rootdir", "container disks", storages)
    unfit = list(_unfit_storage(wanted, wanted.template_storage, "vztmpl", "container templates", storages))
    yield from unfit
    if not wanted.template:
        yield f"{wanted}: it does not exist yet, and no template is given to make it from."
    elif not unfit:
        present, offered = cluster.templates(wanted.node, wanted.template_storage)
        known = {*present, *offered}
        if templates.choose(wanted.template, wanted.template_storage, present, offered) is None:
            yield (
                f"{wanted}: there is no template '{wanted.template}', neither on {wanted.template_storage} nor among "
                f"those that {wanted.node} can download; there {_are(templates.nearest(wanted.template, known))}. "
                "`pveam update` on the node renews the list."
            )


def _unfit_storage(
    wanted: Wanted, name: str, content: str, called: str, storages: dict[str, dict[str, str]]
) -> Iterator[str]:
    fit = [key for key, line in storages.items() if content in str(line.get("content", "")).split(",")]
    if name not in storages:
        yield f"{wanted}: there is no storage '{name}' on {wanted.node}; for {called} there {_are(fit)}."
    elif name not in fit:
        yield f"{wanted}: the storage {name} does not take {called}; for them there {_are(fit)}."
    elif not storages[name].get("active", 1):
        yield f"{wanted}: the storage {name} is not active on {wanted.node}."


def _against_correction(wanted: Wanted, found: Found) -> Iterator[str]:
    unprivileged = bool(int(found.config.get("unprivileged", 0)))
    if unprivileged != wanted.unprivileged:
        has, wants = ("unprivileged", "privileged") if unprivileged else ("privileged", "unprivileged")
        yield f"{wanted}: it is {has} and cannot become {wants}; Proxmox decides that once, at creation."
    rootfs = str(found.config.get("rootfs", ""))
    size = config.volume_size(rootfs)
    if size is not None and wanted.disk < size:
        yield f"{wanted}: its disk has {size:g} GiB and cannot shrink to {wanted.disk:g}."
    if rootfs and config.volume_storage(rootfs) != wanted.storage:
        yield (
            f"{wanted}: its disk is on the storage {config.volume_storage(rootfs)}, not on {wanted.storage}. "
            "Move it in Proxmox, or name its storage."
        )


def _missing_bridge(wanted: Wanted, cluster: Cluster) -> Iterator[str]:
    bridges = cluster.bridges(wanted.node)
    # An empty list may mean that this login may not see them; then Proxmox itself will say so.
    if bridges and wanted.net["bridge"] not in bridges:
        yield f"{wanted}: there is no bridge '{wanted.net['bridge']}' on {wanted.node}; there {_are(bridges)}."


def _features_of_root(wanted: Wanted, found: Found | None, credentials: Credentials) -> Iterator[str]:
    if wanted.features is None or credentials.is_root_login:
        return
    has = config.features_on(found.properties("features")) if found else {}
    wants = config.features_on(wanted.features)
    changed = {name for name in {*has, *wants} if has.get(name) != wants.get(name)}
    beyond = sorted(changed - {"nesting"} if wanted.unprivileged else changed)
    if beyond:
        yield (
            f"{wanted}: only root@pam logged in with its password may change the "
            f"feature{'s' if len(beyond) > 1 else ''} {' and '.join(beyond)}, and this is {credentials!r}. "
            "Log in so, or leave it out: an unprivileged container may have nesting with a token, too."
        )


def _taken_addresses(wanted: Wanted, found: Found | None, cluster: Cluster, probe: Probe) -> Iterator[str]:
    if (
        found
        and found.running
        and all(found.properties("net0").get(key) == wanted.net.get(key) for key in ("ip", "ip6"))
    ):
        return
    for address in wanted.addresses:
        owner = cluster.addresses().get(str(address.ip))
        if owner and owner.vmid != wanted.vmid:
            yield f"{wanted}: the address {address.ip} is already in use by the {owner}. Choose a free one."
        elif probe(str(address.ip)):
            state = "does not exist" if found is None else "has another one" if found.running else "is stopped"
            yield (
                f"{wanted}: the address {address.ip} is already in use: something answers there, and this container "
                f"{state}. Choose a free one."
            )


def _are(names: Iterable[str]) -> str:
    listed = list(names)
    return f"{'are' if len(listed) > 1 else 'is'} {_listed(listed)}" if listed else "are none"


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names))
