# SPDX-License-Identifier: GPL-3.0-or-later
"""The role proxmox_lxc against a Proxmox API: what it makes, what it leaves alone, and what it says."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.roles.playbook import Run, play, refused, succeeded
from tests.roles.proxmox import Proxmox, containers
from tests.support.role import Role

INVENTORY = """
proxmox:
  hosts:
    pve:
      ansible_connection: local
      ansible_python_interpreter: "{{ ansible_playbook_python }}"
"""

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGtvbnRhaW5lcgAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
INFISICAL = {"vmid": 101, "hostname": "infisical", "address": "127.0.77.101/24"}
OMAKASE = {"vmid": 100, "hostname": "omakase", "address": "127.0.77.100/24"}

Plays = Callable[..., Run]
Asks = Callable[..., dict[str, Any]]


@pytest.fixture
def given(proxmox: Proxmox, certificate: tuple[str, str], greeting: int) -> dict[str, Any]:
    """The role's variables for the user's two containers."""
    return {
        "proxmox_lxc_api_host": "127.0.0.1",
        "proxmox_lxc_api_port": proxmox.port,
        "proxmox_lxc_api_password": proxmox.password,
        "proxmox_lxc_api_ca_path": certificate[0],
        "proxmox_lxc_unreachable_hint": "Bring it up with: make lab-up",
        # Every address of 127.0.0.0/8 answers.
        "proxmox_lxc_check_addresses": False,
        "proxmox_lxc_ssh_port": greeting,
        "proxmox_lxc_ssh_timeout": 5,
        "proxmox_lxc_defaults": {
            "storage": "local-lvm",
            "disk": 20,
            "cores": 2,
            "memory": 2048,
            "swap": 512,
            "bridge": "vmbr0",
            "gateway": "127.0.77.1",
            "features": "nesting=1,keyctl=1",
            "ssh_public_keys": [
                "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGtvbnRhaW5lcgAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA test"
            ],
        },
        "proxmox_lxc_containers": [INFISICAL, OMAKASE],
    }


@pytest.fixture
def role(given: dict[str, Any], tmp_path: Path) -> Plays:
    """Runs the role; `changes` are variables that differ."""

    def run(*arguments: str, after: list[dict[str, Any]] | None = None, **changes: Any) -> Run:
        tasks = {
            "hosts": "proxmox",
            "gather_facts": False,
            "roles": ["omakase.homelab.proxmox_lxc"],
            "tasks": after or [],
        }
        return play(tmp_path, INVENTORY, tasks, *arguments, variables={**given, **changes})

    return run


@pytest.fixture
def module(given: dict[str, Any], proxmox: Proxmox, certificate: tuple[str, str]) -> Asks:
    """Runs the module for what the role asks of it, in this process; `changes` are variables that differ."""

    def run(changes: dict[str, Any] | None = None, ca_path: str = certificate[0], **options: Any) -> dict[str, Any]:
        wanted = Role("proxmox_lxc", {**given, **(changes or {})}).value("__proxmox_lxc_wanted")
        result = containers(
            proxmox, ca_path, *wanted, unreachable_hint=given["proxmox_lxc_unreachable_hint"], **options
        )
        assert proxmox.password not in str(result)
        return result

    return run


def with_defaults(**changes: Any) -> dict[str, Any]:
    """The first container with these options of its own, as the role's variable."""
    return {"proxmox_lxc_containers": [{**INFISICAL, **changes}]}


def done(result: dict[str, Any]) -> dict[str, Any]:
    assert not result.get("failed"), result
    return result


def failed(result: dict[str, Any]) -> str:
    assert result.get("failed"), result
    return " ".join(result["msg"].split())


def test_it_makes_the_containers_of_the_users_document_and_a_second_run_changes_nothing(
    role: Plays, proxmox: Proxmox
) -> None:
    succeeded(role())
    container = proxmox.ct(101)
    assert container.status == "running"
    net = dict(part.split("=") for part in container.config["net0"].split(","))
    assert net.pop("hwaddr")
    assert net == {"name": "eth0", "bridge": "vmbr0", "ip": "127.0.77.101/24", "gw": "127.0.77.1", "type": "veth"}
    wanted = {
        "hostname": "infisical",
        "cores": 2,
        "memory": 2048,
        "swap": 512,
        "features": "keyctl=1,nesting=1",
        "unprivileged": 1,
    }
    assert {name: container.config[name] for name in wanted} == wanted
    assert container.config["rootfs"].startswith("local-lvm:") and container.config["rootfs"].endswith("size=20G")
    assert proxmox.ct(100).status == "running"

    proxmox.requests.clear()
    again = succeeded(role())
    assert again.changed == 0
    assert proxmox.written == []
    assert len(proxmox.requests) <= 12, "a second run reads little"


def test_it_fetches_a_missing_template_once_and_takes_the_newest_of_the_family(module: Asks, proxmox: Proxmox) -> None:
    proxmox.offered.append("debian-13-standard_13.10-1_amd64.tar.zst")
    done(module())
    assert [path for _method, path in proxmox.written if path.endswith("aplinfo")] == ["/nodes/pve/aplinfo"]
    created = next(body for method, path, body in proxmox.requests if method == "POST" and path.endswith("/lxc"))
    assert b"debian-13-standard_13.10-1_amd64.tar.zst" in created


def test_a_plan_on_a_fresh_proxmox_succeeds_tells_the_steps_and_writes_nothing(role: Plays, proxmox: Proxmox) -> None:
    run = succeeded(role("--check", "--diff"))
    assert "create container 101 (infisical) from debian-13-standard_13.1-2_amd64.tar.zst" in run.text
    assert "fetch the template" in run.text and "start container 101 (infisical)" in run.text
    assert run.changed == 1
    assert proxmox.written == [] and not proxmox.cts


def test_a_plan_on_a_finished_proxmox_reports_no_change(module: Asks) -> None:
    done(module())
    assert not done(module(check=True))["changed"]


def test_only_differences_are_sent_and_the_mac_address_stays(module: Asks, proxmox: Proxmox) -> None:
    done(module())
    before = proxmox.ct(101).config["net0"]
    proxmox.requests.clear()
    changed = done(module(with_defaults(memory=4096, gateway="127.0.77.2")))
    body = next(body for method, path, body in proxmox.requests if method == "PUT")
    assert {part.split(b"=")[0] for part in body.split(b"&")} == {b"memory", b"net0", b"digest"}
    assert proxmox.ct(101).config["memory"] == 4096
    assert proxmox.ct(101).config["net0"] == before.replace("gw=127.0.77.1", "gw=127.0.77.2")
    assert changed["changed"] and "4096" in str(changed["diff"])
    assert len(proxmox.written) == 1


def test_a_removed_feature_is_seen_and_said_to_wait_for_a_restart(role: Plays, module: Asks, proxmox: Proxmox) -> None:
    done(module())
    nesting = with_defaults(features="nesting=1")
    assert "infisical takes over features when it is restarted" in succeeded(role(**nesting)).text
    assert proxmox.ct(101).pending == {"features": "nesting=1"}
    done(module(nesting, allow_restart=True))
    assert proxmox.ct(101).config["features"] == "nesting=1" and not proxmox.ct(101).pending
    assert not done(module(nesting))["changed"]


def test_descriptions_tags_and_growing_disks_do_not_flap(module: Asks, proxmox: Proxmox) -> None:
    options = with_defaults(description="Vault of the homelab", tags=["Vault", "homelab"], onboot=True, disk=25)
    done(module(with_defaults()))
    done(module(options))
    # As the real Proxmox does.
    proxmox.ct(101).config["description"] += "\n"
    assert proxmox.ct(101).config["rootfs"].endswith("size=25G")
    assert not done(module(options))["changed"]


def test_a_stopped_container_is_started(module: Asks, proxmox: Proxmox) -> None:
    done(module())
    proxmox.ct(101).status = "stopped"
    assert done(module())["changed"]
    assert proxmox.ct(101).status == "running"


def test_a_container_is_stopped_and_another_one_deleted_for_a_new_one_as_the_plan_says(
    role: Plays, module: Asks, proxmox: Proxmox
) -> None:
    done(module())
    # It takes over both the name and the address.
    new = {**INFISICAL, "vmid": 102, "groups": ["vaults"]}
    away = {"proxmox_lxc_containers": [{**INFISICAL, "state": "absent"}, {**OMAKASE, "state": "stopped"}, new]}
    seen = [{"ansible.builtin.debug": {"msg": "the vaults are {{ groups['vaults'] | default([]) }}"}}]
    volume = proxmox.ct(101).config["rootfs"].partition(",")[0]
    proxmox.requests.clear()
    plan = succeeded(role("--check", "--diff", **away))
    assert proxmox.written == []
    real = succeeded(role(after=seen, **away))
    for run in (plan, real):
        assert "stop container 101 (infisical), which is running" in run.text
        assert f"delete container 101 (infisical) with its volumes {volume}" in run.text
        assert "stop container 100 (omakase), which is running" in run.text
        assert run.text.index("delete container 101") < run.text.index("create container 102 (infisical)")
    assert proxmox.ct(101) is None and proxmox.ct(102).status == "running"
    assert "the vaults are ['infisical']" in real.text
    assert proxmox.ct(100).status == "stopped"
    assert not done(module(away))["changed"]


def test_a_password_is_set_and_never_shown(role: Plays, module: Asks, proxmox: Proxmox) -> None:
    secret = with_defaults(password="container-canary")
    runs = [succeeded(role("-vvv", "--check", "--diff", **secret)), succeeded(role("-vvv", "--diff", **secret))]
    created = next(body for method, path, body in proxmox.requests if method == "POST" and path.endswith("/lxc"))
    assert b"password=***" in created  # the stand-in keeps none
    runs.append(role("-vvv", **with_defaults(password="container-canary", disk=1, state="nonsense")))
    assert [run.code for run in runs] == [0, 0, 2]
    assert [run.output.count("container-canary") for run in runs] == [0, 0, 0]
    refusal = module(with_defaults(password="container-canary", disk=1))
    assert "cannot shrink to 1" in failed(refusal) and "container-canary" not in str(refusal)


def test_a_host_whose_lxc_docker_cannot_run_in_is_warned_of_once(role: Plays, proxmox: Proxmox) -> None:
    proxmox.packages = {"pve-manager": "9.0.3", "lxc-pve": "6.0.4-2"}
    said = "Docker will not run in a container on pve: its lxc-pve is 6.0.4-2"
    assert succeeded(role()).text.count(said) == 1


def test_a_host_that_the_inventory_lacks_joins_it_with_its_groups(role: Plays) -> None:
    seen = [{"ansible.builtin.debug": {"msg": "{{ hostvars['infisical'].ansible_host }} in {{ groups['vaults'] }}"}}]
    run = succeeded(role(after=seen, **with_defaults(groups=["vaults"])))
    assert "127.0.77.101 in ['infisical']" in run.text


def test_what_an_interrupted_run_began_is_waited_for_and_finished(module: Asks, proxmox: Proxmox) -> None:
    proxmox.time_scale = 0.2
    proxmox.ct_secs["create"] = 30
    assert "has not ended after 1 seconds" in failed(module(with_defaults(), task_timeout=1))
    assert proxmox.ct(101).lock == "create"
    done(module(with_defaults()))
    assert proxmox.ct(101).status == "running" and proxmox.ct(101).lock is None


# What is refused, each before anything is changed.


def assert_refused(result: dict[str, Any], proxmox: Proxmox, *sentences: str) -> None:
    text = failed(result)
    for sentence in sentences:
        assert sentence in text, text
    assert proxmox.written == []


def test_an_unreachable_proxmox_is_named_with_the_way_to_bring_it_up(role: Plays, proxmox: Proxmox) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        # As in a lab that is down: there is no password, either.
        text = refused(role(proxmox_lxc_api_port=port, proxmox_lxc_api_password=""))
    assert f"https://127.0.0.1:{port} does not answer" in text and "Bring it up with: make lab-up" in text


def test_an_untrusted_certificate_is_explained(module: Asks, proxmox: Proxmox) -> None:
    assert_refused(module(ca_path=""), proxmox, "is not trusted", "/etc/pve/pve-root-ca.pem")


def test_a_missing_authority_is_named_beside_what_else_is_wrong(module: Asks, proxmox: Proxmox, tmp_path: Path) -> None:
    missing = str(tmp_path / "pve-root-ca.pem")
    result = module(with_defaults(net0="nonsense"), ca_path=missing)
    assert_refused(
        result, proxmox, f"The file {missing} of ca_path", "Bring it up with: make lab-up", "'nonsense' is not of"
    )
    assert "Errno" not in str(result) and "does not answer" not in str(result)


def test_a_wrong_password_is_refused_without_being_shown(module: Asks, proxmox: Proxmox) -> None:
    result = module(api_password="wrong-password-canary")
    assert_refused(result, proxmox, "does not accept the user root@pam (authentication failure)")
    assert "wrong-password-canary" not in str(result)


def test_no_password_at_all_is_said(module: Asks, proxmox: Proxmox) -> None:
    assert_refused(module(api_password=None), proxmox, "No password or secret is given for the user root@pam")


def test_a_wrong_token_is_refused_without_being_shown(module: Asks, proxmox: Proxmox) -> None:
    result = module(api_token_id="deploy", api_token_secret="wrong-secret-canary")
    assert_refused(result, proxmox, "does not accept the token root@pam!deploy")
    assert "wrong-secret-canary" not in str(result)


def test_a_feature_that_only_root_may_set_is_refused_for_a_token_which_may_have_nesting(
    module: Asks, proxmox: Proxmox
) -> None:
    proxmox.apitokens["root@pam!deploy"] = "token-secret"
    token = {"api_token_id": "root@pam!deploy", "api_token_secret": "token-secret"}
    said = "only root@pam logged in with its password may change the feature keyctl"
    assert_refused(module(**token), proxmox, said)
    done(module(with_defaults(features="nesting=1"), **token))
    assert proxmox.ct(101).config["features"] == "nesting=1"


def test_someone_elses_container_is_never_touched(module: Asks, proxmox: Proxmox) -> None:
    proxmox.add_ct(101, name="mail", node="pve")
    assert_refused(module(), proxmox, "the vmid 101 belongs to another container, mail, on pve; it is not touched")
    assert proxmox.ct(100) is None


def test_a_vmid_of_a_virtual_machine_is_refused(module: Asks, proxmox: Proxmox) -> None:
    proxmox.add_vm(101, "windows", node="pve")
    assert_refused(module(), proxmox, "the vmid 101 belongs to another virtual machine, windows, on pve")


def test_an_address_of_another_container_is_refused(module: Asks, proxmox: Proxmox) -> None:
    proxmox.add_ct(200, name="mail", node="pve", config={"net0": "name=eth0,bridge=vmbr0,ip=127.0.77.101/16"})
    assert_refused(module(), proxmox, "127.0.77.101 is already in use by the container 200 (mail) on pve")


def test_an_address_that_answers_on_the_network_is_refused(module: Asks, proxmox: Proxmox) -> None:
    said = "127.0.77.101 is already in use: something answers there, and this container does not exist"
    assert_refused(module(check_addresses=True), proxmox, said)


def test_everything_wrong_is_said_at_once_with_what_there_is_instead(module: Asks, proxmox: Proxmox) -> None:
    wrong = [
        {**INFISICAL, "storage": "ceph", "bridge": "vmbr9", "template": "debian-14-standard"},
        {**OMAKASE, "node": "pve7"},
        {"vmid": 102, "hostname": "third", "address": "127.0.77.300/24"},
        {"vmid": 102, "hostname": "four_th", "address": "127.0.77.104"},
    ]
    assert_refused(
        module({"proxmox_lxc_containers": wrong}),
        proxmox,
        "there is no storage 'ceph' on pve; for container disks there is local-lvm",
        "there is no bridge 'vmbr9' on pve; there is vmbr0",
        "there is no template 'debian-14-standard'",
        "debian-13-standard_13.1-2_amd64.tar.zst",
        "there is no node 'pve7'; this cluster has pve",
        "'127.0.77.300/24' does not appear to be an IPv4 or IPv6 interface",
        "has no prefix length, such as 127.0.77.104/24",
        "'four_th' is not a hostname",
        "the vmid 102 is given to 2 containers",
    )


def test_shrinking_a_disk_is_refused(module: Asks, proxmox: Proxmox) -> None:
    done(module())
    proxmox.requests.clear()
    assert_refused(module(with_defaults(disk=10)), proxmox, "its disk has 20 GiB and cannot shrink to 10")


def test_a_task_that_fails_is_told_with_proxmoxs_own_reason(module: Asks, proxmox: Proxmox) -> None:
    done(module(with_defaults(state="present")))
    proxmox.ct(101).start_error = "startup for container '101' failed: bridge 'vmbr0' is down"
    text = failed(module(with_defaults()))
    assert "Could not start container 101 (infisical): The task vzstart on pve failed: startup for container" in text


def test_a_container_whose_ssh_never_answers_is_named(role: Plays) -> None:
    with socket.socket() as silent:
        silent.bind(("0.0.0.0", 0))  # noqa: S104
        text = refused(role(proxmox_lxc_ssh_port=silent.getsockname()[1], proxmox_lxc_ssh_timeout=1, **with_defaults()))
    assert "infisical runs, but no SSH server answers at 127.0.77.101" in text
