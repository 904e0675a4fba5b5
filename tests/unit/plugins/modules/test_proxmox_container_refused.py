# SPDX-License-Identifier: GPL-3.0-or-later
"""What stands against the wish: all of it is said, before anything is sent."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.omakase.homelab.plugins.module_utils._proxmox.errors import UnreachableError
from ansible_collections.omakase.homelab.plugins.modules import proxmox_container

from tests.support.proxmox_container import HAS, WANTED, refused, run, run_all
from tests.support.proxmox_double import NODE, ProxmoxDouble, answer


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
        ({"api_token_id": "root@pam!deploy", "api_token_secret": "s"}, False, "feature keyctl and the feature nesting"),
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


def test_a_container_on_a_node_that_is_offline_is_named(proxmox: ProxmoxDouble) -> None:
    proxmox.has(HAS)
    proxmox.reads["/cluster/resources"][0]["status"] = "offline"
    proxmox.reads["/cluster/resources"].append({"type": "node", "node": "pve2", "status": "online"})
    for node in ("pve", "pve2"):
        assert "the vmid 101 is the container 101 (infisical) on pve, and that node is offline" in refused(node=node)


def test_a_bind_mount_is_refused_for_everyone_but_root_unless_it_is_there(proxmox: ProxmoxDouble) -> None:
    token = {"api_token_id": "root@pam!deploy", "api_token_secret": "s"}
    mounts = [{"path": "/photos", "source": "/tank/photos"}]
    proxmox.has(HAS)
    assert "may change the bind mount /photos, and this is the token" in refused(credentials=token, mounts=mounts)
    proxmox.has({**HAS, "mp0": "/tank/photos,mp=/photos"})
    assert not run(credentials=token, mounts=mounts)["changed"]


def test_a_new_container_needs_a_disk_and_a_network(proxmox: ProxmoxDouble) -> None:
    said = refused(storage=None, disk=None, bridge=None, address=None, gateway=None)
    assert "needs a storage and a disk" in said and "it has no bridge" in said


def test_what_this_login_cannot_see_is_not_said_to_be_missing(proxmox: ProxmoxDouble) -> None:
    token = {"api_token_id": "a@pve!b", "api_token_secret": "s"}
    said = refused(credentials=token, features="nesting=1", storage="tank", bridge="vmbr9")
    assert "the token a@pve!b needs Datastore.AllocateSpace on /storage/tank to see it" in said
    assert "the token a@pve!b needs SDN.Use on /sdn/zones/localnetwork/vmbr9 to see it" in said


def test_a_pool_that_does_not_exist_is_named(proxmox: ProxmoxDouble) -> None:
    proxmox.reads["/pools"] = answer(status=500, reason="pool 'homelab' does not exist")
    assert "there is no pool 'homelab'. `pveum pool add homelab`" in refused(pool="homelab")
    proxmox.reads["/pools"] = answer(status=403, reason="Permission check failed (/pool/homelab, Pool.Audit)")
    assert run(check=True, pool="homelab")["changed"], "whoever may not see it lets Proxmox judge"


def test_a_number_and_names_that_proxmox_would_not_take_are_named(proxmox: ProxmoxDouble) -> None:
    said = refused(vmid=7, hostname="x_y", address="dhcp", gateway="here", address6="192.168.1.5/24")
    for sentence in (
        "a vmid is a number from 100 to 999999999",
        "'x_y' is not a hostname",
        "gw of net0: 'here' does not appear to be",
        "ip6 of net0: '192.168.1.5/24' is an address of IPv4",
    ):
        assert sentence in said


def test_a_node_a_storage_and_a_template_that_are_not_there_are_named_with_those_that_are(
    proxmox: ProxmoxDouble,
) -> None:
    assert "there is no node 'pve7'; this cluster has pve" in refused(node="pve7")
    proxmox.reads[f"{NODE}/storage"][1]["active"] = 0
    said = refused(template="debian-14-standard", template_storage="local")
    assert "the storage local-lvm is not active on pve" in said
    assert "there is no template 'debian-14-standard', neither on local nor among those" in said
    assert "debian-13-standard_13.1-2_amd64.tar.zst" in said
    said = refused(storage="local", template=None)
    assert "the storage local does not take container disks; for them there is local-lvm" in said
    assert "no template is given to make it from" in said


def test_malformed_numbers_and_turns_are_named(proxmox: ProxmoxDouble) -> None:
    said = refused(vlan=5000, mtu=9, startup="order=first", gateway6="192.168.1.1", password="abcd")
    for sentence in (
        "tag of net0: '5000' is not a VLAN, a number from 1 to 4094",
        "mtu of net0: '9' is not an MTU",
        "'order=first' is none of order, up and down",
        "gw6 of net0: '192.168.1.1' is an address of IPv4",
        "its password has 4 characters; Proxmox wants 5 or more",
    ):
        assert sentence in said
    assert "abcd" not in said


def test_a_change_is_refused_without_quorum_and_a_look_is_not(proxmox: ProxmoxDouble) -> None:
    proxmox.has(HAS)
    proxmox.reads["/cluster/status"] = [{"type": "cluster", "quorate": 0}]
    assert not run()["changed"]
    assert "The cluster has no quorum" in refused(memory=4096)
    proxmox.reads["/cluster/status"] = answer(status=403, reason="Permission check failed (/, Sys.Audit)")
    assert run(check=True, memory=4096)["changed"]


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
