# SPDX-License-Identifier: GPL-3.0-or-later
"""Between Proxmox's words for a container and ours: pure functions."""

from __future__ import annotations

import json
import re
from typing import Any, Protocol

from lab import settings
from lab.lxc import Mount, Spec
from lab.shell import LabError


class Container(Protocol):
    """What is kept of fakepve's containers."""

    vmid: int
    config: dict[str, Any]
    pending: dict[str, Any]
    pool: str | None


def properties(text: str) -> dict[str, str]:
    """Proxmox's `key=value,key=value`."""
    return dict(part.partition("=")[::2] for part in text.split(",") if "=" in part)


def spec_from(vmid: int, config: dict[str, Any]) -> Spec:
    """The real container for a Proxmox configuration. Raises LabError for a network that the lab does not have."""
    features = properties(str(config.get("features", "")))
    network = _network(properties(config["net0"])) if "net0" in config else {"gateway": ""}
    return Spec(
        name=str(vmid),
        hostname=str(config.get("hostname", f"CT{vmid}")),
        memory=int(config.get("memory", 512)),
        swap=int(config.get("swap", 512)),
        cores=int(config.get("cores", 0)),
        nesting=features.get("nesting") == "1",
        keyctl=features.get("keyctl") == "1",
        nameservers=tuple(str(config.get("nameserver", "")).replace(",", " ").split()),
        search=str(config.get("searchdomain", "")),
        mounts=_mounts(config),
        **network,
    )


def _mounts(config: dict[str, Any]) -> tuple[Mount, ...]:
    """`mp0: local-lvm:vm-101-disk-1,mp=/srv,ro=1`: the volume's name, or the host's directory."""
    found = []
    for key in sorted(key for key in config if re.fullmatch(r"mp\d+", key)):
        volume = str(config[key]).partition(",")[0]
        options = properties(str(config[key]))
        source = volume if volume.startswith("/") else volume.partition(":")[2]
        found.append(Mount(source, options["mp"], options.get("ro") == "1"))
    return tuple(found)


def _network(net: dict[str, str]) -> dict[str, Any]:
    if net.get("bridge") != "vmbr0":
        raise LabError(f"bridge '{net.get('bridge')}' does not exist")
    address = net.get("ip", "manual")
    if address == "dhcp":
        raise LabError("the lab's network has no DHCP server: give net0 a static address")
    return {
        "address": "" if address == "manual" else address,
        "gateway": net.get("gw", ""),
        "mac": net.get("hwaddr", ""),
        "interface": net.get("name", "eth0"),
    }


def describe(spec: Spec) -> dict[str, Any]:
    """A Proxmox configuration for a real container whose own was lost."""
    config: dict[str, Any] = {
        "hostname": spec.hostname,
        "ostype": "debian",
        "arch": "amd64",
        "memory": spec.memory,
        "swap": spec.swap,
        "rootfs": f"local-lvm:vm-{spec.name}-disk-0,size=8G",
        "unprivileged": 1,
        "features": f"keyctl={int(spec.keyctl)},nesting={int(spec.nesting)}",
    }
    if spec.cores:
        config["cores"] = spec.cores
    for number, mount in enumerate(spec.mounts):
        volume = mount.source if mount.source.startswith("/") else f"local-lvm:{mount.source}"
        config[f"mp{number}"] = f"{volume},mp={mount.path}" + (",ro=1" if mount.read_only else "")
    if spec.address:
        net = {"name": spec.interface, "bridge": "vmbr0", "gw": spec.gateway, "hwaddr": spec.mac, "ip": spec.address}
        config["net0"] = ",".join(f"{key}={value}" for key, value in net.items() if value) + ",type=veth"
    return config


def saved(containers: list[Container], templates: dict[str, Any]) -> str:
    """The state that outlives the API's process, as JSON."""
    entries = [{"vmid": ct.vmid, "config": ct.config, "pending": ct.pending, "pool": ct.pool} for ct in containers]
    return json.dumps({"node": settings.NODE, "containers": entries, "templates": templates}, indent=2) + "\n"
