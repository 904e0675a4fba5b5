# SPDX-License-Identifier: GPL-3.0-or-later
"""The practice Proxmox does to the real container what was done to its model, and keeps Proxmox's rules."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
from fakepve import PveError

from lab import proxmox, proxmox_api, settings, template
from lab.proxmox_api import LabPve
from lab.proxmox_config import describe, spec_from
from lab.shell import LabError
from tests.lab.real import Containers

ROOT = "root@pam"
TOKEN = "automation@pve!lab"
NET = "name=eth0,bridge=vmbr0,ip=198.18.0.101/24,gw=198.18.0.1"
WANTED = {
    "node": settings.NODE,
    "vmid": 101,
    "hostname": "infisical",
    "ostemplate": f"local:vztmpl/{settings.TEMPLATE}",
    "storage": "local-lvm",
    "memory": 2048,
    "net0": NET,
    "features": "nesting=1,keyctl=1",
    "ssh-public-keys": "ssh-ed25519 AAAA one\nssh-ed25519 BBBB two\n",
}
Work = Callable[[LabPve], Coroutine[Any, Any, Any]]


@pytest.fixture
def containers(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Containers:
    """No real ones; Proxmox's files in a folder of the test's own, the template there."""
    real = Containers()
    real.install(monkeypatch)
    archive = tmp_path / settings.TEMPLATE
    archive.write_bytes(b"template")
    monkeypatch.setattr(template, "path", lambda: archive)
    monkeypatch.setattr(template, "build", lambda: archive)
    for name in ("_STATE", "_REQUESTS"):
        monkeypatch.setattr(proxmox_api, name, tmp_path / name)
    return real


def serve(work: Work) -> Any:
    """A fresh process of the API, as far as its state goes, for this work."""

    async def life() -> Any:
        return await work(LabPve("password-canary", f"{TOKEN}=token-canary"))

    return asyncio.run(life())


async def finish(pve: LabPve, upid: str) -> str:
    """How the task ends."""
    for _ in range(2000):
        task = pve.tasks[upid]
        if task["status"] == "stopped":
            return str(task["exitstatus"])
        await asyncio.sleep(0.001)
    raise AssertionError(f"{upid} does not end")


async def made(pve: LabPve, **changes: Any) -> str:
    """Fetch the template and make the container; how that ended."""
    upid = await pve._download_template({"node": "pve", "storage": "local", "template": settings.TEMPLATE}, ROOT)
    assert await finish(pve, upid) == "OK"
    return await finish(pve, await pve._lxc_create(ROOT, {**WANTED, **changes}))


def place(vmid: int = 101) -> dict[str, Any]:
    """The parameters that name the container."""
    return {"node": settings.NODE, "vmid": vmid}


def test_a_created_container_is_made_for_real_as_asked(containers: Containers) -> None:
    assert serve(made) == "OK"
    spec = containers.specs["101"]
    assert (spec.hostname, spec.address, spec.gateway) == ("infisical", "198.18.0.101/24", "198.18.0.1")
    assert (spec.memory, spec.nesting, spec.keyctl) == (2048, True, True)
    assert len(spec.ssh_keys) == 2
    assert containers.running == set()


def test_a_container_created_with_start_runs_once_the_task_ends(containers: Containers) -> None:
    assert serve(lambda pve: made(pve, start=1)) == "OK"
    assert containers.running == {"101"}


def test_a_task_fails_with_the_real_error_and_leaves_no_container(containers: Containers) -> None:
    containers.failure = "no space left\non the device"

    async def work(pve: LabPve) -> None:
        assert await made(pve) == "unable to create CT 101 - no space left; on the device"
        assert pve.cts == []
        assert await made(pve) == "OK"

    serve(work)


def test_an_unexpected_error_ends_the_task_too(containers: Containers, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(spec: object) -> None:
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr("lab.lxc.create", broken)
    assert serve(made) == "unexpected: a bug"


def test_without_its_template_no_container_is_made(containers: Containers) -> None:
    async def work(pve: LabPve) -> None:
        status = await finish(pve, await pve._lxc_create(ROOT, dict(WANTED)))
        assert status == f"unable to create CT 101 - volume 'local:vztmpl/{settings.TEMPLATE}' does not exist"

    serve(work)
    assert containers.specs == {}


@pytest.mark.parametrize(
    ("net", "message"),
    [
        ("name=eth0,bridge=vmbr7,ip=198.18.0.101/24", "bridge 'vmbr7' does not exist"),
        ("name=eth0,bridge=vmbr0,ip=dhcp", "no DHCP server"),
    ],
)
def test_a_network_that_the_lab_does_not_have_is_refused(containers: Containers, net: str, message: str) -> None:
    assert message in serve(lambda pve: made(pve, net0=net))
    assert containers.specs == {}


def test_features_other_than_nesting_take_root_with_its_password(containers: Containers) -> None:
    async def work(pve: LabPve) -> None:
        assert await made(pve, vmid=100) == "OK"
        for user in (TOKEN, "root@pam!token"):
            with pytest.raises(PveError, match="except nesting"):
                await pve._lxc_create(user, {**WANTED, "pool": proxmox.POOL})
        allowed = {**WANTED, "pool": proxmox.POOL, "features": "nesting=1"}
        status = await finish(pve, await pve._lxc_create(TOKEN, allowed))
        assert status == "OK"

    serve(work)


def test_start_stop_reboot_and_destroy_reach_the_real_container(containers: Containers) -> None:
    async def work(pve: LabPve) -> None:
        await made(pve)
        assert await finish(pve, await pve._lxc_start(ROOT, place())) == "OK"
        assert containers.running == {"101"}
        assert await finish(pve, await pve._lxc_reboot(ROOT, place())) == "OK"
        assert containers.running == {"101"}
        assert await finish(pve, await pve._lxc_shutdown(ROOT, place())) == "OK"
        assert containers.running == set()
        assert await finish(pve, await pve._lxc_start(ROOT, place())) == "OK"
        assert await finish(pve, await pve._lxc_stop(ROOT, place())) == "OK"
        assert await finish(pve, await pve._lxc_destroy(ROOT, place())) == "OK"
        assert containers.specs == {}
        assert pve.cts == []

    serve(work)


def test_a_start_that_fails_leaves_the_container_stopped(containers: Containers) -> None:
    async def work(pve: LabPve) -> None:
        await made(pve)
        containers.failure = "The container 101 does not start."
        assert await finish(pve, await pve._lxc_start(ROOT, place())) == "The container 101 does not start."
        assert (await pve._lxc_status_current(ROOT, place()))["status"] == "stopped"

    serve(work)


def test_a_container_that_will_not_shut_down_is_killed_only_with_force(containers: Containers) -> None:
    containers.stubborn = True

    async def work(pve: LabPve) -> None:
        await made(pve, start=1)
        status = await finish(pve, await pve._lxc_shutdown(ROOT, {**place(), "timeout": 1}))
        assert status == "container did not stop"
        assert containers.running == {"101"}
        status = await finish(pve, await pve._lxc_shutdown(ROOT, {**place(), "timeout": 1, "forceStop": 1}))
        assert status == "OK"
        assert containers.running == set()

    serve(work)


def test_more_memory_reaches_the_running_container_at_once(containers: Containers) -> None:
    async def work(pve: LabPve) -> None:
        await made(pve, start=1)
        await pve._lxc_config_put(ROOT, {**place(), "memory": 3072})

    serve(work)
    assert containers.memory == [("101", 3072)]
    assert containers.specs["101"].memory == 3072
    assert len(containers.specs["101"].ssh_keys) == 2


def test_features_wait_for_the_next_start(containers: Containers) -> None:
    async def work(pve: LabPve) -> None:
        await made(pve, start=1)
        await pve._lxc_config_put(ROOT, {**place(), "features": "nesting=1"})
        assert containers.specs["101"].keyctl
        assert await finish(pve, await pve._lxc_reboot(ROOT, place())) == "OK"
        assert not containers.specs["101"].keyctl

    serve(work)


def test_a_description_comes_back_with_a_newline(containers: Containers) -> None:
    async def work(pve: LabPve) -> None:
        await made(pve, description="the vault")
        assert (await pve._lxc_config_get(ROOT, place()))["description"] == "the vault\n"
        lines = {line["key"]: line for line in await pve._lxc_pending(ROOT, place())}
        assert lines["description"]["value"] == "the vault\n"

    serve(work)


def test_a_new_process_takes_up_what_the_old_one_knew(containers: Containers) -> None:
    serve(lambda pve: made(pve, start=1, description="kept", pool=proxmox.POOL))

    async def later(pve: LabPve) -> None:
        config = await pve._lxc_config_get(ROOT, place())
        assert config["description"] == "kept\n"
        assert pve.pools == {proxmox.POOL: {101}}
        assert (await pve._lxc_status_current(ROOT, place()))["status"] == "running"
        assert pve.volume_exists(f"local:vztmpl/{settings.TEMPLATE}")

    serve(later)


def test_a_container_restarted_or_switched_off_from_the_inside_is_noticed(
    containers: Containers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(proxmox_api, "_LOOK_AGAIN", 0.0)

    async def work(pve: LabPve) -> None:
        await made(pve, start=1)
        containers.running.clear()
        pve.ct(101).pid = 2**22 + 1  # beyond the highest that Linux gives
        await pve._notice()
        assert (await pve._lxc_status_current(ROOT, place()))["status"] == "stopped"
        containers.running.add("101")
        await pve._notice()
        assert (await pve._lxc_status_current(ROOT, place()))["status"] == "running"

    serve(work)


def test_a_container_that_vanished_meanwhile_is_forgotten_and_an_unknown_one_adopted(containers: Containers) -> None:
    serve(made)
    spec = containers.specs.pop("101")
    containers.specs["105"] = spec_from(105, describe(spec))

    async def later(pve: LabPve) -> None:
        assert [(ct.vmid, ct.name) for ct in pve.cts] == [(105, "infisical")]

    serve(later)


def test_only_our_template_is_offered_and_it_must_be_fetched_first(containers: Containers) -> None:
    async def work(pve: LabPve) -> None:
        offered = await pve._offered_templates({"node": "pve"}, ROOT)
        assert [entry["template"] for entry in offered] == [settings.TEMPLATE]
        assert not pve.volume_exists(f"local:vztmpl/{settings.TEMPLATE}")
        with pytest.raises(PveError, match="Parameter verification failed"):
            await pve._download_template({"node": "pve", "storage": "local", "template": "debian-99"}, ROOT)

    serve(work)


def test_what_the_lab_cannot_do_for_real_is_refused_and_not_pretended(containers: Containers) -> None:
    async def work(pve: LabPve) -> None:
        await made(pve)
        for method in (pve._lxc_clone, pve._lxc_snapshot, pve._lxc_migrate, pve._lxc_suspend, pve._lxc_template):
            with pytest.raises(PveError, match="the lab's Proxmox does not"):
                await method(ROOT, place())
        with pytest.raises(PveError, match="restore"):
            await pve._lxc_create(ROOT, {**WANTED, "vmid": 107, "restore": 1})

    serve(work)


def test_nothing_secret_is_kept_in_the_state(containers: Containers, tmp_path: Path) -> None:
    assert serve(lambda pve: made(pve, password="login-canary")) == "OK"
    assert containers.specs["101"].password_hash.startswith("$6$")
    state = (tmp_path / "_STATE").read_text()
    assert json.loads(state)["containers"][0]["vmid"] == 101
    assert "canary" not in state


def test_the_node_runs_an_lxc_that_lets_docker_work(containers: Containers) -> None:
    async def work(pve: LabPve) -> None:
        versions = {entry["Package"]: entry["Version"] for entry in await pve._package_versions({}, ROOT)}
        assert versions["lxc-pve"] >= "6.0.5-2"

    serve(work)


def test_a_configuration_survives_the_way_to_the_real_container_and_back() -> None:
    config = {"hostname": "a.b", "memory": 1024, "swap": 0, "cores": 2, "net0": f"{NET},hwaddr=BC:24:11:00:00:01"}
    spec = spec_from(7, {**config, "features": "nesting=1"})
    assert spec_from(7, describe(spec)) == spec


def test_mount_points_are_volumes_of_the_container_or_directories_of_the_host() -> None:
    config = {"hostname": "nas", "mp1": "/srv/photos,mp=/photos,ro=1", "mp0": "local-lvm:vm-7-disk-1,mp=/srv,size=5G"}
    spec = spec_from(7, config)
    assert spec.mounts == (("vm-7-disk-1", "/srv", False), ("/srv/photos", "/photos", True))
    assert spec_from(7, describe(spec)).mounts == spec.mounts


def test_a_container_without_a_network_is_one_without_a_gateway() -> None:
    assert spec_from(7, {"hostname": "alone"}).gateway == ""
    with pytest.raises(LabError, match="bridge"):
        spec_from(7, {"net0": "name=eth0,ip=manual"})


def test_the_token_and_the_password_are_made_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(settings, "PROXMOX", tmp_path)
    assert proxmox.password() == proxmox.password()
    identity, _, secret = proxmox.token().partition("=")
    assert identity == TOKEN
    assert len(secret) == 36
    assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o600}
