# SPDX-License-Identifier: GPL-3.0-or-later
"""A Proxmox for unit tests: reads are answered from what it has, writes must be expected, in order."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ansible_collections.omakase.homelab.plugins.module_utils._proxmox.transport import Answer, Request

UPID = "UPID:pve:00001000:00002000:65000000:{kind}:101:root@pam:"
NODE = "/nodes/pve"
CONTAINER = f"{NODE}/lxc/101"


def answer(data: Any = None, status: int = 200, reason: str = "OK", **body: Any) -> Answer:
    """An answer as Proxmox words it."""
    return Answer(status, reason, json.dumps({"data": data, **body}).encode())


class ProxmoxDouble:
    """`reads` maps paths to data. A write that nobody expects, or that is expected and not sent, fails the test."""

    address = "https://pve.test:8006"

    def __init__(self) -> None:
        self.reads: dict[str, Any] = {
            "/cluster/resources": [{"type": "node", "node": "pve", "status": "online"}],
            f"{NODE}/storage": [
                {"storage": "local", "content": "vztmpl,iso", "active": 1},
                {"storage": "local-lvm", "content": "rootdir,images", "active": 1},
            ],
            f"{NODE}/network": [{"iface": "vmbr0", "type": "bridge"}, {"iface": "eno1", "type": "eth"}],
            "/cluster/nextid": "101",
            "/cluster/status": [{"type": "cluster", "quorate": 1}],
            f"{NODE}/apt/versions": [{"Package": "lxc-pve", "OldVersion": "6.0.5-3", "CurrentState": "Installed"}],
            f"{NODE}/storage/local/content": [],
            f"{NODE}/aplinfo": [{"template": "debian-13-standard_13.1-2_amd64.tar.zst"}],
        }
        self.expected: list[tuple[str, Mapping[str, Any], Mapping[str, str] | None]] = []
        self.sent: list[Request] = []

    def has(
        self, config: Mapping[str, Any], status: str = "running", pending: Any = (), vmid: int = 101
    ) -> ProxmoxDouble:
        """Let a container exist, and no other guest."""
        container = f"{NODE}/lxc/{vmid}"
        line = {"type": "lxc", "vmid": vmid, "node": "pve", "name": config.get("hostname", ""), "status": status}
        self.reads["/cluster/resources"] = [{"type": "node", "node": "pve", "status": "online"}, line]
        self.reads[f"{container}/config"] = {"digest": "d1", **config}
        self.reads[f"{container}/status/current"] = {"status": status}
        self.reads[f"{container}/pending"] = list(pending)
        return self

    def expect(
        self,
        write: str,
        params: Mapping[str, str] | None = None,
        then: Mapping[str, Any] | None = None,
        task: str = "",
        outcome: str = "OK",
    ) -> ProxmoxDouble:
        """Expect `METHOD /path` with these parameters; it starts a `task`, and `then` changes what is read."""
        effects = dict(then or {})
        if task:
            upid = UPID.format(kind=task)
            status = {"status": "stopped", "exitstatus": outcome, "type": task}
            effects[f"{NODE}/tasks/{upid.replace(':', '%3A').replace('@', '%40')}/status"] = status
            effects["upid"] = upid
        self.expected.append((write, effects, params))
        return self

    def send(self, request: Request) -> Answer:
        """Answer a read from what there is, a write if it is the next one expected."""
        self.sent.append(request)
        asked = f"{request.method} {request.path}"
        if asked == "POST /access/ticket":
            return answer({"ticket": "PVE:root@pam:ticket", "CSRFPreventionToken": "csrf"})
        if request.method == "GET":
            assert request.path in self.reads, f"nobody expected {asked}"
            found = self.reads[request.path]
            return found if isinstance(found, Answer) else answer(found)
        assert self.expected, f"nobody expected {asked}"
        write, effects, params = self.expected.pop(0)
        assert asked == write
        assert params is None or dict(request.params) == dict(params)
        self.reads.update(effects)
        return answer(self.reads.pop("upid", None))

    def finish(self) -> None:
        """Fail if something expected was not sent."""
        assert self.expected == []
