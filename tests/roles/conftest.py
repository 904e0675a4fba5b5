# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tests of roles share: a Proxmox API, and an SSH server's greeting."""

from __future__ import annotations

import os
import socketserver
import threading
from collections.abc import Iterator

import pytest
from fakepve.certs import make_cert

from tests.roles.machine import Machine, is_up, lab
from tests.roles.proxmox import Proxmox, Serving


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """Certificate and key of a Proxmox at 127.0.0.1; the certificate is its own authority."""
    certificate, key = make_cert(str(tmp_path_factory.mktemp("proxmox")), hosts=("127.0.0.1",))[:2]
    return certificate, key


@pytest.fixture
def proxmox(certificate: tuple[str, str]) -> Iterator[Proxmox]:
    """A Proxmox with nothing on it, whose tasks end at once."""
    serving = Serving(*certificate)
    yield serving.proxmox
    serving.stop()


class _Greeting(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        self.request.sendall(b"SSH-2.0-stand_in\r\n")


@pytest.fixture(scope="session")
def greeting() -> Iterator[int]:
    """A port at which every address of this machine greets like an SSH server: these containers do not really run."""
    with socketserver.ThreadingTCPServer(("0.0.0.0", 0), _Greeting) as server:  # noqa: S104
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


@pytest.fixture(scope="session")
def practice() -> Iterator[None]:
    """The lab, up; taken down afterwards if it was down before."""
    was_up = is_up()
    lab("up")
    yield
    if not was_up and not os.environ.get("OMAKASE_KEEP_LAB"):
        lab("down")


@pytest.fixture(scope="module")
def machine(request: pytest.FixtureRequest, practice: None) -> Iterator[Machine]:
    """A fresh Debian 13 machine of the lab; its address is the test module's `ADDRESS`."""
    name = request.module.__name__.rpartition("test_")[2].replace("_", "-")
    lab("machine", "--remove", name)
    lab("machine", name, request.module.ADDRESS)
    yield Machine(name, request.module.ADDRESS)
    lab("machine", "--remove", name)
