# SPDX-License-Identifier: GPL-3.0-or-later
"""What the role proxmox_lxc tells its module: everything that a user may set, and nothing where it is left empty."""

from __future__ import annotations

from typing import Any

import yaml

from tests.meta.repository import ROOT
from tests.support.role import Role

MODULE = "omakase.homelab.proxmox_container"
GIVEN: dict[str, Any] = {
    "api_host": "pve.home.example",
    "api_port": 8007,
    "api_user": "me@pve",
    "api_password": "password",
    "api_token_id": "deploy",
    "api_token_secret": "secret",
    "api_validate_certs": False,
    "api_ca_path": "/etc/ca.pem",
    "api_timeout": 7,
    "task_timeout": 8,
    "check_addresses": False,
    "allow_restart": True,
    "shutdown_timeout": 9,
    "ssh_port": 2222,
    "unreachable_hint": "Bring it up",
}
RENAMED = {"api_validate_certs": "validate_certs", "api_ca_path": "ca_path", "api_timeout": "timeout"}


def told(**given: Any) -> dict[str, Any]:
    """Option of the module → its value, in every task of the role."""
    block = yaml.safe_load((ROOT / "roles/proxmox_lxc/tasks/main.yml").read_text())[0]
    role = Role("proxmox_lxc", {f"proxmox_lxc_{name}": value for name, value in given.items()} | {"omit": "OMIT"})
    options = block["module_defaults"][MODULE]
    return {name: role.value(text.removeprefix("{{ ").removesuffix(" }}")) for name, text in options.items()}


def test_every_option_reaches_the_module() -> None:
    assert told(**GIVEN) == {RENAMED.get(name, name): value for name, value in GIVEN.items()}


def test_a_credential_and_an_authority_that_are_not_given_are_left_out() -> None:
    left_out = {name for name, value in told(api_host="pve").items() if value == "OMIT"}
    assert left_out == {"api_password", "api_token_id", "api_token_secret", "ca_path"}
