# SPDX-License-Identifier: GPL-3.0-or-later
"""Playbooks and inventories fit together."""

from __future__ import annotations

import json

import pytest

from tests.meta.repository import INVENTORIES, PLAYBOOKS, ROOT, run


@pytest.mark.parametrize("inventory", INVENTORIES)
def test_every_playbook_parses_with_the_inventory(inventory: str) -> None:
    playbooks = ["site.yml", *(f"playbooks/{name}.yml" for name in PLAYBOOKS)]
    run("ansible-playbook", "--syntax-check", "-i", f"inventories/{inventory}", *playbooks)


@pytest.mark.parametrize("inventory", INVENTORIES)
def test_the_inventory_has_the_groups_that_the_playbooks_name(inventory: str) -> None:
    listed = json.loads(run("ansible-inventory", "-i", f"inventories/{inventory}", "--list").stdout)
    assert {"omakase"} <= set(listed), "an inventory without an Omakase host does nothing"
    assert set(listed["all"]["children"]) <= {"ungrouped", "proxmox", "infisical", "omakase", "proxy"}


@pytest.mark.parametrize("inventory", INVENTORIES)
def test_the_inventory_keeps_secrets_and_templates_in_files_of_their_own(inventory: str) -> None:
    """ansible-core prints lines of YAML around a broken template, with a literal secret if one is there."""
    groups = ROOT / "inventories" / inventory / "group_vars"
    assert {path.name for path in groups.glob("*/*")} <= {"main.yml", "secrets.yml"}
    assert list(groups.glob("*/secrets.yml"))


def test_no_playbook_ships_group_variables() -> None:
    """They would win over the user's inventory."""
    assert not list((ROOT / "playbooks").glob("*_vars"))
