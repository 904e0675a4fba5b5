# SPDX-License-Identifier: GPL-3.0-or-later
"""What attacks need: real runs of Ansible, the stand-in server, and servers that somebody else has written."""

from __future__ import annotations

import socket
import subprocess
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils import basic
from ansible_collections.omakase.homelab.plugins.module_utils._infisical import options
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.transport import Answer, Request

from tests.integration.conftest import ansible, make_ansible, postgres, redis, vault

__all__ = ["ansible", "make_ansible", "postgres", "redis", "vault"]


class Deaf:
    """A server that knows nothing, and remembers what it was asked."""

    address = "https://nowhere.test:8006"

    def __init__(self) -> None:
        self.sent: list[str] = []

    def send(self, request: Request) -> Answer:
        self.sent.append(f"{request.method} {request.url}")
        if request.url.endswith("/login"):
            return Answer(200, {}, b'{"accessToken": "t"}')
        return Answer(404, {}, b'{"error": "NotFound", "message": "nothing"}')


@pytest.fixture
def deaf(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Deaf:
    """The only one to talk to; no program is there, and no network."""
    server = Deaf()

    def nobody(*_given: Any, **_more: Any) -> Any:
        raise ConnectionRefusedError(111, "Connection refused")

    def nothing(*_given: Any, **_more: Any) -> Any:
        raise FileNotFoundError(2, "No such file or directory")

    monkeypatch.setattr(options, "UrlTransport", lambda _connection: server)
    monkeypatch.setattr(socket, "create_connection", nobody)
    monkeypatch.setattr(socket, "getaddrinfo", nobody)
    monkeypatch.setattr(socket.socket, "connect", nobody)
    monkeypatch.setattr(socket.socket, "connect_ex", lambda *_given: 111)
    monkeypatch.setattr(subprocess, "Popen", nothing)
    monkeypatch.setattr(basic.AnsibleModule, "run_command", lambda *_given, **_more: (127, "", "not found"))
    monkeypatch.chdir(tmp_path)
    return server
