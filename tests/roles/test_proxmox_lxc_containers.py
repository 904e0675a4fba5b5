# SPDX-License-Identifier: GPL-3.0-or-later
"""The role proxmox_lxc on the lab's Proxmox, whose containers are real: the tests build on each other."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.omakase.homelab.plugins.module_utils._proxmox.client import Password, ProxmoxClient, encoded
from ansible_collections.omakase.homelab.plugins.module_utils._proxmox.transport import HttpsTransport
from testinfra.host import Host

from lab import lxc, settings
from tests.roles.machine import Machine
from tests.roles.playbook import ROOT, Run, play, refused, succeeded
from tests.roles.test_proxmox_lxc import INVENTORY

pytestmark = pytest.mark.lab
VMID = 120
SUCCESSOR = 121
# A new container has new host keys.
CONTAINER = Machine("role-practice", "198.18.0.120", known_hosts=Path("/dev/null"))
# Keys as somebody's computer keeps them: of what had the address before, and of a neighbour.
_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHRoZSBrZXkgb2YgYSBtYWNoaW5lIHRoYXQgaXMgZ29u"
STALE = f"{CONTAINER.address} {_KEY}\n198.18.0.121 {_KEY}\n"
# How each playbook begins
REACH = {"gather_facts": False, "tasks": [{"ansible.builtin.import_tasks": f"{ROOT}/playbooks/tasks/reach.yml"}]}

Role = Callable[..., Run]


@pytest.fixture(scope="module", autouse=True)
def no_container(practice: None) -> Iterator[None]:
    """Before and after, the container is not there, nor its successor."""
    password = Password("root@pam", (settings.PROXMOX / "password").read_text().strip())
    client = ProxmoxClient(HttpsTransport("127.0.0.1", 8006, True, str(settings.PROXMOX / "ca.pem"), 30), password)

    def remove() -> None:
        for vmid in {line["vmid"] for line in client.get("nodes", "pve", "lxc")} & {VMID, SUCCESSOR}:
            path = encoded("nodes", "pve", "lxc", vmid)
            client.wait(client.request("DELETE", path, {"force": 1, "purge": 1}), limit=60)

    remove()
    yield
    remove()


@pytest.fixture
def container() -> Host:
    return CONTAINER.host


@pytest.fixture
def role(tmp_path: Path) -> Role:
    """Runs the role for one container as root@pam; `changes` are its options, `variables` those of the role, and of
    `besides` each is another container with these options.
    """
    options: dict[str, Any] = {
        "vmid": VMID,
        "hostname": CONTAINER.name,
        "storage": "local-lvm",
        "disk": 4,
        "cores": 1,
        "memory": 512,
        "swap": 256,
        "bridge": "vmbr0",
        "address": f"{CONTAINER.address}/24",
        "gateway": "198.18.0.1",
        "features": "nesting=1,keyctl=1",
        "pool": "homelab",
        "mounts": [{"path": "/srv/media", "storage": "local-lvm", "size": 1}],
        "ssh_public_keys": [settings.SSH_KEY.with_suffix(".pub").read_text().strip()],
    }
    given = {
        "proxmox_lxc_api_host": "127.0.0.1",
        "proxmox_lxc_api_password": (settings.PROXMOX / "password").read_text().strip(),
        "proxmox_lxc_api_ca_path": str(settings.PROXMOX / "ca.pem"),
    }

    def run(
        *arguments: str, variables: dict[str, Any] | None = None, besides: Sequence[dict[str, Any]] = (), **changes: Any
    ) -> Run:
        tasks = {"hosts": "proxmox", "gather_facts": False, "roles": ["omakase.homelab.proxmox_lxc"]}
        containers = {"proxmox_lxc_containers": [{**options, **each} for each in (changes, *besides)]}
        return play(tmp_path, INVENTORY, tasks, *arguments, variables={**given, **containers, **(variables or {})})

    return run


def by_token() -> dict[str, str]:
    """The role's variables for the lab's API token, which has the privileges of the role's README."""
    name, _, secret = (settings.PROXMOX / "token").read_text().strip().partition("=")
    token = {"proxmox_lxc_api_token_id": name, "proxmox_lxc_api_token_secret": secret}
    return {"proxmox_lxc_api_password": "", **token}


def hwaddr(host: Host) -> str:
    return str(json.loads(host.check_output("ip -json link show eth0"))[0]["address"])


def test_an_address_at_which_a_machine_answers_is_refused_and_keyctl_for_a_token(role: Role) -> None:
    text = refused(role(address="198.18.0.1/24", variables=by_token()))
    assert "198.18.0.1 is already in use: something answers there, and this container does not exist" in text
    assert "may change the feature keyctl, and this is the token" in text


@pytest.fixture(scope="module")
def known_hosts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a user's computer knows of the address: another machine, since gone."""
    path = tmp_path_factory.mktemp("ssh") / "known_hosts"
    path.write_text(STALE)
    return path


def test_a_token_with_the_least_rights_makes_a_real_container_and_ssh_answers(
    role: Role, container: Host, known_hosts: Path
) -> None:
    given = {**by_token(), "proxmox_lxc_known_hosts_file": str(known_hosts)}
    succeeded(role(variables=given, features="nesting=1"))
    assert known_hosts.read_text() == STALE.partition("\n")[2]
    assert container.check_output("hostname") == CONTAINER.name
    assert f"{CONTAINER.address}/24" in container.check_output("ip -brief address show eth0")
    assert "default via 198.18.0.1 " in container.check_output("ip route")
    assert container.check_output("stat -c %U /srv/media") == "root"
    # Its root is an ordinary user of the host.
    assert container.file("/proc/self/uid_map").content_string.split()[:2] == ["0", "100000"]


def test_another_host_key_than_the_known_one_is_refused_at_once(known_hosts: Path, tmp_path: Path) -> None:
    computer = replace(CONTAINER, known_hosts=known_hosts)
    alone = {"ansible_ssh_args": "-o ControlPath=none"}  # no connection that an earlier play has left open
    succeeded(computer.play(tmp_path, REACH, alone))
    known_hosts.write_text(STALE)
    text = refused(computer.play(tmp_path, REACH, alone))
    assert f"another SSH host key than the one that this computer knows of {CONTAINER.address}" in text
    assert f"`ssh-keygen -R {CONTAINER.address}`" in text


def test_a_host_that_lets_nobody_in_is_named_at_once(tmp_path: Path) -> None:
    stranger = {"ansible_ssh_args": "-o ControlPath=none", "ansible_user": "stranger"}
    text = refused(CONTAINER.play(tmp_path, REACH, stranger))
    assert f"{CONTAINER.name} does not let stranger in at {CONTAINER.address} over SSH" in text


def test_its_root_comes_in_by_a_key_and_not_by_its_own_password(container: Host, tmp_path: Path) -> None:
    container.check_output("echo root:canary-right-password | chpasswd")
    answer = tmp_path / "answer"
    answer.write_text("#!/bin/sh\necho canary-right-password\n")
    answer.chmod(0o700)
    ran = subprocess.run(
        ["ssh", "-o", "PubkeyAuthentication=no", "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null",
         f"root@{CONTAINER.address}", "true"],
        env={**os.environ, "SSH_ASKPASS": str(answer), "SSH_ASKPASS_REQUIRE": "force"},
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert ran.returncode == 255 and "Permission denied" in ran.stderr, ran.stderr


def test_more_memory_and_a_larger_disk_keep_the_mac_address_and_take_no_restart(role: Role, container: Host) -> None:
    address, booted = hwaddr(container), container.check_output("stat -c %Y /proc/1")
    run = succeeded(role(memory=640, disk=6, features="nesting=1"))
    assert "grow the disk of container 120 (role-practice) to 6 GiB" in run.text
    assert hwaddr(container) == address
    assert container.check_output("stat -c %Y /proc/1") == booted
    assert succeeded(role(memory=640, disk=6, features="nesting=1")).changed == 0


def test_root_with_its_password_sets_keyctl_and_the_restart_is_asked_for(role: Role, container: Host) -> None:
    run = succeeded(role(memory=640, disk=6))
    assert f"{CONTAINER.name} takes over features when it is restarted" in run.text
    succeeded(role(memory=640, disk=6, variables={"proxmox_lxc_allow_restart": True}))
    assert succeeded(role("--check", memory=640, disk=6)).changed == 0
    assert container.check_output("hostname") == CONTAINER.name


def test_it_is_stopped_and_started_with_all_that_is_on_it(role: Role, container: Host) -> None:
    grown = {"memory": 640, "disk": 6}
    container.check_output("echo kept | tee /root/kept > /srv/media/kept")
    succeeded(role(state="stopped", variables=by_token(), **grown))
    assert lxc.exists(str(VMID)) and not lxc.is_running(str(VMID))
    succeeded(role(variables=by_token(), **grown))
    assert container.check_output("cat /root/kept /srv/media/kept") == "kept\nkept"


def test_it_is_deleted_only_by_its_own_name_and_another_one_takes_its_hostname_and_address(
    role: Role, container: Host
) -> None:
    text = refused(role(state="absent", hostname="somebody-else", variables=by_token()))
    assert "the vmid 120 belongs to another container, role-practice" in text and lxc.is_running(str(VMID))
    successor = {"vmid": SUCCESSOR, "features": "nesting=1"}
    run = succeeded(role(state="absent", variables=by_token(), besides=[successor]))
    assert "stop container 120 (role-practice), which is running" in run.text
    named = "delete container 120 (role-practice) with its volumes local-lvm:vm-120-disk-1, local-lvm:vm-120-disk-0"
    assert named in run.text
    assert not lxc.exists(str(VMID)) and lxc.is_running(str(SUCCESSOR))
    assert container.check_output("hostname; ls /srv/media") == CONTAINER.name
