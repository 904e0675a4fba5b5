# Copyright: (c) 2026, The omakase.homelab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How Proxmox writes a container down: `name=eth0,bridge=vmbr0`, `nesting=1`, `local-lvm:vm-101-disk-0,size=20G`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

# Proxmox decides these of a network device; a difference in them is none.
NET_OF_PROXMOX = ("hwaddr", "type", "host-managed")
GIB = 1024**3
_SIZE = re.compile(r"(\d+(?:\.\d+)?)([KMGT]?)")
_UNITS = {"": 1, "K": 1024, "M": 1024**2, "G": GIB, "T": 1024**4}


def properties(value: object) -> dict[str, str]:
    """`{'name': 'eth0'}` of a property string or a dictionary; raises ValueError for all else."""
    if isinstance(value, Mapping):
        return {str(key): _text(item) for key, item in value.items() if item is not None}
    if not isinstance(value, str):
        raise ValueError(f"'{value}' is neither a dictionary nor of the form key=value")
    found = {}
    for part in filter(None, (part.strip() for part in value.split(","))):
        key, equals, item = part.partition("=")
        if not equals:
            raise ValueError(f"'{part}' is not of the form key=value")
        found[key] = item
    return found


def written(values: Mapping[str, str]) -> str:
    """The property string of a dictionary."""
    return ",".join(f"{key}={value}" for key, value in values.items())


def same_net(wanted: Mapping[str, str], found: Mapping[str, str]) -> bool:
    """True if the found network device is as wanted, whatever Proxmox itself put there (its MAC address)."""

    def judged(net: Mapping[str, str]) -> dict[str, str]:
        ours = {key: value for key, value in net.items() if key not in NET_OF_PROXMOX or key in wanted}
        ours.pop("type", None)
        for flag in ("firewall", "link_down"):
            if ours.get(flag) == "0":
                del ours[flag]
        return {key: value.lower() for key, value in ours.items()}

    return judged(wanted) == judged(found)


def keeping_address(wanted: Mapping[str, str], found: Mapping[str, str]) -> dict[str, str]:
    """The wanted network device with the MAC address that it has: Proxmox invents a new one when none is sent."""
    kept = {"hwaddr": found["hwaddr"]} if "hwaddr" in found and "hwaddr" not in wanted else {}
    return {**wanted, **kept}


def features_on(values: Mapping[str, str]) -> dict[str, str]:
    """The features that are set: `nesting=0` is the same as no nesting."""
    return {key: value for key, value in values.items() if value != "0"}


def tags_of(value: str | None) -> set[str]:
    """Tags as Proxmox keeps them: lower case, without order."""
    return {tag.lower() for tag in re.split(r"[;, ]+", value or "") if tag}


def startup_of(value: str | int | Mapping[str, Any]) -> dict[str, str]:
    """`order=1,up=30`, also in Proxmox's short form `1,up=30`, as a dictionary."""
    if isinstance(value, (str, int)) and str(value)[:1].isdigit():
        value = f"order={value}"
    return properties(value)


def mount_point(value: str) -> tuple[str, dict[str, str]]:
    """The volume (or the directory of a bind mount) and the options of `local-lvm:vm-101-disk-0,mp=/srv,size=20G`."""
    volume, _comma, options = value.partition(",")
    return volume[len("volume=") :] if volume.startswith("volume=") else volume, properties(options)


def volume_storage(volume: str) -> str:
    """`local-lvm` of `local-lvm:vm-101-disk-0`."""
    return volume.partition(":")[0]


def volume_owner(volume: str) -> int | None:
    """101 of `local-lvm:vm-101-disk-0` or `local:101/vm-101-disk-0.raw`, None where the name does not tell."""
    match = re.search(r"-(\d+)-disk-", volume)
    return int(match.group(1)) if match else None


def gib(size: str) -> float | None:
    """`20G` in GiB, None for what is no size."""
    match = _SIZE.fullmatch(size)
    return float(match.group(1)) * _UNITS[match.group(2)] / GIB if match else None


def _text(item: Any) -> str:
    return str(int(item)) if isinstance(item, bool) else str(item)
