# SPDX-License-Identifier: GPL-3.0-or-later
"""A Proxmox API for one test: the PyPI package fakepve, which can also offer templates for download here."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

from fakepve import FakePve, PveError, settle

Result = TypeVar("Result")
NODE = "pve"


class Proxmox(FakePve):  # type: ignore[misc]
    """One node `pve`. `offered` are the templates it can download, `written` the requests that change something."""

    def __init__(self) -> None:
        super().__init__(user="root@pam", password="proxmox-password-canary", host="127.0.0.1", port=0)
        self.nodes = {NODE: {"online": True}}
        self.offered = ["debian-12-standard_12.12-1_amd64.tar.zst", "debian-13-standard_13.1-2_amd64.tar.zst"]

    @property
    def written(self) -> list[tuple[str, str]]:
        """Method and path of every request but reads and logins."""
        requests = [(method, path.removeprefix("/api2/json")) for method, path, _body in self.requests]
        return [request for request in requests if request[0] != "GET" and request[1] != "/access/ticket"]

    def _routes_templates(self) -> list[tuple[str, str, Any]]:
        path = "/nodes/{node}/aplinfo"
        return [("GET", path, self._offer), ("POST", path, self._fetch)]

    async def _offer(self, values: dict[str, Any], user: str) -> list[dict[str, str]]:
        return [{"template": name, "package": name.split("_")[0], "section": "system"} for name in self.offered]

    async def _fetch(self, values: dict[str, Any], user: str) -> Any:
        if values["template"] not in self.offered:
            raise PveError(400, "Parameter verification failed.", {"template": "no such template"})

        async def body() -> None:
            self.store_file(values["storage"], values["template"], 1024, "vztmpl")

        return await self.task(values["node"], "download", "", user, body)


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
