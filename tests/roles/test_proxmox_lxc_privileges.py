# SPDX-License-Identifier: GPL-3.0-or-later
"""The API token of the role's README: enough for all of a container's life, and no privilege of it is too much."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from lab import proxmox as practice
from tests.roles.playbook import ROOT
from tests.roles.proxmox import Proxmox, containers

README = (ROOT / "roles/proxmox_lxc/README.md").read_text()
TOKEN = "automation@pve!homelab"
CONTAINER = {
    "vmid": 110,
    "hostname": "files",
    "node": "pve",
    "pool": "homelab",
    "template": "debian-13-standard",
    "storage": "local-lvm",
    "disk": 8,
    "cores": 1,
    "memory": 512,
    "swap": 0,
    "bridge": "vmbr0",
    "vlan": 20,
    "address": "192.168.1.110/24",
    "gateway": "192.168.1.1",
    "features": "nesting=1",
    "mounts": [{"path": "/srv", "storage": "local-lvm", "size": 20}],
    "nameserver": "192.168.1.2",
    "tags": ["homelab"],
    "description": "Files",
    "startup": "order=2",
    "onboot": True,
    "ssh_public_keys": ["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGtvbnRhaW5lcgAAAAAAAAAAAAAAAAAAAAAAAAAAAAA test"],
}
CHANGED = {
    **CONTAINER,
    "cores": 2,
    "memory": 1024,
    "gateway": "192.168.1.254",
    "features": "",
    "disk": 10,
    "mounts": [{"path": "/srv", "storage": "local-lvm", "size": 30, "backup": True}],
    "description": "",
}
Life = Callable[..., dict[str, Any]]
Grants = Mapping[str, tuple[str, ...]]


def documented() -> Grants:
    """Path → privileges, as the README's commands grant them."""
    roles = dict(re.findall(r'pveum role add (\w+) --privs "([^"]+)"', README))
    granted = re.findall(r"pveum acl modify (\S+) --users automation@pve --roles (\w+)", README)
    return {path: tuple(roles[role].split()) for path, role in granted}


EACH = [(path, privilege) for path, privileges in documented().items() for privilege in privileges]


@pytest.fixture
def by_token(proxmox: Proxmox, certificate: tuple[str, str]) -> Life:
    """Runs the module for one container as the token; root makes the pool, as the README has it."""
    proxmox.pools["homelab"] = set()
    proxmox.apitokens[TOKEN] = "token-secret"

    def run(wanted: Mapping[str, Any], **options: Any) -> dict[str, Any]:
        token = {"api_token_id": TOKEN, "api_token_secret": "token-secret"}
        return containers(proxmox, certificate[0], wanted, **token, **options)

    return run


def grant(proxmox: Proxmox, grants: Grants, without: tuple[str, str] | None = None) -> None:
    for path, privileges in grants.items():
        proxmox.grant("automation@pve", path, *(name for name in privileges if (path, name) != without))


def live(by_token: Life) -> dict[str, Any]:
    """The container's whole life: the first thing that fails, or the last result."""
    result: dict[str, Any] = {}
    for wanted in (CONTAINER, CHANGED, {**CHANGED, "state": "stopped"}, {**CHANGED, "state": "absent"}):
        result = by_token(wanted)
        if result.get("failed"):
            return result
        assert result["changed"]
        again = by_token(wanted)
        assert again.get("changed") is False, again
    return result


def test_the_documented_token_is_enough_for_all_of_a_container_s_life(proxmox: Proxmox, by_token: Life) -> None:
    grant(proxmox, documented())
    result = live(by_token)
    assert result["containers"][0]["status"] == "absent"
    assert proxmox.ct(110) is None


@pytest.mark.parametrize("missing", EACH, ids=[f"{path}-{privilege}" for path, privilege in EACH])
def test_without_any_one_privilege_the_refusal_names_it(
    proxmox: Proxmox, by_token: Life, missing: tuple[str, str]
) -> None:
    grant(proxmox, documented(), without=missing)
    result = live(by_token)
    path, privilege = missing
    assert result["failed"], f"{privilege} on {path} is too much"
    assert privilege in result["msg"]
    guest = path.startswith("/pool/") and privilege != "VM.Allocate"
    assert ("/vms/110" if guest else "pool" if path.startswith("/pool/") else path) in result["msg"]


def test_the_documented_token_touches_nothing_outside_its_pool(proxmox: Proxmox, by_token: Life) -> None:
    grant(proxmox, documented())
    proxmox.add_ct(110, name="files", node="pve")
    for state in ("started", "absent"):
        said = by_token({**CONTAINER, "state": state})["msg"]
        assert f"the vmid 110 is taken by a guest that the token {TOKEN} may not see" in said
    assert proxmox.written == [] and proxmox.ct(110).name == "files"


def test_a_node_s_versions_are_an_extra_privilege(proxmox: Proxmox, by_token: Life) -> None:
    grant(proxmox, documented())
    warnings = by_token(CONTAINER, check=True)["warnings"]
    assert len(warnings) == 1
    assert "could not be checked (Permission check failed (/nodes/pve, Sys.Audit))" in warnings[0]
    grant(proxmox, {"/nodes/pve": ("Sys.Audit",)})
    assert by_token(CONTAINER, check=True)["warnings"] == []


def test_the_lab_s_token_has_the_documented_privileges() -> None:
    assert documented() == practice.TOKEN_PRIVILEGES
