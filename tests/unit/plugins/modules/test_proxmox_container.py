# SPDX-License-Identifier: GPL-3.0-or-later
"""The story of a container: made, made again, changed, changed again, stopped, deleted."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ansible_collections.omakase.homelab.plugins.modules import proxmox_container

from tests.support.proxmox_container import HAS, NET, TEMPLATE, WANTED, made, refused, run, run_all
from tests.support.proxmox_double import CONTAINER, NODE, ProxmoxDouble, answer


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
    proxmox.expect(f"POST {CONTAINER}/status/start", {}, made("running"), task="vzstart")
    result = run(ssh_public_keys=["ssh-ed25519 AAAA me", ""])
    assert result["changed"] and result["warnings"] == []
    container = result["containers"][0]
    assert (container["status"], container["address"]) == ("running", "192.168.1.101")
    assert container["created"] and len(container["steps"]) == 3


def test_a_container_as_wanted_is_only_read(proxmox: ProxmoxDouble) -> None:
    proxmox.has(HAS)
    result = run()
    container = result["containers"][0]
    assert not result["changed"] and not container["created"] and container["steps"] == []
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
    then = made("running", memory=4096, net0=net)
    proxmox.expect(f"PUT {CONTAINER}/config", {"memory": "4096", "net0": net, "digest": "d1"}, then)
    result = run(memory=4096, gateway="192.168.1.254")
    assert result["changed"]
    assert result["diff"][0]["before"] == {"memory": 2048, "net0": NET}
    assert result["diff"][0]["after"] == {"memory": 4096, "net0": net}


def test_what_is_set_to_nothing_is_deleted(proxmox: ProxmoxDouble) -> None:
    proxmox.has({**HAS, "description": "old\n", "tags": "a"})
    proxmox.expect(f"PUT {CONTAINER}/config", {"delete": "description,tags", "digest": "d1"}, made("running"))
    assert run(description="", tags=[])["changed"]


def test_a_larger_disk_grows(proxmox: ProxmoxDouble) -> None:
    proxmox.has(HAS)
    then = made("running", rootfs="local-lvm:vm-101-disk-0,size=30G")
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


def test_a_change_that_needs_a_restart_is_made_together_with_it(proxmox: ProxmoxDouble) -> None:
    proxmox.has(HAS)
    waiting = ProxmoxDouble().has({**HAS, "features": "nesting=1"}, pending=[{"key": "features", "pending": "x"}])
    reads = {path: data for path, data in waiting.reads.items() if path.startswith(CONTAINER)}
    proxmox.expect(f"PUT {CONTAINER}/config", {"features": "nesting=1", "digest": "d1"}, reads)
    proxmox.expect(f"POST {CONTAINER}/status/reboot", {}, {f"{CONTAINER}/pending": []}, task="vzreboot")
    container = run_all([{**WANTED, "features": "nesting=1"}], allow_restart=True)["containers"][0]
    assert len(container["steps"]) == 2 and container["restart_needed"] == []


def test_what_an_interrupted_run_began_is_waited_for(proxmox: ProxmoxDouble, monkeypatch: pytest.MonkeyPatch) -> None:
    proxmox.has({"lock": "create"}, status="stopped")
    upid = "UPID:pve:1:2:3:vzcreate:101:root@pam:"
    proxmox.reads[f"{NODE}/tasks"] = [{"upid": upid}]
    ended = answer({"status": "stopped", "exitstatus": "OK"})
    path = f"{NODE}/tasks/{upid.replace(':', '%3A').replace('@', '%40')}/status"
    send = ProxmoxDouble.send

    def creation_ends(double: ProxmoxDouble, request: Any) -> Any:
        if request.path == path:
            double.reads.update(made("stopped"))
            return ended
        return send(double, request)

    monkeypatch.setattr(ProxmoxDouble, "send", creation_ends)
    proxmox.expect(f"POST {CONTAINER}/status/start", {}, made("running"), task="vzstart")
    assert run()["changed"]


def test_everything_about_a_container_can_be_said_and_a_second_time_is_no_change(proxmox: ProxmoxDouble) -> None:
    options: dict[str, Any] = {
        "address6": "fd00::101/64",
        "gateway6": "fd00::1",
        "vlan": 20,
        "firewall": True,
        "mtu": 1400,
        "features": {"nesting": True},
        "mounts": [
            {"path": "/srv", "storage": "local-lvm", "size": 50, "backup": True},
            {"path": "/photos", "source": "/tank/photos", "read_only": True},
        ],
        "startup": {"order": 2, "up": 30},
        "onboot": True,
        "protection": True,
        "nameserver": "192.168.1.2 192.168.1.3",
        "searchdomain": "home.arpa",
        "timezone": "Europe/Rome",
        "description": "Files",
        "password": "password-canary",
    }
    net = (
        "name=eth0,bridge=vmbr0,ip=192.168.1.101/24,gw=192.168.1.1,ip6=fd00::101/64,gw6=fd00::1,tag=20,firewall=1,"
        "mtu=1400"
    )
    sent = {
        "net0": net,
        "features": "nesting=1",
        "mp0": "local-lvm:50,mp=/srv,backup=1",
        "mp1": "/tank/photos,mp=/photos,ro=1",
        "startup": "order=2,up=30",
        "onboot": "1",
        "protection": "1",
        "nameserver": "192.168.1.2 192.168.1.3",
        "searchdomain": "home.arpa",
        "timezone": "Europe/Rome",
        "description": "Files",
    }
    # As Proxmox writes it back.
    has = {
        **sent,
        "net0": "name=eth0,bridge=vmbr0,firewall=1,gw=192.168.1.1,gw6=fd00::1,hwaddr=BC:24:11:00:00:01,"
        "ip=192.168.1.101/24,ip6=fd00::101/64,mtu=1400,tag=20,type=veth",
        "mp0": "local-lvm:vm-101-disk-1,mp=/srv,backup=1,size=50G",
        "description": "Files\n",
    }
    proxmox.reads[f"{NODE}/storage/local/content"] = [{"volid": f"local:vztmpl/{TEMPLATE}"}]
    proxmox.expect(f"POST {NODE}/lxc", then=made("stopped", **has), task="vzcreate")
    proxmox.expect(f"POST {CONTAINER}/status/start", {}, made("running", **has), task="vzstart")
    result = run(**options)
    created = dict(next(request.params for request in proxmox.sent if request.path == f"{NODE}/lxc"))
    assert created["password"] == "password-canary"
    assert {name: created[name] for name in sent} == sent
    assert "password" not in result["diff"][0]["after"]
    assert not run(**options)["changed"]


def test_tags_of_a_member_of_a_pool_are_set_once_it_is_one(proxmox: ProxmoxDouble) -> None:
    """Proxmox judges tags at creation without the pool's privileges."""
    proxmox.reads["/pools"] = [{"poolid": "homelab", "members": []}]
    proxmox.reads[f"{NODE}/storage/local/content"] = [{"volid": f"local:vztmpl/{TEMPLATE}"}]
    proxmox.expect(f"POST {NODE}/lxc", task="vzcreate")
    proxmox.expect(f"PUT {CONTAINER}/config", {"tags": "vault"}, made("stopped", tags="vault"))
    assert run(state="present", pool="homelab", tags=["Vault"])["changed"]
    created = next(request.params for request in proxmox.sent if request.path == f"{NODE}/lxc")
    assert created["pool"] == "homelab" and "tags" not in created


@pytest.mark.parametrize(
    ("now", "wanted", "sent"),
    [
        ("", "homelab", {"poolid": "homelab", "vms": "101"}),
        ("old", "homelab", {"poolid": "homelab", "vms": "101", "allow-move": "1"}),
        ("old", "", {"poolid": "old", "vms": "101", "delete": "1"}),
    ],
)
def test_a_container_changes_its_pool(proxmox: ProxmoxDouble, now: str, wanted: str, sent: dict[str, str]) -> None:
    proxmox.has(HAS)
    proxmox.reads["/cluster/resources"][1]["pool"] = now
    proxmox.reads["/pools"] = [{"poolid": "homelab", "members": []}]
    proxmox.expect("PUT /pools", sent)
    result = run(pool=wanted)
    assert result["changed"] and result["diff"][0]["before"] == {"pool": now}


def test_a_volume_is_added_one_grows_and_one_is_taken_away(proxmox: ProxmoxDouble) -> None:
    has = {"mp0": "local-lvm:vm-101-disk-1,mp=/srv,size=50G", "mp1": "local-lvm:vm-101-disk-2,mp=/old,size=1G"}
    proxmox.has({**HAS, **has})
    proxmox.expect(f"PUT {CONTAINER}/resize", {"disk": "mp0", "size": "60G"}, task="resize")
    proxmox.expect(f"PUT {CONTAINER}/config", {"mp2": "local-lvm:5,mp=/new", "delete": "mp1"})
    result = run(
        mounts=[
            {"path": "/srv", "storage": "local-lvm", "size": 60},
            {"path": "/new", "storage": "local-lvm", "size": 5},
            {"path": "/old", "state": "absent"},
        ]
    )
    assert result["containers"][0]["steps"] == [
        "grow the volume at /srv of container 101 (infisical) to 60 GiB",
        "set mp1 (/old), mp2 (/new) of container 101 (infisical)",
    ]


def test_a_template_is_fetched_from_an_address_with_its_checksum(proxmox: ProxmoxDouble) -> None:
    sent = {
        "content": "vztmpl",
        "filename": "nas_1.0_amd64.tar.xz",
        "url": "https://user:url-canary@images.example.org/nas_1.0_amd64.tar.xz",
        "checksum": "0" * 64,
        "checksum-algorithm": "sha256",
    }
    proxmox.expect(f"POST {NODE}/storage/local/download-url", sent, task="download")
    proxmox.expect(f"POST {NODE}/lxc", then=made("stopped"), task="vzcreate")
    result = run(state="present", template=sent["url"], template_checksum="sha256:" + "0" * 64)
    steps = result["containers"][0]["steps"]
    assert steps[0] == "fetch the template nas_1.0_amd64.tar.xz to local from images.example.org"
    assert "url-canary" not in json.dumps(result["containers"])


def test_nothing_about_the_network_leaves_the_device_as_it_is(proxmox: ProxmoxDouble) -> None:
    proxmox.has(HAS)
    result = run(bridge=None, address=None, gateway=None)
    assert not result["changed"] and result["containers"][0]["address"] == "192.168.1.101"


def test_an_address_from_the_network_is_read_from_its_own_device(proxmox: ProxmoxDouble) -> None:
    proxmox.has({**HAS, "net0": "name=eth0,bridge=vmbr0,hwaddr=BC:24:11:00:00:01,ip=dhcp,ip6=auto,type=veth"})
    interfaces = [
        {"name": "lo", "inet": "127.0.0.1/8"},
        {"name": "docker0", "inet": "172.17.0.1/16"},
        {"name": "eth0", "inet6": "fe80::1/64"},
    ]
    proxmox.reads[f"{CONTAINER}/interfaces"] = interfaces
    assert run(address="dhcp", gateway=None, address6="auto")["containers"][0]["address"] is None
    interfaces[2]["inet6"] = "fd00::101/64"
    assert run(address="dhcp", gateway=None, address6="auto")["containers"][0]["address"] == "fd00::101"
    interfaces[2]["inet"] = "192.168.1.77/24"
    assert run(address="dhcp", gateway=None, address6="auto")["containers"][0]["address"] == "192.168.1.77"


@pytest.mark.parametrize(
    ("port", "status", "says"), [(22, "running", True), (22, "stopped", False), (None, "running", False)]
)
def test_whether_ssh_answers_is_told_of_a_running_container(
    proxmox: ProxmoxDouble, monkeypatch: pytest.MonkeyPatch, port: int | None, status: str, says: bool
) -> None:
    monkeypatch.setattr(proxmox_container, "greets", lambda address, at: (address, at) == ("192.168.1.101", 22))
    proxmox.has(HAS, status)
    assert run_all([{**WANTED, "state": "present"}], ssh_port=port)["containers"][0]["ssh"] is says


# Stopped, and deleted.


def test_a_running_container_is_shut_down_and_stays_so(proxmox: ProxmoxDouble) -> None:
    proxmox.has(HAS)
    sent = {"timeout": "60"}
    proxmox.expect(f"POST {CONTAINER}/status/shutdown", sent, made("stopped"), task="vzshutdown")
    result = run(state="stopped")
    assert result["containers"][0]["steps"] == ["stop container 101 (infisical), which is running"]
    assert result["containers"][0]["status"] == "stopped"
    proxmox.sent.clear()
    assert not run(state="stopped")["changed"]
    assert len(proxmox.sent) <= 4, "it is only read, and no other guest"


def test_a_container_is_deleted_with_its_own_volumes_which_are_named(proxmox: ProxmoxDouble) -> None:
    others = {"mp0": "local-lvm:vm-101-disk-1,mp=/srv,size=5G", "unused0": "tank:subvol-101-disk-9"}
    strange = {"mp1": "/tank/photos,mp=/photos", "mp2": "local-lvm:vm-200-disk-0,mp=/nas"}
    proxmox.has({**HAS, **others, **strange})
    sent = {"timeout": "5", "forceStop": "1"}
    proxmox.expect(f"POST {CONTAINER}/status/shutdown", sent, task="vzshutdown")
    gone = {"/cluster/resources": proxmox.reads["/cluster/resources"][:1]}
    proxmox.expect(f"DELETE {CONTAINER}", {"purge": "1"}, gone, task="vzdestroy")
    away = [{"vmid": 101, "hostname": "infisical", "node": "pve", "state": "absent"}]
    planned = run_all(away, check=True, shutdown_timeout=5)["containers"][0]
    done = run_all(away, shutdown_timeout=5)
    container = done["containers"][0]
    assert (
        planned["steps"]
        == container["steps"]
        == [
            "stop container 101 (infisical), which is running",
            "delete container 101 (infisical) with its volumes local-lvm:vm-101-disk-1, local-lvm:vm-101-disk-0, "
            "tank:subvol-101-disk-9",
        ]
    )
    assert (container["status"], container["address"]) == ("absent", None)
    assert done["diff"][0]["before"]["rootfs"].startswith("local-lvm:") and done["diff"][0]["after"] == {}
    assert not run_all(away)["changed"]


def test_only_the_container_of_both_the_number_and_the_name_is_deleted(proxmox: ProxmoxDouble) -> None:
    proxmox.has({**HAS, "hostname": "mail"})
    assert "belongs to another container, mail, on pve; it is not touched" in refused(state="absent")
    proxmox.reads["/cluster/resources"][1].update(type="qemu", name="infisical")
    assert "belongs to another virtual machine, infisical" in refused(state="absent")


def test_a_container_that_is_elsewhere_protected_or_out_of_sight_is_not_deleted(proxmox: ProxmoxDouble) -> None:
    proxmox.has({**HAS, "protection": 1})
    assert "pct set 101 --protection 0" in refused(state="absent")
    proxmox.reads["/cluster/resources"] += [{"type": "node", "node": "pve2", "status": "online"}]
    assert "it is on the node pve, not on pve2" in refused(state="absent", node="pve2")
    del proxmox.reads["/cluster/resources"][1]
    proxmox.reads["/cluster/nextid"] = answer(
        status=400, reason="Parameter verification failed.", errors={"vmid": "VM 101 already exists"}
    )
    said = refused(state="absent", credentials={"api_token_id": "deploy", "api_token_secret": "s"})
    assert "the vmid 101 is taken by a guest that the token root@pam!deploy may not see" in said


# One deleted for another, of the same list.

OLD = {"vmid": 101, "hostname": "infisical", "node": "pve", "state": "absent"}
GONE = {"/cluster/resources": [{"type": "node", "node": "pve", "status": "online"}]}


@pytest.mark.parametrize(
    "same",
    [{"vmid": 102, "hostname": "vault"}, {"vmid": 102}, {"hostname": "vault"}],
    ids=["address", "name", "number"],
)
def test_what_is_deleted_makes_room_for_a_new_one_wherever_it_stands_in_the_list(
    proxmox: ProxmoxDouble, monkeypatch: pytest.MonkeyPatch, same: dict[str, Any]
) -> None:
    monkeypatch.setattr(proxmox_container, "answers", lambda _address: True)  # the old one, as long as it is there
    new = {**WANTED, **same, "state": "present"}
    proxmox.has(HAS)
    proxmox.reads[f"{NODE}/storage/local/content"] = [{"volid": f"local:vztmpl/{TEMPLATE}"}]
    planned = run_all([new, OLD], check=True)["containers"]
    assert [(each["hostname"], each["steps"][-1].split()[0]) for each in planned] == [
        ("infisical", "delete"),
        (new["hostname"], "create"),
    ]
    proxmox.expect(f"POST {CONTAINER}/status/shutdown", task="vzshutdown")
    proxmox.expect(f"DELETE {CONTAINER}", {"purge": "1"}, GONE, task="vzdestroy")
    there = ProxmoxDouble().has({**HAS, "hostname": new["hostname"]}, "stopped", vmid=new["vmid"]).reads
    proxmox.expect(f"POST {NODE}/lxc", then=there, task="vzcreate")
    done = run_all([new, OLD])["containers"]
    assert [each["steps"] for each in done] == [each["steps"] for each in planned]
    assert [each["status"] for each in done] == ["absent", "stopped"]
    assert not run_all([new, OLD])["changed"], "a list that stays as it is asks for nothing more"


def test_an_address_that_answers_beside_a_stopped_one_that_is_deleted_is_somebody_else_s(
    proxmox: ProxmoxDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(proxmox_container, "answers", lambda _address: True)
    proxmox.has(HAS, status="stopped")
    said = run_all([OLD, {**WANTED, "vmid": 102, "hostname": "vault"}])["msg"]
    assert "container 102 (vault): the address 192.168.1.101 is already in use: something answers there" in said


def test_an_address_stays_taken_while_another_guest_has_it_too_or_the_deletion_is_refused(
    proxmox: ProxmoxDouble,
) -> None:
    new = {**WANTED, "vmid": 102, "hostname": "vault"}
    proxmox.has({**HAS, "protection": 1})
    said = run_all([OLD, new])["problems"]
    assert len(said) == 1 and "pct set 101 --protection 0" in said[0]
    proxmox.reads["/cluster/resources"].append({"type": "qemu", "vmid": 200, "node": "pve", "name": "nas"})
    proxmox.reads[f"{NODE}/qemu/200/config"] = {"ipconfig0": "ip=192.168.1.101/24"}
    assert "192.168.1.101 is already in use by the virtual machine 200 (nas)" in run_all([OLD, new])["msg"]
    proxmox.has({**HAS, "hostname": "mail"})
    said = run_all([OLD, new])["problems"]
    assert "belongs to another container, mail, on pve" in said[0] and "in use by the container 101 (mail)" in said[1]


def test_one_container_is_not_both_deleted_and_kept(proxmox: ProxmoxDouble) -> None:
    proxmox.has(HAS)
    said = "container 101 (infisical) is to be deleted and to be there; leave one of the two out."
    assert run_all([OLD, WANTED])["problems"] == [said]
    twice = run_all([OLD, {**OLD, "hostname": "vault"}])["problems"]
    assert twice[0] == "the vmid 101 is given to 2 containers."
