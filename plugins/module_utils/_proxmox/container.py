# Copyright: (c) 2026, The omakase.homelab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A container as the playbook wants it, and as Proxmox has it."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Union

from ansible_collections.omakase.homelab.plugins.module_utils._proxmox import config
from ansible_collections.omakase.homelab.plugins.module_utils._proxmox.mounts import Mount, mount_from

Interface = Union[ipaddress.IPv4Interface, ipaddress.IPv6Interface]

# Options of the module that are options of Proxmox, under the same name.
PLAIN = ("cores", "memory", "swap", "nameserver", "searchdomain", "timezone", "description")
FLAGS = ("onboot", "protection")
# Options of the module for the network device, and Proxmox's names for them.
_NET = {
    "bridge": "bridge",
    "address": "ip",
    "gateway": "gw",
    "address6": "ip6",
    "gateway6": "gw6",
    "vlan": "tag",
    "firewall": "firewall",
    "mtu": "mtu",
}


@dataclass(frozen=True)
class Wanted:
    """One container of the playbook; what is None is left as Proxmox has it."""

    vmid: int
    hostname: str
    node: str
    state: str = "started"
    template: str | None = None
    template_storage: str = "local"
    template_checksum: str | None = None
    storage: str | None = None
    disk: float | None = None
    net: Mapping[str, str] | None = None
    mounts: Sequence[Mount] = ()
    features: Mapping[str, str] | None = None
    unprivileged: bool = True
    ssh_public_keys: Sequence[str] = ()
    password: str | None = field(default=None, repr=False)
    pool: str | None = None
    tags: Sequence[str] | None = None
    startup: Mapping[str, str] | None = None
    plain: Mapping[str, str | int] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"container {self.vmid} ({self.hostname})"

    @property
    def gone(self) -> bool:
        """Whether it is to be deleted."""
        return self.state == "absent"

    @property
    def nesting(self) -> bool:
        """Whether containers are to run inside, as Docker's do."""
        return (self.features or {}).get("nesting", "0") != "0"

    @property
    def binds(self) -> list[Mount]:
        """Its mount points that show a directory of the node."""
        return [mount for mount in self.mounts if mount.is_bind and mount.present]

    @property
    def addresses(self) -> list[Interface]:
        """The static addresses of its network device; raises ValueError for one that is none."""
        net = self.net or {}
        given = [net[key] for key in ("ip", "ip6") if net.get(key) not in (None, "dhcp", "manual", "auto")]
        return [interface(value) for value in given]


def interface(value: str) -> Interface:
    """`192.168.1.101/24` parsed; raises ValueError with what is wrong, a missing prefix length included."""
    parsed = ipaddress.ip_interface(value)
    if "/" not in value:
        raise ValueError(f"'{value}' has no prefix length, such as {value}/{24 if parsed.version == 4 else 64}")
    return parsed


def wanted_from(options: Mapping[str, Any]) -> Wanted:
    """The module's options of one container; raises ValueError for a text of Proxmox's form that cannot be read."""
    features, startup = options["features"], options["startup"]
    flags = {name: int(options[name]) for name in FLAGS if options[name] is not None}
    return Wanted(
        vmid=options["vmid"],
        hostname=options["hostname"],
        node=options["node"],
        state=options["state"],
        template=options["template"],
        template_storage=_storage_of(options["template"]) or options["template_storage"],
        template_checksum=options["template_checksum"],
        storage=options["storage"],
        disk=options["disk"],
        net=_net_of(options),
        mounts=tuple(mount_from(mount) for mount in options["mounts"] or ()),
        features=None if features is None else config.properties(features),
        unprivileged=options["unprivileged"],
        ssh_public_keys=tuple(key.strip() for key in options["ssh_public_keys"] or () if key.strip()),
        password=options["password"] or None,
        pool=options["pool"],
        tags=options["tags"],
        startup=None if startup is None else config.startup_of(startup),
        plain={**{name: options[name] for name in PLAIN if options[name] is not None}, **flags},
    )


def _net_of(options: Mapping[str, Any]) -> dict[str, str] | None:
    """The network device of the options for it, and what `net0` adds or says otherwise; None without any of them."""
    parts = {name: options[option] for option, name in _NET.items()}
    given = {**config.properties(parts), **config.properties(options["net0"] or {})}
    return {"name": "eth0", **given} if given else None


def _storage_of(template: str | None) -> str:
    """`local` of `local:vztmpl/debian-13….tar.zst`, nothing where the template is given without its storage."""
    storage, colon, name = (template or "").partition(":")
    return storage if colon and not name.startswith("//") else ""


@dataclass(frozen=True)
class Guest:
    """A line of `/cluster/resources`: whatever holds a vmid. `kind` is `lxc` or `qemu`."""

    vmid: int
    kind: str
    node: str
    name: str
    pool: str = ""

    def __str__(self) -> str:
        return f"{'container' if self.kind == 'lxc' else 'virtual machine'} {self.vmid} ({self.name}) on {self.node}"


@dataclass(frozen=True)
class Found:
    """A container that exists. `config` is what it has, or will have after a restart, for which `pending` waits."""

    node: str
    config: Mapping[str, Any]
    running: bool
    pending: tuple[str, ...] = ()
    pool: str = ""

    @property
    def hostname(self) -> str:
        """Its name, empty while Proxmox is still making it."""
        return str(self.config.get("hostname", ""))

    @property
    def lock(self) -> str:
        """What Proxmox is doing with it (`create`, `backup`, …), or nothing."""
        return str(self.config.get("lock", ""))

    def properties(self, key: str) -> dict[str, str]:
        """One of its settings as a dictionary."""
        return config.properties(str(self.config.get(key, "")))

    def volumes(self, vmid: int) -> list[str]:
        """Its own volumes, those it no longer uses included: what Proxmox deletes together with it."""
        names = ("rootfs", "mp", "unused")
        values = [str(value) for key, value in sorted(self.config.items()) if key.rstrip("0123456789") in names]
        volumes = [config.mount_point(value)[0] for value in values]
        return [volume for volume in volumes if config.volume_owner(volume) == vmid]
