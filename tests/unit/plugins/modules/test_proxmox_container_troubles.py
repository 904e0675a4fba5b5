# SPDX-License-Identifier: GPL-3.0-or-later
"""What goes wrong on the way, and what is warned of because it may trouble later."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.proxmox_container import HAS, TEMPLATE, WANTED, made, refused, run, run_all
from tests.support.proxmox_double import CONTAINER, NODE, UPID, ProxmoxDouble, answer


def test_a_step_that_fails_is_named_with_proxmoxs_reason(proxmox: ProxmoxDouble) -> None:
    proxmox.has(HAS, status="stopped")
    proxmox.expect(f"POST {CONTAINER}/status/start", {}, task="vzstart", outcome="bridge 'vmbr0' does not exist")
    result = run()
    assert result["failed"]
    assert result["msg"] == (
        "Could not start container 101 (infisical): The task vzstart on pve failed: bridge 'vmbr0' does not exist"
    )


def test_a_creation_that_fails_says_whether_something_is_left(proxmox: ProxmoxDouble) -> None:
    full = "unable to create CT 101 - lvcreate 'pve/vm-101-disk-0' error: insufficient free space"
    proxmox.expect(f"POST {NODE}/aplinfo", task="download")
    proxmox.expect(f"POST {NODE}/lxc", task="vzcreate", outcome=full)
    said = run()["msg"]
    assert full in said and "The storage is full: make room on it" in said
    assert f"Already done: fetch the template {TEMPLATE} to local." in said
    assert said.endswith("Proxmox has removed what it had begun.")


def test_a_creation_that_was_cut_off_leaves_a_container_that_is_named_and_not_touched(proxmox: ProxmoxDouble) -> None:
    proxmox.reads[f"{NODE}/storage/local/content"] = [{"volid": f"local:vztmpl/{TEMPLATE}"}]
    left = ProxmoxDouble().has({"lock": "create"}, "stopped").reads
    proxmox.expect(f"POST {NODE}/lxc", then=left, task="vzcreate", outcome="interrupted by signal")
    assert "It left a half-made container 101 behind, which is not touched: `pct unlock 101`" in run()["msg"]
    proxmox.reads[f"{NODE}/tasks"] = []
    assert "an interrupted creation left it, and `pct unlock 101`, then `pct destroy 101` on pve removes" in refused()


def test_a_number_that_was_taken_at_the_last_moment_is_not_said_to_be_ours(proxmox: ProxmoxDouble) -> None:
    proxmox.reads[f"{NODE}/storage/local/content"] = [{"volid": f"local:vztmpl/{TEMPLATE}"}]
    send = ProxmoxDouble.send

    def taken(double: ProxmoxDouble, request: Any) -> Any:
        if request.method == "POST" and request.path == f"{NODE}/lxc":
            return answer(status=500, reason="CT 101 already exists on node 'pve'")
        return send(double, request)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ProxmoxDouble, "send", taken)
        said = run()["msg"]
    assert "somebody else did it meanwhile" in said and "Run again." in said and "pct destroy" not in said


def test_a_container_that_a_long_task_locks_is_named_with_the_task(proxmox: ProxmoxDouble) -> None:
    proxmox.has({**HAS, "lock": "backup"})
    upid = "UPID:pve:1:2:3:vzdump:101:root@pam:"
    proxmox.reads[f"{NODE}/tasks"] = [{"upid": upid}]
    proxmox.reads[f"{NODE}/tasks/{upid.replace(':', '%3A').replace('@', '%40')}/status"] = {"status": "running"}
    result = run_all([WANTED], task_timeout=0)
    assert "locked (backup). The task UPID:pve:1:2:3:vzdump" in result["msg"] and "has not ended" in result["msg"]


# What may trouble later on.


def test_an_lxc_that_docker_cannot_run_in_is_warned_of_where_nesting_is_new(proxmox: ProxmoxDouble) -> None:
    proxmox.reads[f"{NODE}/apt/versions"] = [{"Package": "lxc-pve", "OldVersion": "6.0.4-2"}]
    warned = run(check=True, ssh_public_keys=["key"])["warnings"]
    assert len(warned) == 1 and "its lxc-pve is 6.0.4-2" in warned[0]
    assert run(check=True, ssh_public_keys=["key"], features="")["warnings"] == []
    proxmox.has(HAS)
    assert run(check=True, memory=4096)["warnings"] == []


def test_a_version_that_this_login_may_not_see_is_said_to_be_unchecked(proxmox: ProxmoxDouble) -> None:
    reason = "Permission check failed (/nodes/pve, Sys.Audit)"
    proxmox.reads[f"{NODE}/apt/versions"] = answer(status=403, reason=reason)
    warned = run(check=True, ssh_public_keys=["key"])["warnings"]
    assert len(warned) == 1 and "could not be checked" in warned[0] and reason in warned[0]


def test_a_container_nobody_can_log_in_to_and_a_storage_that_may_run_full_are_warned_of(proxmox: ProxmoxDouble) -> None:
    proxmox.reads[f"{NODE}/storage"][1]["avail"] = 10 * 1024**3
    warned = " ".join(run(check=True)["warnings"])
    assert "neither an SSH key nor a password is given" in warned
    assert "the storage local-lvm has 10.0 GiB left, and 20 are asked for" in warned


def test_a_container_that_gets_no_address_is_warned_of(proxmox: ProxmoxDouble) -> None:
    has = {"net0": "name=eth0,bridge=vmbr0,hwaddr=BC:24:11:00:00:01,ip=dhcp,type=veth"}
    proxmox.has({**HAS, **has}, status="stopped")
    proxmox.reads[f"{CONTAINER}/interfaces"] = []
    proxmox.expect(f"POST {CONTAINER}/status/start", {}, made("running", **has), task="vzstart")
    result = run_all([{**WANTED, "address": "dhcp", "gateway": None}], task_timeout=0)
    assert ["has no address yet. Does its network have a DHCP server?" in text for text in result["warnings"]] == [True]


def test_what_proxmox_warns_of_is_passed_on(proxmox: ProxmoxDouble) -> None:
    proxmox.has(HAS, status="stopped")
    now = made("running")
    proxmox.expect(f"POST {CONTAINER}/status/start", {}, now, task="vzstart", outcome="WARNINGS: 1")
    task = UPID.format(kind="vzstart").replace(":", "%3A").replace("@", "%40")
    proxmox.reads[f"{NODE}/tasks/{task}/log"] = [{"n": 1, "t": "WARN: Systemd 257 detected."}]
    assert run()["warnings"] == ["Asked to start container 101 (infisical), Proxmox warns: Systemd 257 detected."]
