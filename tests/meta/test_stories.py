# SPDX-License-Identifier: GPL-3.0-or-later
"""No part of the collection is without a test that uses it."""

from __future__ import annotations

import ipaddress
import re
from collections import Counter
from pathlib import Path

import pytest

from lab.settings import ENGINE_ADDRESSES
from tests.meta.repository import COLLECTION, PLAYBOOKS, ROLES, ROOT, files, plugins, read

SOURCES = [path for path in files(".py", ".yml", under="tests") if (ROOT / "tests" / "meta") not in path.parents]
TEXT = "\n".join(path.read_text(encoding="utf-8") for path in SOURCES)


def _named(name: str) -> bool:
    """Whether a test file is named after it, or a test uses it by its full name."""
    own_file = any(re.fullmatch(rf"test_{name}(_\w+)?", path.stem) for path in SOURCES)
    return own_file or re.search(rf"\b{re.escape(COLLECTION)}\.{name}\b", TEXT) is not None


def _played() -> set[str]:
    """Return the playbooks that a test runs, and those that these import."""
    played = {name for name in PLAYBOOKS if f"playbooks/{name}.yml" in TEXT or (name == "site" and "site.yml" in TEXT)}
    for name in list(played):
        imported = [play.get("ansible.builtin.import_playbook") for play in read(ROOT / "playbooks" / f"{name}.yml")]
        played |= {Path(path).stem for path in imported if path}
    return played


def _applied() -> set[str]:
    """Return the roles that these playbooks apply."""
    plays = [play for name in _played() for play in read(ROOT / "playbooks" / f"{name}.yml")]
    return {role["role"].removeprefix(f"{COLLECTION}.") for play in plays for role in play.get("roles", [])}


@pytest.mark.parametrize("playbook", PLAYBOOKS)
def test_the_playbook_has_a_story(playbook: str) -> None:
    assert playbook in _played()


@pytest.mark.parametrize("role", ROLES)
def test_the_role_has_a_story(role: str) -> None:
    assert _named(role) or role in _applied()


@pytest.mark.parametrize(
    "plugin", [name for kind in ("modules", "lookup", "filter", "callback") for name in plugins(kind)]
)
def test_the_plugin_has_a_story(plugin: str) -> None:
    name = plugin.removeprefix(f"{COLLECTION}.")
    if plugin in plugins("filter"):  # a file holds several, and its tests import them as functions
        assert re.search(rf"\b{name}\(", TEXT)
    else:
        assert _named(name)


def test_stories_that_run_side_by_side_have_machines_at_different_addresses() -> None:
    stories = [path.read_text(encoding="utf-8") for path in SOURCES if path.parent.name == "roles"]
    found = [address for text in stories for address in re.findall(r'^ADDRESS = "([\d.]+)"', text, re.MULTILINE)]
    assert [address for address, times in Counter(found).items() if times > 1] == []
    engine = ipaddress.ip_network(ENGINE_ADDRESSES)
    assert [address for address in found if ipaddress.ip_address(address) in engine] == []
