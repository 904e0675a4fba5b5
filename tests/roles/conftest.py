# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tests of roles share: a Proxmox API, an SSH server's greeting, and real machines."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from fakepve.certs import make_cert

from tests.roles.greeting import greeting
from tests.roles.machine import Machine, lab
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


@pytest.fixture(scope="session", name="greeting")
def _greeting() -> Iterator[int]:
    """A port at which every address of this machine greets like an SSH server: these containers do not really run."""
    with greeting() as port:
        yield port


@pytest.fixture(scope="module")
def machine(request: pytest.FixtureRequest, practice: None) -> Iterator[Machine]:
    """A fresh machine of the lab; its address is the test module's `ADDRESS`, its Debian `SUITE` if it has one."""
    name = request.module.__name__.rpartition("test_")[2].replace("_", "-")
    suite = getattr(request.module, "SUITE", "trixie")
    lab("machine", "--remove", name)
    lab("machine", name, request.module.ADDRESS, "--suite", suite)
    yield Machine(name, request.module.ADDRESS)
    lab("machine", "--remove", name)
