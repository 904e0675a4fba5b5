# SPDX-License-Identifier: GPL-3.0-or-later
"""Which template is meant."""

from __future__ import annotations

import pytest
from ansible_collections.omakase.homelab.plugins.module_utils._proxmox.templates import (
    Template,
    checksum_of,
    choose,
    malformed,
    nearest,
)

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


URL = "https://images.example.org/nas/files_1.0_amd64.tar.xz?build=7"
SHA256 = "sha256:" + "0" * 64


def test_an_address_stands_for_the_file_it_serves_and_is_fetched_once() -> None:
    name = "files_1.0_amd64.tar.xz"
    assert choose(URL, "local", [OLD], [NEW]) == Template(name, "local", present=False, url=URL)
    chosen = choose(URL, "local", [name], [])
    assert chosen and chosen.present


@pytest.mark.parametrize(
    ("template", "checksum", "says"),
    [
        (URL, None, "needs its checksum"),
        (URL, "0" * 64, "is not a checksum such as sha256:"),
        (URL, "sha256:00ff", "a checksum by sha256 has 64 hexadecimal digits, and not 4"),
        ("https://images.example.org/disk.img", SHA256, "does not end in .tar.zst"),
    ],
)
def test_an_address_that_cannot_be_trusted_or_used_is_refused(template: str, checksum: str | None, says: str) -> None:
    assert says in " ".join(malformed(template, checksum))


def test_an_address_with_its_checksum_is_sound_and_a_family_needs_none() -> None:
    assert malformed(URL, SHA256) == [] and malformed("debian-13-standard", None) == []
    assert checksum_of("sha512:" + "AB" * 64) == ("sha512", "ab" * 64)


def test_of_the_others_those_of_the_same_distribution_are_named() -> None:
    assert nearest("debian-14-standard", [OLD, "ubuntu-24.04-standard_24.04-2_amd64.tar.zst"]) == [OLD]
    assert nearest("gentoo-current", [NEW, OLD]) == sorted([OLD, NEW])
