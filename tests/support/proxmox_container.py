# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the module proxmox_container for the user's container, with a Proxmox that is a double."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ansible.module_utils import basic
from ansible_collections.omakase.homelab.plugins.modules import proxmox_container

from tests.support.proxmox_double import CONTAINER, ProxmoxDouble

WANTED = {
    "vmid": 101,
    "hostname": "infisical",
    "node": "pve",
    "template": "debian-13-standard",
    "storage": "local-lvm",
    "disk": 20,
    "cores": 2,
    "memory": 2048,
    "swap": 512,
    "bridge": "vmbr0",
    "address": "192.168.1.101/24",
    "gateway": "192.168.1.1",
    "features": "nesting=1,keyctl=1",
}
NET = "name=eth0,bridge=vmbr0,hwaddr=BC:24:11:00:00:01,ip=192.168.1.101/24,gw=192.168.1.1,type=veth"
HAS = {
    "hostname": "infisical",
    "cores": 2,
    "memory": 2048,
    "swap": 512,
    "net0": NET,
    "features": "keyctl=1,nesting=1",
    "rootfs": "local-lvm:vm-101-disk-0,size=20G",
    "unprivileged": 1,
}
TEMPLATE = "debian-13-standard_13.1-2_amd64.tar.zst"


def run(check: bool = False, credentials: dict[str, str] | None = None, **changes: Any) -> dict[str, Any]:
    """What the module printed for one container; `changes` are its options that differ."""
    return run_all([{**WANTED, **changes}], check, credentials)


def run_all(
    containers: list[dict[str, Any]], check: bool = False, credentials: dict[str, str] | None = None, **options: Any
) -> dict[str, Any]:
    given = {
        "api_host": "pve.test",
        "containers": containers,
        "_ansible_check_mode": check,
        **(credentials or {"api_password": "password-canary"}),
        **options,
    }
    printed: list[dict[str, Any]] = []
    warnings: list[str] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(basic, "_ANSIBLE_ARGS", json.dumps({"ANSIBLE_MODULE_ARGS": given}).encode())
        patch.setattr(basic, "_ANSIBLE_PROFILE", "legacy", raising=False)
        patch.setattr(basic.AnsibleModule, "_return_formatted", lambda _module, result: printed.append(dict(result)))
        patch.setattr(basic.AnsibleModule, "warn", lambda _module, text: warnings.append(text))
        with pytest.raises(SystemExit):
            proxmox_container.main()
    result = {**printed[0], "warnings": warnings}
    assert "password-canary" not in json.dumps(result)
    return result


def made(status: str, **config: Any) -> dict[str, Any]:
    """What is read of the container from now on."""
    reads = ProxmoxDouble().has({**HAS, **config}, status).reads
    return {path: data for path, data in reads.items() if path.startswith((CONTAINER, "/cluster"))}


def refused(**changes: Any) -> str:
    result = run(**changes)
    assert result["failed"] and result["msg"].startswith("Nothing was changed, because:")
    return " ".join(result["problems"])
