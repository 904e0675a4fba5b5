# SPDX-License-Identifier: GPL-3.0-or-later
"""The configuration of real containers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from lab import lxc, settings

SPEC = lxc.Spec(name="101", hostname="infisical", address="198.18.0.101/24", mac="BC:24:11:00:00:01", cores=1)


def options(spec: lxc.Spec) -> dict[str, str]:
    """The last value of each key."""
    return dict(line.split(" = ", 1) for line in lxc.configuration(spec).splitlines())


def test_a_container_is_unprivileged() -> None:
    lines = lxc.configuration(SPEC).splitlines()
    assert "lxc.idmap = u 0 100000 65536" in lines
    assert "lxc.idmap = g 0 100000 65536" in lines


def test_it_is_on_the_lab_s_bridge_with_the_address_that_was_asked_for() -> None:
    found = options(SPEC)
    assert found["lxc.net.0.link"] == settings.BRIDGE
    assert found["lxc.net.0.ipv4.address"] == "198.18.0.101/24 198.18.0.255"
    assert found["lxc.net.0.ipv4.gateway"] == settings.GATEWAY
    assert found["lxc.net.0.hwaddr"] == "BC:24:11:00:00:01"


def test_without_an_address_it_has_no_network() -> None:
    found = options(lxc.Spec(name="102", hostname="alone"))
    assert found["lxc.net.0.type"] == "empty"
    assert "lxc.net.0.link" not in found


def test_volumes_lie_beside_the_root_file_system_and_directories_where_they_are() -> None:
    mounts = (lxc.Mount("vm-101-disk-1", "/srv"), lxc.Mount("/tank/photos", "/photos", read_only=True))
    text = lxc.configuration(replace(SPEC, mounts=mounts))
    assert f"lxc.mount.entry = {lxc.folder('101')}/volumes/vm-101-disk-1 srv none bind,create=dir 0 0\n" in text
    assert "lxc.mount.entry = /tank/photos photos none bind,create=dir,ro 0 0\n" in text


@pytest.mark.parametrize("nesting", [True, False])
def test_nesting_is_given_only_when_asked_for(nesting: bool) -> None:
    text = lxc.configuration(lxc.Spec(name="1", hostname="one", nesting=nesting))
    assert ("nesting.conf" in text) is nesting


@pytest.mark.parametrize("keyctl", [True, False])
def test_keyctl_is_kept_away_unless_asked_for(keyctl: bool) -> None:
    text = lxc.configuration(lxc.Spec(name="1", hostname="one", keyctl=keyctl))
    assert ("lxc.seccomp.profile" in text) is not keyctl


@pytest.mark.parametrize(
    ("controllers", "key"),
    [("cpu memory pids", "lxc.cgroup2.memory.max"), (None, "lxc.cgroup.memory.limit_in_bytes"), ("cpu pids", "")],
)
def test_the_memory_limit_is_spelt_as_the_host_s_control_groups_want_it(
    controllers: str | None, key: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    version2 = tmp_path / "cgroup.controllers"
    if controllers is not None:
        version2.write_text(controllers)
    elif not Path("/sys/fs/cgroup/memory").exists():
        pytest.skip("this host has no control groups of version 1")
    monkeypatch.setattr(lxc, "_V2", version2)
    limits = {name: value for name, value in options(SPEC).items() if "memory" in name and "swap" not in name}
    limits.pop("lxc.cgroup.memory.memsw.limit_in_bytes", None)
    assert limits == ({key: "2048M"} if key else {})


def test_fewer_cores_than_the_host_has_are_pinned(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: 4)
    assert [value for name, value in options(SPEC).items() if name.endswith("cpuset.cpus")] == ["0-0"]
    monkeypatch.setattr("os.cpu_count", lambda: 1)
    assert [name for name in options(SPEC) if name.endswith("cpuset.cpus")] == []


@pytest.mark.parametrize("name", ["101", "a-machine-with-a-very-long-name-indeed"])
def test_the_cable_carries_our_prefix_and_fits_into_linux_s_15_characters(name: str) -> None:
    cable = options(lxc.Spec(name=name, hostname="x", address="198.18.0.9/24"))["lxc.net.0.veth.pair"]
    assert cable.startswith(settings.PREFIX)
    assert len(cable) <= 15


def test_a_password_hash_does_not_show_in_messages() -> None:
    assert "canary" not in repr(lxc.Spec(name="1", hostname="one", password_hash="canary"))


def test_what_a_killed_run_left_half_done_is_removed_and_nothing_else(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(settings, "CONTAINERS", tmp_path)
    # Not the lab's own: a lab may run beside this test, and its cables belong to containers that are not here.
    monkeypatch.setattr(settings, "PREFIX", "omktest")
    for name in (".omktest-101.999999999", ".omktest-102.1", "omktest-103"):
        (tmp_path / name).mkdir()
    lxc.sweep()
    assert sorted(path.name for path in tmp_path.iterdir()) == [".omktest-102.1", "omktest-103"]
