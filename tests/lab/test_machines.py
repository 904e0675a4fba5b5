# SPDX-License-Identifier: GPL-3.0-or-later
"""Machines that exist already: whose name and address are free, and whose host keys are known."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab import machines, settings
from lab.lxc import Spec
from lab.shell import LabError
from tests.lab.real import Containers


@pytest.fixture
def containers(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Containers:
    """One container, `old` at 198.18.0.50, and a known_hosts file of the test's own."""
    real = Containers()
    real.install(monkeypatch)
    real.create(Spec(name="old", hostname="old", address="198.18.0.50/24"))
    monkeypatch.setattr(settings, "KNOWN_HOSTS", tmp_path / "known_hosts")
    return real


@pytest.mark.parametrize(
    ("name", "address", "message"),
    [
        ("101", "198.18.0.60", "not a name for a machine"),
        ("a/b", "198.18.0.60", "not a name for a machine"),
        ("new", "10.0.0.1", "not a free address"),
        ("new", "198.18.0.1", "not a free address"),
        ("new", "198.18.0.255", "not a free address"),
        ("new", "home", "not a free address"),
        ("new", "198.18.0.50", "belongs to the container old"),
        ("old", "198.18.0.60", "has the address 198.18.0.50"),
    ],
)
def test_a_name_or_address_that_cannot_be_had_is_refused(
    containers: Containers, name: str, address: str, message: str
) -> None:
    with pytest.raises(LabError, match=message):
        machines.ensure(name, address, memory=1024, cores=0)
    assert list(containers.specs) == ["old"]


def test_new_host_keys_replace_the_old_ones_of_that_address_only(containers: Containers) -> None:
    machines.remember("198.18.0.50", ["ssh-ed25519 AAAA root@old"])
    machines.remember("198.18.0.5", ["ssh-ed25519 CCCC root@other"])
    machines.remember("198.18.0.50", ["ssh-ed25519 BBBB root@old"])
    assert settings.KNOWN_HOSTS.read_text().splitlines() == [
        "198.18.0.5 ssh-ed25519 CCCC",
        "198.18.0.50 ssh-ed25519 BBBB",
    ]
    machines.forget("198.18.0.50")
    assert settings.KNOWN_HOSTS.read_text() == "198.18.0.5 ssh-ed25519 CCCC\n"
