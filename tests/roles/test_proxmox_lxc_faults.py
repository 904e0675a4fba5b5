# SPDX-License-Identifier: GPL-3.0-or-later
"""Clusters and what goes wrong in them: told in Proxmox's own words with what to do, and nothing is lost."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from fakepve import TaskError

from tests.roles.proxmox import Proxmox, containers

WANTED = {
    "vmid": 110,
    "hostname": "files",
    "node": "pve",
    "template": "debian-13-standard",
    "storage": "local-lvm",
    "disk": 8,
    "memory": 512,
    "bridge": "vmbr0",
    "address": "192.168.1.110/24",
    "gateway": "192.168.1.1",
    "password": "container-canary",
}
Run = Callable[..., dict[str, Any]]


@pytest.fixture
def run(proxmox: Proxmox, certificate: tuple[str, str]) -> Run:
    """Runs the module for one container that differs from WANTED by `changes`; `options` are the module's."""

    def run(options: dict[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
        result = containers(proxmox, certificate[0], {**WANTED, **changes}, **(options or {}))
        assert "container-canary" not in str(result)
        return result

    return run


def failed(result: dict[str, Any]) -> str:
    assert result.get("failed"), result
    return " ".join(result["msg"].split())


def test_containers_are_made_on_the_nodes_that_they_belong_on(proxmox: Proxmox, certificate: tuple[str, str]) -> None:
    proxmox.add_node("pve2")
    second = {**WANTED, "vmid": 111, "hostname": "mail", "node": "pve2", "address": "192.168.1.111/24"}
    assert containers(proxmox, certificate[0], WANTED, second)["changed"]
    assert (proxmox.ct(110).node, proxmox.ct(111).node) == ("pve", "pve2")
    proxmox.requests.clear()
    assert not containers(proxmox, certificate[0], WANTED, second)["changed"]
    assert proxmox.written == []


def test_a_container_on_another_node_is_named_for_making_and_for_deleting(proxmox: Proxmox, run: Run) -> None:
    proxmox.add_node("pve2")
    run(node="pve2")
    for state in ("started", "stopped", "absent"):
        assert "it is on the node pve2, not on pve. Migrate it in Proxmox" in failed(run(state=state))
    assert proxmox.ct(110).status == "running"


def test_without_quorum_a_look_succeeds_and_a_change_is_refused_before_anything(proxmox: Proxmox, run: Run) -> None:
    run()
    proxmox.lose_quorum()
    proxmox.requests.clear()
    assert not run()["changed"]
    assert "The cluster has no quorum: too few of its nodes are online" in failed(run(memory=1024))
    assert "The cluster has no quorum" in failed(run(state="absent"))
    assert proxmox.written == []


def test_a_quorum_lost_on_the_way_is_told_with_what_was_done(proxmox: Proxmox, run: Run) -> None:
    proxmox.fail("POST", "/nodes/pve/lxc", 500, "cluster not ready - no quorum?")
    said = failed(run())
    assert "cluster not ready - no quorum?. Too few nodes" in said or "no quorum?" in said
    assert "Already done: fetch the template debian-13-standard_13.1-2_amd64.tar.zst to local." in said
    assert proxmox.ct(110) is None
    proxmox.failures.clear()
    assert run()["changed"]


def test_a_node_that_is_down_is_named_whoever_lives_on_it(proxmox: Proxmox, run: Run) -> None:
    proxmox.add_node("pve2")
    proxmox.set_node_offline("pve")
    assert "the node pve is offline" in failed(run())
    proxmox.set_node_offline("pve", offline=False)
    run()
    proxmox.set_node_offline("pve")
    for state in ("started", "absent"):
        assert "is the container 110 (files) on pve, and that node is offline" in failed(run(state=state))


def test_a_node_that_dies_on_the_way_is_told(proxmox: Proxmox, run: Run) -> None:
    run(state="present")
    proxmox.fail("POST", "/nodes/pve/lxc/110/status/start", 595, "No route to host")
    said = failed(run())
    assert "Could not start container 110 (files)" in said and "does not answer: is it switched on" in said


def test_a_full_storage_is_told_and_proxmox_leaves_nothing(
    proxmox: Proxmox, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def full(*_given: Any) -> None:
        raise TaskError("lvcreate 'pve/vm-110-disk-0' error: Volume group \"pve\" has insufficient free space")

    monkeypatch.setattr(proxmox, "ceph_io", full)
    said = failed(run())
    assert "insufficient free space" in said and "The storage is full: make room on it" in said
    assert "Proxmox has removed what it had begun" in said
    assert proxmox.ct(110) is None


def test_a_template_that_does_not_fit_is_told(proxmox: Proxmox, run: Run) -> None:
    proxmox.storages["local"]["avail"] = 10
    said = failed(run())
    assert "Could not fetch the template" in said and "The storage is full" in said
    assert proxmox.ct(110) is None


def test_a_template_from_an_address_is_fetched_once(proxmox: Proxmox, run: Run) -> None:
    url = "https://images.example.org/debian-13-nas_1.0_amd64.tar.zst"
    checksum = "sha256:" + "0" * 64
    assert "needs its checksum (template_checksum: sha256:…)" in failed(run(template=url))
    assert run(template=url, template_checksum=checksum)["changed"]
    assert not run(template=url, template_checksum=checksum)["changed"]
    assert [path for _method, path in proxmox.written if path.endswith("download-url")] == [
        "/nodes/pve/storage/local/download-url"
    ]


def test_a_lock_without_a_task_is_named_with_the_way_out(proxmox: Proxmox, run: Run) -> None:
    run()
    proxmox.snapshot_lock(110, "backup")
    for state in ("started", "absent"):
        said = failed(run(state=state))
        assert "keeps container 110 (files) on pve locked (backup)" in said and "pct unlock 110" in said


def test_a_task_that_never_ends_is_named_and_left_alone(proxmox: Proxmox, run: Run) -> None:
    run(state="present")
    proxmox.time_scale = 1.0
    proxmox.ct(110).start_secs = 600
    said = failed(run({"task_timeout": 1}))
    assert "has not ended after 1 seconds. It still runs on pve" in said
    assert proxmox.ct(110).status == "stopped"


def test_a_container_that_does_not_shut_down_is_a_failure_unless_it_is_to_be_deleted(
    proxmox: Proxmox, run: Run
) -> None:
    run()
    proxmox.ct(110).shutdown_secs = 120
    said = failed(run(state="stopped"))
    assert "container did not stop" in said and "shutdown_timeout" in said
    assert run(state="absent")["changed"] and proxmox.ct(110) is None


def test_a_container_changed_at_the_same_moment_is_not_overwritten(proxmox: Proxmox, run: Run) -> None:
    run()
    changed = "detected modified configuration - file changed by other user? Try again."
    proxmox.fail("PUT", "/nodes/pve/lxc/110/config", 500, changed)
    assert "Somebody changed the container at the same moment. Run again." in failed(run(memory=1024))
    assert proxmox.ct(110).config["memory"] == 512
