# SPDX-License-Identifier: GPL-3.0-or-later
"""A Proxmox API for one test: the PyPI package fakepve, which can also offer templates for download here."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine, Mapping
from typing import Any, TypeVar

import pytest
from ansible.module_utils.basic import AnsibleModule
from fakepve import FakePve, PveError, settle

from tests.support.modules import printed_by

Result = TypeVar("Result")
NODE = "pve"


class Proxmox(FakePve):  # type: ignore[misc]
    """One node `pve`. `offered` are the templates it can download, `packages` the versions that its nodes have
    installed, `written` the requests that change something.
    """

    def __init__(self) -> None:
        super().__init__(user="root@pam", password="proxmox-password-canary", host="127.0.0.1", port=0)
        self.nodes = {NODE: {"online": True}}
        self.packages = {"pve-manager": "9.0.10", "lxc-pve": "6.0.5-3"}
        self.offered = ["debian-12-standard_12.12-1_amd64.tar.zst", "debian-13-standard_13.1-2_amd64.tar.zst"]

    @property
    def written(self) -> list[tuple[str, str]]:
        """Method and path of every request but reads and logins."""
        requests = [(method, path.removeprefix("/api2/json")) for method, path, _body in self.requests]
        return [request for request in requests if request[0] != "GET" and request[1] != "/access/ticket"]

    def _routes_of_nodes(self) -> list[tuple[str, str, Any]]:
        path = "/nodes/{node}/aplinfo"
        versions = ("GET", "/nodes/{node}/apt/versions", self._versions)
        return [("GET", path, self._offer), ("POST", path, self._fetch), versions]

    async def _versions(self, values: dict[str, Any], user: str) -> list[dict[str, str]]:
        return [
            {"Package": name, "OldVersion": version, "Version": version, "CurrentState": "Installed"}
            for name, version in self.packages.items()
        ]

    async def _offer(self, values: dict[str, Any], user: str) -> list[dict[str, str]]:
        return [{"template": name, "package": name.split("_")[0], "section": "system"} for name in self.offered]

    async def _fetch(self, values: dict[str, Any], user: str) -> Any:
        if values["template"] not in self.offered:
            raise PveError(400, "Parameter verification failed.", {"template": "no such template"})

        async def body() -> None:
            self.store_file(values["storage"], values["template"], 1024, "vztmpl")

        return await self.task(values["node"], "download", "", user, body)


def containers(proxmox: Proxmox, ca_path: str, *wanted: Mapping[str, Any], **options: Any) -> dict[str, Any]:
    """What the module prints for these containers, in this process. `check=True` is check mode."""
    arguments = {
        "api_host": "127.0.0.1",
        "api_port": proxmox.port,
        "ca_path": ca_path,
        "check_addresses": False,
        "containers": list(wanted),
        "_ansible_check_mode": options.pop("check", False),
        **({} if "api_token_id" in options else {"api_password": proxmox.password}),
        **options,
    }
    warnings: list[str] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(AnsibleModule, "warn", lambda _module, text: warnings.append(text))
        return {**printed_by("proxmox_container", arguments), "warnings": warnings}


class Serving:
    """A Proxmox on an event loop of its own, in a thread."""

    def __init__(self, certificate: str, key: str) -> None:
        self.proxmox = Proxmox()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self.run(self.proxmox.start(certificate, key))

    def run(self, work: Coroutine[Any, Any, Result]) -> Result:
        """Let the loop do this, and wait for it."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(30)

    def stop(self) -> None:
        """Stop listening, and end the thread."""
        self.run(settle())
        self.run(self.proxmox.stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(30)
        self._loop.close()
