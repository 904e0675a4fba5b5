# SPDX-License-Identifier: GPL-3.0-or-later
"""Playbooks and inventories fit together."""

from __future__ import annotations

import pytest

from tests.meta.repository import INVENTORIES, PLAYBOOKS, ROOT, run


@pytest.mark.parametrize("inventory", INVENTORIES)
def test_every_playbook_parses_with_the_inventory(inventory: str) -> None:
    playbooks = ["site.yml", *(f"playbooks/{name}.yml" for name in PLAYBOOKS)]
    run("ansible-playbook", "--syntax-check", "-i", f"inventories/{inventory}", *playbooks)


def test_no_playbook_ships_group_variables() -> None:
    """They would win over the user's inventory."""
    assert not list((ROOT / "playbooks").glob("*_vars"))
