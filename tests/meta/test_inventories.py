# SPDX-License-Identifier: GPL-3.0-or-later
"""Inventories: complete but for what only their owner knows, which the roles then ask for by name."""

from __future__ import annotations

import functools
import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.meta.repository import INVENTORIES, ROOT, run

GROUPS = {"proxmox", "infisical", "omakase", "proxy"}
# Those that a person copies and fills in; `lab` is filled in already.
OWN = sorted(set(INVENTORIES) - {"lab"})
each_inventory = pytest.mark.parametrize("inventory", INVENTORIES)


@functools.cache
def read(inventory: str) -> dict[str, Any]:
    """What Ansible makes of it."""
    listed: dict[str, Any] = json.loads(run("ansible-inventory", "-i", f"inventories/{inventory}", "--list").stdout)
    return listed


@each_inventory
def test_the_inventory_has_the_groups_that_the_playbooks_name_and_no_others(inventory: str) -> None:
    listed = read(inventory)
    assert listed["omakase"]["hosts"], "an inventory without an Omakase host does nothing"
    assert set(listed["all"]["children"]) <= GROUPS | {"ungrouped"}
    assert {path.name for path in (ROOT / "inventories" / inventory / "group_vars").iterdir()} <= GROUPS | {"all"}


@each_inventory
def test_secrets_and_templates_are_in_files_of_their_own(inventory: str) -> None:
    """ansible-core prints the lines of YAML around a broken template, with a literal secret if one is there."""
    groups = ROOT / "inventories" / inventory / "group_vars"
    assert {path.name for path in groups.glob("*/*")} <= {"main.yml", "secrets.yml"}
    assert list(groups.glob("*/secrets.yml"))


@pytest.mark.parametrize("inventory", OWN)
def test_secrets_are_empty_and_the_file_says_how_to_encrypt_it(inventory: str) -> None:
    for path in (ROOT / "inventories" / inventory / "group_vars").glob("*/secrets.yml"):
        text = path.read_text(encoding="utf-8")
        assert f"ansible-vault encrypt inventories/home/group_vars/{path.parent.name}/secrets.yml" in text
        lines = [line for line in text.splitlines() if re.search(r"(_password|_secret|_key|_KEY|_TOKEN):", line)]
        assert [line for line in lines if not line.endswith(': ""')] == []


@pytest.mark.parametrize("inventory", OWN)
def test_the_role_asks_for_what_the_omakase_host_lacks(inventory: str, tmp_path: Path) -> None:
    said = _preflight("omakase", inventory, tmp_path)
    assert "omakase_repository is empty" in said
    assert "omakase_infisical_client_id and omakase_infisical_client_secret must all be given" in said


def test_the_role_asks_for_the_proxmox_host(tmp_path: Path) -> None:
    (tmp_path / ".ssh").mkdir()
    (tmp_path / ".ssh" / "id_ed25519.pub").write_text("ssh-ed25519 AAAA newcomer\n", encoding="utf-8")
    command = ["ansible-playbook", "-i", "inventories/proxmox", "playbooks/provision.yml"]
    asked = run(*command, env={"HOME": str(tmp_path)}, check=False)
    assert asked.returncode != 0
    assert "proxmox_lxc_api_host is empty" in asked.stdout + asked.stderr


def test_one_machine_that_is_both_has_no_two_services_at_one_port() -> None:
    listed = read("single_host")
    assert listed["infisical"]["hosts"] == listed["omakase"]["hosts"]
    host = listed["omakase"]["hosts"][0]
    assert listed["_meta"]["hostvars"][host]["infisical_listen_port"] not in (80, 443)


def _preflight(role: str, inventory: str, folder: Path) -> str:
    """Return what a role's preflight says on this machine; nothing after it runs."""
    play = [{"hosts": role, "gather_facts": False, "roles": [f"omakase.homelab.{role}"]}]
    (folder / "play.yml").write_text(json.dumps(play), encoding="utf-8")
    here = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
    command = ["ansible-playbook", "-i", f"inventories/{inventory}", "-e", json.dumps(here), "--tags", "always"]
    said = run(*command, str(folder / "play.yml"), env={"ANSIBLE_COLLECTIONS_PATH": "collections"}, check=False)
    assert said.returncode != 0
    return " ".join((said.stdout + said.stderr).split())
