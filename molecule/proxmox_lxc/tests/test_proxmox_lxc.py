# SPDX-License-Identifier: GPL-3.0-or-later
"""What Proxmox has after the role, by its own API."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
import requests


@pytest.fixture(scope="module")
def container() -> dict[str, Any]:
    """The configuration of the container, and its state."""
    where = json.loads((Path(os.environ["MOLECULE_EPHEMERAL_DIRECTORY"]) / "proxmox.json").read_text(encoding="utf-8"))
    with requests.Session() as session:
        session.verify, session.trust_env = where["ca_path"], False
        api = f"https://127.0.0.1:{where['api_port']}/api2/json"
        login = {"username": "root@pam", "password": "proxmox-password-canary"}
        ticket = session.post(f"{api}/access/ticket", login, timeout=10).json()["data"]["ticket"]
        session.cookies.set("PVEAuthCookie", ticket)
        config = session.get(f"{api}/nodes/pve/lxc/101/config", timeout=10).json()["data"]
        status = session.get(f"{api}/nodes/pve/lxc/101/status/current", timeout=10).json()["data"]["status"]
    return {**config, "status": status}


def test_the_container_runs_unprivileged_with_what_docker_needs(container: dict[str, Any]) -> None:
    assert (container["hostname"], container["status"], container["unprivileged"]) == ("infisical", "running", 1)
    assert set(container["features"].split(",")) == {"nesting=1", "keyctl=1"}


def test_it_has_the_size_and_the_address_that_were_asked_for(container: dict[str, Any]) -> None:
    assert (container["cores"], container["memory"], container["swap"]) == (2, 2048, 512)
    assert container["rootfs"].startswith("local-lvm:") and "size=20G" in container["rootfs"]
    assert {"ip=127.0.77.101/24", "gw=127.0.77.1"} <= set(container["net0"].split(","))
