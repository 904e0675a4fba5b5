# Copyright: (c) 2026, The omakase.homelab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What stands against the wish in Proxmox, all of it, before anything is changed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Callable

from ansible_collections.omakase.homelab.plugins.module_utils._proxmox import config, mounts, templates
from ansible_collections.omakase.homelab.plugins.module_utils._proxmox.client import Credentials
from ansible_collections.omakase.homelab.plugins.module_utils._proxmox.cluster import Cluster
from ansible_collections.omakase.homelab.plugins.module_utils._proxmox.container import Found, Guest, Wanted
from ansible_collections.omakase.homelab.plugins.module_utils._proxmox.plan import root_size

Probe = Callable[[str], bool]


def against(
    wanted: Wanted, everything: Sequence[Wanted], cluster: Cluster, credentials: Credentials, probe: Probe
) -> Iterator[str]:
    """What stands against one container of `everything` that is wanted, of which what is to be gone is deleted first.
    `probe` tells whether an address answers on the network.
    """
    for problem in _against(wanted, everything, cluster, credentials, probe):
        yield f"{wanted}: {problem}"


def _against(
    wanted: Wanted, everything: Sequence[Wanted], cluster: Cluster, credentials: Credentials, probe: Probe
) -> Iterator[str]:
    nodes = cluster.nodes()
    if wanted.node not in nodes:
        yield f"there is no node '{wanted.node}'; this cluster has {_listed(nodes)}."
        return
    stranger = _stranger(wanted, everything, cluster, credentials)
    if stranger:
        yield stranger
        return
    found = cluster.own(wanted)
    if wanted.gone:
        if found and int(found.config.get("protection", 0)):
            yield f"it is protected against deletion. `pct set {wanted.vmid} --protection 0` on {found.node} ends that."
        return
    if not nodes[wanted.node]:
        yield f"the node {wanted.node} is offline."
        return
    yield from _against_disks(wanted, found, cluster, credentials)
    if found is None:
        yield from _against_creation(wanted, cluster)
    yield from _missing_bridge(wanted, found, cluster, credentials)
    yield from _of_root(wanted, found, credentials)
    yield from _missing_pool(wanted, found, cluster)
    yield from _taken_addresses(wanted, everything, cluster, probe)


def _stranger(wanted: Wanted, everything: Sequence[Wanted], cluster: Cluster, credentials: Credentials) -> str | None:
    """Someone else's guest under this number, or ours where it cannot be reached."""
    guest = cluster.guests().get(wanted.vmid)
    if guest is None:
        if not cluster.is_taken(wanted.vmid):
            return None
        return (
            f"the vmid {wanted.vmid} is taken by a guest that {credentials!r} may not see. Choose another, or grant "
            f"VM.Audit on /vms/{wanted.vmid}."
        )
    if not cluster.nodes().get(guest.node, True):
        return f"the vmid {wanted.vmid} is the {guest}, and that node is offline."
    found = cluster.container(wanted.vmid) if guest.kind == "lxc" else None
    if guest.kind == "lxc" and found is None:
        return None
    if found and _is_handed_over(wanted, everything, found):
        return None
    if found is None or found.hostname != wanted.hostname:
        whose = found.hostname if found else guest.name
        kind = "container" if found else "virtual machine"
        return (
            f"the vmid {wanted.vmid} belongs to another {kind}, {whose}, on {guest.node}; it is not touched. "
            "Choose a free vmid, or the hostname that the container has."
        )
    if guest.node != wanted.node:
        return f"it is on the node {guest.node}, not on {wanted.node}. Migrate it in Proxmox, or name its node."
    return None


def _is_handed_over(wanted: Wanted, everything: Sequence[Wanted], found: Found) -> bool:
    """Whether its number goes from one wanted container to another, before which or after which it is this one's."""
    others = [other for other in everything if other.vmid == wanted.vmid and other.gone != wanted.gone]
    return found.hostname in [other.hostname for other in others]


# ----------------------------------------------------- storages and templates


def _against_disks(wanted: Wanted, found: Found | None, cluster: Cluster, credentials: Credentials) -> Iterator[str]:
    if found is not None:
        yield from _against_correction(wanted, found)
    elif wanted.storage is None or wanted.disk is None:
        yield "it does not exist yet, and needs a storage and a disk (its size in GiB)."
    for storage in sorted(new_volumes(wanted, found)):
        yield from _unfit_storage(wanted, storage, "rootdir", cluster, credentials)
    if found is None:
        unfit = list(_unfit_storage(wanted, wanted.template_storage, "vztmpl", cluster, credentials))
        yield from unfit or _missing_template(wanted, cluster)


def new_volumes(wanted: Wanted, found: Found | None) -> dict[str, float]:
    """How many GiB of new volumes each storage is to take."""
    has = mounts.existing(found.config) if found else {}
    wants = [
        (mount.storage, mount.size) for mount in wanted.mounts if mount.present and mount.path not in has and mount.size
    ]
    if found is None and wanted.disk is not None:
        wants.append((wanted.storage, wanted.disk))
    sizes: dict[str, float] = {}
    for storage, size in wants:
        if storage:
            sizes[storage] = sizes.get(storage, 0) + size
    return sizes


def _missing_template(wanted: Wanted, cluster: Cluster) -> Iterator[str]:
    if not wanted.template:
        yield "it does not exist yet, and no template is given to make it from."
        return
    present, offered = cluster.templates(wanted.node, wanted.template_storage)
    known = {*present, *offered}
    if templates.choose(wanted.template, wanted.template_storage, present, offered) is None:
        yield (
            f"there is no template '{wanted.template}', neither on {wanted.template_storage} nor among "
            f"those that {wanted.node} can download; there {_are(templates.nearest(wanted.template, known))}. "
            "`pveam update` on the node renews the list."
        )


# What a storage can take, and the privilege that lets somebody use it for that.
_CONTENT = {
    "rootdir": ("container disks", "Datastore.AllocateSpace"),
    "vztmpl": ("container templates", "Datastore.Audit"),
}


def _unfit_storage(
    wanted: Wanted, name: str, content: str, cluster: Cluster, credentials: Credentials
) -> Iterator[str]:
    what, privilege = _CONTENT[content]
    storages: dict[str, dict[str, Any]] = cluster.storages(wanted.node)
    fit = [key for key, line in storages.items() if content in str(line.get("content", "")).split(",")]
    if name not in storages:
        yield (
            f"there is no storage '{name}' on {wanted.node}; for {what} there {_are(fit)}."
            + _unseen(credentials, privilege, f"/storage/{name}")
        )
    elif name not in fit:
        yield f"the storage {name} does not take {what}; for them there {_are(fit)}."
    elif not storages[name].get("active", 1):
        yield f"the storage {name} is not active on {wanted.node}."


def _against_correction(wanted: Wanted, found: Found) -> Iterator[str]:
    unprivileged = bool(int(found.config.get("unprivileged", 0)))
    if unprivileged != wanted.unprivileged:
        has, wants = ("unprivileged", "privileged") if unprivileged else ("privileged", "unprivileged")
        yield f"it is {has} and cannot become {wants}; Proxmox decides that once, at creation."
    size = root_size(found)
    if size is not None and wanted.disk is not None and wanted.disk < size:
        yield f"its disk has {size:g} GiB and cannot shrink to {wanted.disk:g}."
    rootfs = str(found.config.get("rootfs", ""))
    storage = config.volume_storage(rootfs)
    if rootfs and wanted.storage is not None and storage != wanted.storage:
        yield f"its disk is on the storage {storage}, not on {wanted.storage}. Move it in Proxmox, or name its storage."
    for problem in mounts.impossible(wanted.mounts, found.config):
        yield f"{problem}."


# ------------------------------------------------------------------ the rest


def _against_creation(wanted: Wanted, cluster: Cluster) -> Iterator[str]:
    if wanted.net is None:
        yield "it has no bridge, such as vmbr0."


def _missing_bridge(wanted: Wanted, found: Found | None, cluster: Cluster, credentials: Credentials) -> Iterator[str]:
    bridge = (wanted.net or {}).get("bridge")
    if bridge is None or (found and found.properties("net0").get("bridge") == bridge):
        return
    bridges = cluster.bridges(wanted.node)
    # An empty list may mean that this login may not see them; then Proxmox itself will say so.
    if bridges and bridge not in bridges:
        yield (
            f"there is no bridge '{bridge}' on {wanted.node}; there {_are(bridges)}."
            + _unseen(credentials, "SDN.Use", f"/sdn/zones/localnetwork/{bridge}")
        )


def _missing_pool(wanted: Wanted, found: Found | None, cluster: Cluster) -> Iterator[str]:
    if wanted.pool and (found is None or found.pool != wanted.pool) and cluster.lacks_pool(wanted.pool):
        yield f"there is no pool '{wanted.pool}'. `pveum pool add {wanted.pool}` on a node makes it."


def _of_root(wanted: Wanted, found: Found | None, credentials: Credentials) -> Iterator[str]:
    """What Proxmox allows to nobody but root@pam's own login."""
    if credentials.is_root_login:
        return
    beyond = [f"the feature {name}" for name in _features_of_root(wanted, found)]
    sent = mounts.changes(wanted.binds, found.config if found else {})
    beyond += [f"the bind mount {sent.paths[key]}" for key in sent.settings]
    if beyond:
        yield (
            f"only root@pam logged in with its password may change {' and '.join(beyond)}, and this is "
            f"{credentials!r}. Log in so, or leave that out: an unprivileged container may have the feature nesting "
            "and volumes with a token, too."
        )


def _features_of_root(wanted: Wanted, found: Found | None) -> list[str]:
    if wanted.features is None:
        return []
    has = config.features_on(found.properties("features")) if found else {}
    wants = config.features_on(wanted.features)
    changed = {name for name in {*has, *wants} if has.get(name) != wants.get(name)}
    return sorted(changed - {"nesting"} if wanted.unprivileged else changed)


def _taken_addresses(wanted: Wanted, everything: Sequence[Wanted], cluster: Cluster, probe: Probe) -> Iterator[str]:
    found, net = cluster.own(wanted), wanted.net or {}
    same = found is not None and all(found.properties("net0").get(key) == net.get(key) for key in ("ip", "ip6"))
    if found and same and (found.running or wanted.state != "started"):
        return
    for address in wanted.addresses:
        holders = cluster.addresses().get(str(address.ip), [])
        going = _going(holders, everything, cluster)
        owners = [guest for guest in holders if guest.vmid not in (wanted.vmid, *going)]
        # What answers may be one that is deleted before.
        silent = not any(other.running for other in going.values())
        if owners:
            yield f"the address {address.ip} is already in use by the {owners[0]}. Choose a free one."
        elif silent and probe(str(address.ip)):
            state = "does not exist" if found is None else "has another one" if found.running else "is stopped"
            yield (
                f"the address {address.ip} is already in use: something answers there, and this container "
                f"{state}. Choose a free one."
            )


def _going(guests: Sequence[Guest], everything: Sequence[Wanted], cluster: Cluster) -> dict[int, Found]:
    """Those of the guests that are to be deleted, by number."""
    numbers = [guest.vmid for guest in guests]
    own = {wanted.vmid: cluster.own(wanted) for wanted in everything if wanted.gone and wanted.vmid in numbers}
    return {vmid: found for vmid, found in own.items() if found}


def _unseen(credentials: Credentials, privilege: str, path: str) -> str:
    return "" if credentials.is_root_login else f" If there is: {credentials!r} needs {privilege} on {path} to see it."


def _are(names: Iterable[str]) -> str:
    listed = list(names)
    return f"{'are' if len(listed) > 1 else 'is'} {_listed(listed)}" if listed else "are none"


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names))
