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


def properties(value: str | Mapping[str, Any]) -> dict[str, str]:
    """`{'name': 'eth0'}` of a property string or a dictionary; raises ValueError for a part without `=`."""
    if isinstance(value, Mapping):
        return {str(key): _text(item) for key, item in value.items() if item is not None}
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


def volume_storage(value: str) -> str:
    """`local-lvm` of `local-lvm:vm-101-disk-0,size=20G`."""
    return value.split(",")[0].partition(":")[0]


def volume_size(value: str) -> float | None:
    """The size in GiB of a volume as configured, None where Proxmox does not say it."""
    for part in value.split(",")[1:]:
        key, _equals, size = part.partition("=")
        match = _SIZE.fullmatch(size)
        if key == "size" and match:
            return float(match.group(1)) * _UNITS[match.group(2)] / GIB
    return None


def _text(item: Any) -> str:
    return str(int(item)) if isinstance(item, bool) else str(item)
