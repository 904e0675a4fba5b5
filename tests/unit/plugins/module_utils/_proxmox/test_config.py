# SPDX-License-Identifier: GPL-3.0-or-later
"""How Proxmox writes a container down."""

from __future__ import annotations

import pytest
from ansible_collections.omakase.homelab.plugins.module_utils._proxmox import config


def test_a_string_and_a_dictionary_say_the_same() -> None:
    assert config.properties("name=eth0, firewall=1") == {"name": "eth0", "firewall": "1"}
    assert config.properties({"name": "eth0", "firewall": True, "tag": None}) == {"name": "eth0", "firewall": "1"}


def test_a_part_without_a_value_is_refused() -> None:
    with pytest.raises(ValueError, match="'nesting' is not of the form key=value"):
        config.properties("nesting,keyctl=1")


@pytest.mark.parametrize(
    ("found", "same"),
    [
        ("name=eth0,bridge=vmbr0,hwaddr=BC:24:11:00:00:01,ip=10.0.0.5/24,type=veth", True),
        ("name=eth0,bridge=vmbr0,ip=10.0.0.5/24,firewall=0", True),
        ("name=eth0,bridge=vmbr0,ip=10.0.0.6/24", False),
        ("name=eth0,bridge=vmbr0,ip=10.0.0.5/24,firewall=1", False),
    ],
)
def test_a_network_device_is_compared_without_what_proxmox_decides(found: str, same: bool) -> None:
    wanted = {"name": "eth0", "bridge": "vmbr0", "ip": "10.0.0.5/24"}
    assert config.same_net(wanted, config.properties(found)) is same


def test_a_mac_address_that_is_asked_for_is_compared_whatever_its_case() -> None:
    wanted = {"name": "eth0", "hwaddr": "bc:24:11:00:00:01"}
    assert config.same_net(wanted, {"name": "eth0", "hwaddr": "BC:24:11:00:00:01"})
    assert not config.same_net(wanted, {"name": "eth0", "hwaddr": "BC:24:11:00:00:02"})


def test_the_mac_address_is_sent_back_unless_another_is_asked_for() -> None:
    found = {"hwaddr": "BC:24:11:00:00:01"}
    assert config.keeping_address({"name": "eth0"}, found)["hwaddr"] == "BC:24:11:00:00:01"
    assert config.keeping_address({"hwaddr": "02:00:00:00:00:01"}, found)["hwaddr"] == "02:00:00:00:00:01"


@pytest.mark.parametrize(("size", "gib"), [("20G", 20), ("512M", 0.5), ("1T", 1024), ("", None)])
def test_a_size_is_read_in_gib(size: str, gib: float | None) -> None:
    assert config.gib(size) == gib


@pytest.mark.parametrize("value", ["local-lvm:vm-101-disk-0,size=20G", "volume=local-lvm:vm-101-disk-0,size=20G"])
def test_a_mount_point_is_a_volume_and_its_options(value: str) -> None:
    assert config.mount_point(value) == ("local-lvm:vm-101-disk-0", {"size": "20G"})


@pytest.mark.parametrize(
    ("volume", "owner"),
    [
        ("local-lvm:vm-101-disk-0", 101),
        ("local:102/vm-102-disk-1.raw", 102),
        ("tank:subvol-103-disk-0", 103),
        ("/tank/photos", None),
    ],
)
def test_the_owner_of_a_volume_is_in_its_name(volume: str, owner: int | None) -> None:
    assert config.volume_owner(volume) == owner


def test_a_turn_may_be_a_number_and_nothing_else() -> None:
    assert config.startup_of(3) == {"order": "3"}
    with pytest.raises(ValueError, match="'True' is neither a dictionary nor"):
        config.startup_of(True)


def test_the_short_form_of_a_turn_says_the_same() -> None:
    assert (
        config.startup_of("2,up=30") == config.startup_of("order=2,up=30") == config.startup_of({"order": 2, "up": 30})
    )


def test_tags_have_neither_case_nor_order() -> None:
    assert config.tags_of("Vault;homelab") == config.tags_of("homelab, vault")
