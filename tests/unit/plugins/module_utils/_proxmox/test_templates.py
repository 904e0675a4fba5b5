# SPDX-License-Identifier: GPL-3.0-or-later
"""Which template is meant."""

from __future__ import annotations

from ansible_collections.omakase.homelab.plugins.module_utils._proxmox.templates import Template, choose, nearest

OLD, NEW = "debian-13-standard_13.1-2_amd64.tar.zst", "debian-13-standard_13.10-1_amd64.tar.zst"
OTHERS = ["debian-13-standard_14.0-1_arm64.tar.zst", "debian-13-standard-extra_99.0-1_amd64.tar.zst"]


def test_a_family_stands_for_its_newest_by_number_and_for_nothing_similar() -> None:
    assert choose("debian-13-standard", "local", [OLD], [OLD, NEW, *OTHERS]) == Template(NEW, "local", present=False)


def test_an_exact_name_is_taken_as_it_is_with_or_without_its_storage() -> None:
    assert choose(OLD, "local", [OLD], [NEW]) == Template(OLD, "local", present=True)
    assert choose(f"local:vztmpl/{OLD}", "local", [OLD], [NEW]) == Template(OLD, "local", present=True)


def test_what_is_on_the_storage_is_enough_where_nothing_can_be_fetched() -> None:
    chosen = choose("debian-13-standard", "local", [OLD], [])
    assert chosen and chosen.volume == f"local:vztmpl/{OLD}" and chosen.present


def test_there_may_be_none() -> None:
    assert choose("debian-14-standard", "local", [OLD], [NEW]) is None
    assert choose("debian-13-standard_13.9-9_amd64.tar.zst", "local", [OLD], [NEW]) is None


def test_of_the_others_those_of_the_same_distribution_are_named() -> None:
    assert nearest("debian-14-standard", [OLD, "ubuntu-24.04-standard_24.04-2_amd64.tar.zst"]) == [OLD]
    assert nearest("gentoo-current", [NEW, OLD]) == sorted([OLD, NEW])
