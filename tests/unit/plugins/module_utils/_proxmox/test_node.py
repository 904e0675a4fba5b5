# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether Docker can run in the containers of a node, by the versions that it tells."""

from __future__ import annotations

import pytest
from ansible_collections.omakase.homelab.plugins.module_utils._proxmox.node import docker_trap


def versions(pve: str, lxc: str) -> list[dict[str, str]]:
    """As Proxmox tells them: `OldVersion` is installed, `Version` could be."""
    found = {"pve-manager": pve, "lxc-pve": lxc}
    return [
        {"Package": name, "OldVersion": version, "Version": "99.0-1", "CurrentState": "Installed"}
        for name, version in found.items()
    ]


@pytest.mark.parametrize(
    ("pve", "lxc"), [("9.0.10", "6.0.5-2"), ("9.1.1", "6.0.10-1"), ("8.4.14", "6.0.0-2"), ("10.0.1", "7.0.0-1")]
)
def test_a_version_that_has_the_cure_is_fine(pve: str, lxc: str) -> None:
    assert docker_trap("pve", versions(pve, lxc)) is None


@pytest.mark.parametrize(
    ("pve", "lxc", "cure"),
    [
        ("9.0.3", "6.0.5-1", "at least 6.0.5-2"),
        ("9.0.3", "6.0.4-2", "at least 6.0.5-2"),
        ("8.4.1", "6.0.0-1", "at least 6.0.0-2"),
        ("7.4-3", "5.0.2-2", "Proxmox VE 8 or later"),
    ],
)
def test_an_older_one_is_named_with_the_symptom_and_the_cure(pve: str, lxc: str, cure: str) -> None:
    trap = docker_trap("pve2", versions(pve, lxc)) or ""
    assert f"its lxc-pve is {lxc}" in trap and cure in trap
    assert "ip_unprivileged_port_start" in trap and "apt full-upgrade" in trap


def test_a_node_that_does_not_tell_is_not_accused() -> None:
    assert docker_trap("pve", []) is None
    assert docker_trap("pve", [{"Package": "lxc-pve", "Version": "1.0-1", "CurrentState": "NotInstalled"}]) is None
