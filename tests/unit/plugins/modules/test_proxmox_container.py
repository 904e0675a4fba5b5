# SPDX-License-Identifier: GPL-3.0-or-later
"""The story of a container, and what is refused before anything is sent."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from ansible.module_utils import basic
from ansible_collections.omakase.homelab.plugins.module_utils._proxmox.errors import UnreachableError
from ansible_collections.omakase.homelab.plugins.modules import proxmox_container

from tests.support.proxmox_double import CONTAINER, NODE, ProxmoxDouble, answer

WANTED = {
    "vmid": 101,
    "hostname": "infisical",
    "node": "pve",
    "template": "debian-13-standard",
    "storage": "local-lvm",
    "disk": 20,
    "cores": 2,
    "memory": 2048,
    "swap": 512,
    "bridge": "vmbr0",
    "address": "192.168.1.101/24",
    "gateway": "192.168.1.1",
    "features": "nesting=1,keyctl=1",
}
NET = "name=eth0,bridge=vmbr0,hwaddr=BC:24:11:00:00:01,ip=192.168.1.101/24,gw=192.168.1.1,type=veth"
HAS = {
    "hostname": "infisical",
    "cores": 2,
    "memory": 2048,
    "swap": 512,
    "net0": NET,
    "features": "keyctl=1,nesting=1",
    "rootfs": "local-lvm:vm-101-disk-0,size=20G",
    "unprivileged": 1,
}
TEMPLATE = "debian-13-standard_13.1-2_amd64.tar.zst"


@pytest.fixture
def proxmox(monkeypatch: pytest.MonkeyPatch) -> Iterator[ProxmoxDouble]:
    """A Proxmox without a container, at whose addresses nothing answers."""
    double = ProxmoxDouble()
    monkeypatch.setattr(proxmox_container, "HttpsTransport", lambda *_given: double)
    monkeypatch.setattr(proxmox_container, "answers", lambda _address: False)
    yield double
    double.finish()


def run(check: bool = False, credentials: dict[str, str] | None = None, **changes: Any) -> dict[str, Any]:
    """What the module printed for one container; `changes` are its options that differ."""
    return run_all([{**WANTED, **changes}], check, credentials)


def run_all(
    containers: list[dict[str, Any]], check: bool = False, credentials: dict[str, str] | None = None, **options: Any
) -> dict[str, Any]:
    given = {
        "api_host": "pve.test",
        "containers": containers,
        "_ansible_check_mode": check,
        **(credentials or {"api_password": "password-canary"}),
        **options,
    }
    printed: list[dict[str, Any]] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(basic, "_ANSIBLE_ARGS", json.dumps({"ANSIBLE_MODULE_ARGS": given}).encode())
        patch.setattr(basic, "_ANSIBLE_PROFILE", "legacy", raising=False)
        patch.setattr(basic.AnsibleModule, "_return_formatted", lambda _module, result: printed.append(dict(result)))
        with pytest.raises(SystemExit):
            proxmox_container.main()
    assert "password-canary" not in json.dumps(printed)
    return printed[0]


def made(proxmox: ProxmoxDouble, status: str, **config: Any) -> dict[str, Any]:
    """What is read of the container from now on."""
    reads = ProxmoxDouble().has({**HAS, **config}, status).reads
    return {path: data for path, data in reads.items() if path.startswith((CONTAINER, "/cluster"))}


def refused(**changes: Any) -> str:
    result = run(**changes)
    assert result["failed"] and result["msg"].startswith("Nothing was changed, because:")
    return " ".join(result["problems"])


# The story: made, made again, changed, changed again.


def test_a_missing_container_is_made_with_its_template_and_started(proxmox: ProxmoxDouble) -> None:
    proxmox.expect(f"POST {NODE}/aplinfo", {"storage": "local", "template": TEMPLATE}, task="download")
    params = {
        "vmid": "101",
        "hostname": "infisical",
        "ostemplate": f"local:vztmpl/{TEMPLATE}",
        "storage": "local-lvm",
        "rootfs": "local-lvm:20",
        "unprivileged": "1",
        "cores": "2",
        "memory": "2048",
        "swap": "512",
        "net0": "name=eth0,bridge=vmbr0,ip=192.168.1.101/24,gw=192.168.1.1",
        "features": "nesting=1,keyctl=1",
        "ssh-public-keys": "ssh-ed25519 AAAA me\n",
    }
    proxmox.expect(f"POST {NODE}/lxc", params, task="vzcreate")
    proxmox.expect(f"POST {CONTAINER}/status/start", {}, made(proxmox, "running"), task="vzstart")
    result = run(ssh_public_keys=["ssh-ed25519 AAAA me", ""])
    assert result["changed"]
    container = result["containers"][0]
    assert (container["status"], container["address"]) == ("running", "192.168.1.101")
    assert len(container["steps"]) == 3


def test_a_container_as_wanted_is_only_read(proxmox: ProxmoxDouble) -> None:
    proxmox.has(HAS)
    result = run()
    assert not result["changed"] and result["containers"][0]["steps"] == []
    assert len(proxmox.sent) <= 5


def test_a_plan_tells_the_steps_and_sends_none(proxmox: ProxmoxDouble) -> None:
    steps = run(check=True)["containers"][0]["steps"]
    assert steps == [
        f"fetch the template {TEMPLATE} to local",
        f"create container 101 (infisical) from {TEMPLATE}",
        "start container 101 (infisical)",
    ]


def test_a_plan_for_two_containers_fetches_their_template_once(proxmox: ProxmoxDouble) -> None:
    second = {**WANTED, "vmid": 100, "hostname": "omakase", "address": "192.168.1.100/24"}
    result = run_all([WANTED, second], check=True)
    assert [len(container["steps"]) for container in result["containers"]] == [3, 2]


def test_a_difference_is_sent_alone_with_the_mac_address_and_what_was_read(proxmox: ProxmoxDouble) -> None:
    proxmox.has(HAS)
    net = "name=eth0,bridge=vmbr0,ip=192.168.1.101/24,gw=192.168.1.254,hwaddr=BC:24:11:00:00:01"
    then = made(proxmox, "running", memory=4096, net0=net)
    proxmox.expect(f"PUT {CONTAINER}/config", {"memory": "4096", "net0": net, "digest": "d1"}, then)
    result = run(memory=4096, gateway="192.168.1.254")
    assert result["changed"]
    assert result["diff"][0]["before"] == {"memory": 2048, "net0": NET}
    assert result["diff"][0]["after"] == {"memory": 4096, "net0": net}


def test_what_is_set_to_nothing_is_deleted(proxmox: ProxmoxDouble) -> None:
    proxmox.has({**HAS, "description": "old\n", "tags": "a"})
    proxmox.expect(f"PUT {CONTAINER}/config", {"delete": "description,tags", "digest": "d1"}, made(proxmox, "running"))
    assert run(description="", tags=[])["changed"]


def test_a_larger_disk_grows(proxmox: ProxmoxDouble) -> None:
    proxmox.has(HAS)
    then = made(proxmox, "running", rootfs="local-lvm:vm-101-disk-0,size=30G")
    proxmox.expect(f"PUT {CONTAINER}/resize", {"disk": "rootfs", "size": "30G"}, then, task="resize")
    assert run(disk=30)["changed"]


def test_a_change_that_waits_for_a_restart_is_told_and_made_only_if_allowed(proxmox: ProxmoxDouble) -> None:
    waiting = [{"key": "features", "value": "keyctl=1,nesting=1", "pending": "nesting=1"}]
    has = {**HAS, "features": "nesting=1"}
    proxmox.has(has, pending=waiting)
    result = run(features={"nesting": True})
    assert not result["changed"] and result["containers"][0]["restart_needed"] == ["features"]

    proxmox.expect(f"POST {CONTAINER}/status/reboot", {}, {f"{CONTAINER}/pending": []}, task="vzreboot")
    result = run_all([{**WANTED, "features": "nesting=1"}], allow_restart=True)
    assert result["changed"] and result["containers"][0]["restart_needed"] == []


def test_what_an_interrupted_run_began_is_waited_for(proxmox: ProxmoxDouble, monkeypatch: pytest.MonkeyPatch) -> None:
    proxmox.has({"lock": "create"}, status="stopped")
    upid = "UPID:pve:1:2:3:vzcreate:101:root@pam:"
    proxmox.reads[f"{NODE}/tasks"] = [{"upid": upid}]
    ended = answer({"status": "stopped", "exitstatus": "OK"})
    path = f"{NODE}/tasks/{upid.replace(':', '%3A').replace('@', '%40')}/status"
    send = ProxmoxDouble.send

    def creation_ends(double: ProxmoxDouble, request: Any) -> Any:
        if request.path == path:
            double.reads.update(made(double, "stopped"))
            return ended
        return send(double, request)

    monkeypatch.setattr(ProxmoxDouble, "send", creation_ends)
    proxmox.expect(f"POST {CONTAINER}/status/start", {}, made(proxmox, "running"), task="vzstart")
    assert run()["changed"]


# What is refused, before anything is sent.


def test_a_lock_that_nothing_holds_any_more_is_named_with_the_way_out(proxmox: ProxmoxDouble) -> None:
    proxmox.has({**HAS, "lock": "backup"})
    proxmox.reads[f"{NODE}/tasks"] = []
    assert "locked (backup)" in (said := refused()) and "pct unlock 101" in said


def test_someone_elses_container_is_named(proxmox: ProxmoxDouble) -> None:
    proxmox.has({**HAS, "hostname": "mail"})
    assert "belongs to another container, mail, on pve; it is not touched" in refused()


def test_a_disk_does_not_shrink_nor_move_and_privileges_stay(proxmox: ProxmoxDouble) -> None:
    proxmox.has(HAS)
    said = refused(disk=10, storage="local", unprivileged=False)
    assert "cannot shrink to 10" in said
    assert "its disk is on the storage local-lvm, not on local" in said
    assert "it is unprivileged and cannot become privileged" in said


@pytest.mark.parametrize(
    ("credentials", "unprivileged", "beyond"),
    [
        ({"api_token_id": "deploy", "api_token_secret": "s"}, True, "feature keyctl"),
        ({"api_token_id": "root@pam!deploy", "api_token_secret": "s"}, False, "features keyctl and nesting"),
        ({"api_user": "me@pve", "api_password": "p"}, True, "feature keyctl"),
    ],
)
def test_features_of_root_are_refused_for_everyone_else(
    proxmox: ProxmoxDouble, credentials: dict[str, str], unprivileged: bool, beyond: str
) -> None:
    assert f"may change the {beyond}, and this is the" in refused(credentials=credentials, unprivileged=unprivileged)


def test_features_that_are_there_need_no_root(proxmox: ProxmoxDouble) -> None:
    proxmox.has(HAS)
    assert not run(credentials={"api_token_id": "deploy", "api_token_secret": "s"})["changed"]


def test_an_address_of_another_guest_is_refused(proxmox: ProxmoxDouble) -> None:
    proxmox.reads["/cluster/resources"].append({"type": "qemu", "vmid": 200, "node": "pve", "name": "nas"})
    proxmox.reads[f"{NODE}/qemu/200/config"] = {"ipconfig0": "ip=192.168.1.101/24,gw=192.168.1.1"}
    assert "192.168.1.101 is already in use by the virtual machine 200 (nas) on pve" in refused()


def test_guests_that_cannot_be_read_do_not_stand_in_the_way(proxmox: ProxmoxDouble) -> None:
    proxmox.reads["/cluster/resources"].append({"type": "lxc", "vmid": 200, "node": "far", "name": "nas"})
    proxmox.reads["/nodes/far/lxc/200/config"] = answer(status=595, reason="No route to host")
    assert run(check=True)["changed"]


def test_a_node_that_is_offline_is_named_one_that_just_started_is_not(proxmox: ProxmoxDouble) -> None:
    node = proxmox.reads["/cluster/resources"][0]
    node["status"] = "offline"
    assert "the node pve is offline" in refused()
    node["status"] = "unknown"
    assert run(check=True)["changed"]


def test_an_address_that_answers_is_refused_for_a_stopped_container_too(
    proxmox: ProxmoxDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(proxmox_container, "answers", lambda address: address == "192.168.1.101")
    assert "this container does not exist" in refused()
    proxmox.has(HAS, status="stopped")
    assert "this container is stopped" in refused()


def test_bridges_that_this_login_may_not_see_are_left_to_proxmox(proxmox: ProxmoxDouble) -> None:
    proxmox.reads[f"{NODE}/network"] = []
    assert run(check=True)["changed"]


def test_what_proxmox_refuses_to_tell_is_one_problem_among_the_others(proxmox: ProxmoxDouble) -> None:
    proxmox.reads[f"{NODE}/storage"] = answer(status=403, reason="Permission check failed (/storage, Datastore.Audit)")
    result = run_all([WANTED, {**WANTED, "vmid": 7, "hostname": "x_y", "net0": "nonsense"}])
    assert len(result["problems"]) == 2
    assert "Datastore.Audit" in result["msg"] and "'nonsense' is not of the form key=value" in result["msg"]


def test_an_api_that_does_not_answer_comes_first_with_the_hint(
    proxmox: ProxmoxDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    def silent(_double: ProxmoxDouble, _request: Any) -> Any:
        raise UnreachableError("The Proxmox API at https://pve.test:8006 does not answer (refused).")

    monkeypatch.setattr(ProxmoxDouble, "send", silent)
    result = run_all([{**WANTED, "address": "192.168.1.101"}], unreachable_hint="Start it with: make lab-up")
    assert result["problems"] == [
        "The Proxmox API at https://pve.test:8006 does not answer (refused). Start it with: make lab-up",
        "container 101 (infisical): ip of net0: '192.168.1.101' has no prefix length, such as 192.168.1.101/24.",
    ]


def test_a_step_that_fails_is_named_with_proxmoxs_reason(proxmox: ProxmoxDouble) -> None:
    proxmox.has(HAS, status="stopped")
    proxmox.expect(f"POST {CONTAINER}/status/start", {}, task="vzstart", outcome="bridge 'vmbr0' does not exist")
    result = run()
    assert result["failed"]
    assert result["msg"] == (
        "Could not start container 101 (infisical): The task vzstart on pve failed: bridge 'vmbr0' does not exist"
    )
