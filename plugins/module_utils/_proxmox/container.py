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

Interface = Union[ipaddress.IPv4Interface, ipaddress.IPv6Interface]

# Options of the module that are options of Proxmox, under the same name.
PLAIN_NUMBERS = ("cores", "memory", "swap")
PLAIN_TEXTS = ("nameserver", "searchdomain")


@dataclass(frozen=True)
class Wanted:
    """One container of the playbook; an option that is None is left as Proxmox has it."""

    vmid: int
    hostname: str
    node: str
    template: str | None
    template_storage: str
    storage: str
    disk: float
    net: Mapping[str, str]
    features: Mapping[str, str] | None
    unprivileged: bool
    started: bool
    ssh_public_keys: Sequence[str] = ()
    onboot: bool | None = None
    description: str | None = None
    tags: Sequence[str] | None = None
    numbers: Mapping[str, int] = field(default_factory=dict)
    texts: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"container {self.vmid} ({self.hostname})"

    @property
    def addresses(self) -> list[Interface]:
        """The static addresses of its network device; raises ValueError for one that is none."""
        given = [self.net[key] for key in ("ip", "ip6") if self.net.get(key) not in (None, "dhcp", "manual", "auto")]
        return [interface(value) for value in given]


def interface(value: str) -> Interface:
    """`192.168.1.101/24` parsed; raises ValueError with what is wrong, a missing prefix length included."""
    parsed = ipaddress.ip_interface(value)
    if "/" not in value:
        raise ValueError(f"'{value}' has no prefix length, such as {value}/24")
    return parsed


def wanted_from(options: Mapping[str, Any]) -> Wanted:
    """The module's options of one container; raises ValueError for `net0` or `features` that cannot be read."""
    features = options["features"]
    return Wanted(
        vmid=options["vmid"],
        hostname=options["hostname"],
        node=options["node"],
        template=options["template"],
        template_storage=_storage_of(options["template"]) or options["template_storage"],
        storage=options["storage"],
        disk=options["disk"],
        net=_net_of(options),
        features=None if features is None else config.properties(features),
        unprivileged=options["unprivileged"],
        started=options["state"] == "started",
        ssh_public_keys=tuple(key.strip() for key in options["ssh_public_keys"] or () if key.strip()),
        onboot=options["onboot"],
        description=options["description"],
        tags=options["tags"],
        numbers={name: options[name] for name in PLAIN_NUMBERS if options[name] is not None},
        texts={name: options[name] for name in PLAIN_TEXTS if options[name] is not None},
    )


def _net_of(options: Mapping[str, Any]) -> dict[str, str]:
    """The network device of `bridge`, `address` and `gateway`, and what `net0` adds or says otherwise."""
    parts = {"bridge": options["bridge"], "ip": options["address"], "gw": options["gateway"]}
    return {"name": "eth0", **config.properties(parts), **config.properties(options["net0"] or {})}


def _storage_of(template: str | None) -> str:
    """`local` of `local:vztmpl/debian-13….tar.zst`, nothing where the template is given without its storage."""
    storage, colon, _name = (template or "").partition(":")
    return storage if colon else ""


@dataclass(frozen=True)
class Guest:
    """A line of `/cluster/resources`: whatever holds a vmid. `kind` is `lxc` or `qemu`."""

    vmid: int
    kind: str
    node: str
    name: str

    def __str__(self) -> str:
        return f"{'container' if self.kind == 'lxc' else 'virtual machine'} {self.vmid} ({self.name}) on {self.node}"


@dataclass(frozen=True)
class Found:
    """A container that exists. `config` is what it has, or will have after a restart, for which `pending` waits."""

    node: str
    config: Mapping[str, Any]
    running: bool
    pending: tuple[str, ...] = ()

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
