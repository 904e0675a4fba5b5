# Copyright: (c) 2026, The omakase.homelab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Proxmox API in Python: logs in, speaks JSON, says why something was refused, and waits for tasks."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import responses
from typing import Any, Callable, Union
from urllib.parse import quote

from ansible_collections.omakase.homelab.plugins.module_utils._proxmox.errors import (
    ProxmoxError,
    RefusedError,
    TaskFailedError,
    UnfinishedError,
    UnreachableError,
)
from ansible_collections.omakase.homelab.plugins.module_utils._proxmox.refusals import explained
from ansible_collections.omakase.homelab.plugins.module_utils._proxmox.transport import Answer, Request, Transport
from ansible_collections.omakase.homelab.plugins.module_utils._untrusted import answers

Params = Mapping[str, Union[str, int]]

POLL_SECONDS = 0.5
LOG_LINES = 500


@dataclass(frozen=True)
class Token:
    """An API token; `id` is `user@realm!name`."""

    id: str
    secret: str

    @property
    def is_root_login(self) -> bool:
        """False: Proxmox keeps some rights for root@pam's own login, and a token of root@pam is none."""
        return False

    def __repr__(self) -> str:
        return f"the token {self.id}"


@dataclass(frozen=True)
class Password:
    """A user (`root@pam`) and the password, exchanged for a ticket."""

    user: str
    secret: str

    @property
    def is_root_login(self) -> bool:
        """True for the one user who may set every feature."""
        return self.user == "root@pam"

    def __repr__(self) -> str:
        return f"the user {self.user}"


Credentials = Union[Token, Password]


def encoded(*parts: str | int) -> str:
    """`/nodes/pve/tasks/UPID%3A…`: a path whose parts cannot break out of it."""
    return "".join("/" + quote(str(part), safe="") for part in parts)


class ProxmoxClient:
    """One login for all requests. Reads and writes are sent once; an error names the request and Proxmox's reason."""

    def __init__(
        self,
        transport: Transport,
        credentials: Credentials,
        clock: Callable[[], float] = time.monotonic,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._transport = transport
        self.credentials = credentials
        self._clock = clock
        self._pause = pause
        self._headers: dict[str, str] | None = None

    def get(self, *path: str | int, **params: str | int) -> Any:
        """The `data` of a read."""
        return self.request("GET", encoded(*path), params)

    def request(self, method: str, path: str, params: Params) -> Any:
        """The `data` of the answer; raises RefusedError with Proxmox's reason, UnreachableError where it has none."""
        sent = Request(method, path, {name: str(value) for name, value in params.items()}, self._login())
        return self._data(sent, self._transport.send(sent))

    def wait(self, upid: str, limit: float) -> list[str]:
        """Until the task has ended well; what it warns of. `limit` in seconds; the task itself is never stopped.

        An API that is away for a moment, as while it is upgraded, is asked again.
        """
        deadline = self._clock() + limit
        node = upid.split(":")[1]
        while True:
            late = self._clock() >= deadline
            status = self._status(node, upid, patient=not late)
            if status.get("status") == "stopped":
                break
            if late:
                raise UnfinishedError(
                    f"The task {upid} has not ended after {limit:.0f} seconds. It still runs on {node}: see it in the "
                    "task list of the web interface, or raise the limit (task_timeout)."
                )
            self._pause(POLL_SECONDS)
        outcome = str(status.get("exitstatus", "")).strip()
        if outcome == "OK":
            return []
        if outcome.startswith("WARNINGS"):
            return self._warnings(node, upid)
        raise TaskFailedError(explained(f"The task {status.get('type', upid)} on {node} failed: {outcome}", outcome))

    def _warnings(self, node: str, upid: str) -> list[str]:
        lines = [str(line.get("t", "")) for line in self.get("nodes", node, "tasks", upid, "log", limit=LOG_LINES)]
        return [line.partition(":")[2].strip() for line in lines if line.startswith("WARN")]

    def _status(self, node: str, upid: str, patient: bool) -> dict[str, Any]:
        """What a task is doing; nothing while the API is away, if that is to be borne."""
        try:
            status: dict[str, Any] = self.get("nodes", node, "tasks", upid, "status")
        except UnreachableError:
            if not patient:
                raise
        except RefusedError as refused:
            if not patient or refused.status < 500:
                raise
        else:
            return status
        return {}

    def running_tasks(self, node: str, **filters: str | int) -> list[str]:
        """The UPIDs of what still runs on a node, after Proxmox's own filters (`vmid`, `typefilter`)."""
        tasks = self.get("nodes", node, "tasks", source="active", **filters)
        # Proxmox lists recently ended tasks as active, too: they carry their outcome.
        return [
            task["upid"] for task in tasks if not task.get("endtime") and task.get("status") in (None, "", "RUNNING")
        ]

    def _login(self) -> dict[str, str]:
        if self._headers is None:
            self._headers = self._headers_of(self.credentials)
        return self._headers

    def _headers_of(self, credentials: Credentials) -> dict[str, str]:
        if not credentials.secret:
            # An address where nothing answers is the more useful thing to hear of first.
            self._transport.send(Request("GET", "/version"))
            raise ProxmoxError(f"No password or secret is given for {credentials!r} at {self._transport.address}.")
        if isinstance(credentials, Token):
            return {"Authorization": f"PVEAPIToken={credentials.id}={credentials.secret}"}
        login = Request("POST", "/access/ticket", {"username": credentials.user, "password": credentials.secret})
        ticket = self._data(login, self._transport.send(login))
        if ticket.get("NeedTFA"):
            raise ProxmoxError(
                f"{credentials!r} needs a second factor at {self._transport.address}, which a playbook cannot give. "
                "Use an API token."
            )
        return {
            "Cookie": f"PVEAuthCookie={ticket['ticket']}",
            "CSRFPreventionToken": ticket["CSRFPreventionToken"],
        }

    def _data(self, request: Request, answer: Answer) -> Any:
        try:
            body = answers.parsed(answer.body)
        except ValueError:
            body = None
        if not isinstance(body, dict):
            body = {}
        if answer.status == 200:
            if "data" in body:
                return body["data"]
            raise UnreachableError(
                f"{self._transport.address} answered {request.method} {request.path} with what Proxmox does not say: "
                "half an answer, or another server's. Is Proxmox there?"
            )
        reason = _reason(answer, body)
        if answer.status == 401:
            message = (
                f"{self._transport.address} does not accept {self.credentials!r} ({reason}). "
                "Are its name and its secret right, and has it not expired?"
            )
        else:
            told = f"{self._transport.address} refused {request.method} {request.path} ({answer.status}): {reason}"
            message = explained(told, reason)
        raise RefusedError(message, answer.status, reason)


def _reason(answer: Answer, body: Mapping[str, Any]) -> str:
    """Proxmox's own words: the message (in the status line before PVE 9), and what it says of each field."""
    message = str(body.get("message") or answer.reason or responses.get(answer.status, "no reason given")).strip()
    fields = body.get("errors")
    if not isinstance(fields, dict) or not fields:
        return message
    return message.rstrip(".") + ": " + "; ".join(f"{name}: {str(why).strip()}" for name, why in sorted(fields.items()))
