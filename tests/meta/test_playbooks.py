# SPDX-License-Identifier: GPL-3.0-or-later
"""Playbooks parse, and leave variables to the inventory."""

from __future__ import annotations

from tests.meta.repository import PLAYBOOKS, ROOT, run


def test_every_playbook_parses() -> None:
    playbooks = ["site.yml", *(f"playbooks/{name}.yml" for name in PLAYBOOKS)]
    run("ansible-playbook", "--syntax-check", "-i", "inventories/proxmox", *playbooks)


def test_no_playbook_ships_group_variables() -> None:
    """They would win over the user's inventory."""
    assert not list((ROOT / "playbooks").glob("*_vars"))
