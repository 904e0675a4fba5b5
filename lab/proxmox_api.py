# SPDX-License-Identifier: GPL-3.0-or-later
"""The practice Proxmox: fakepve's API, whose containers are real LXC containers here.

fakepve knows Proxmox's schema, permissions, tasks and wording, and keeps the configuration; this layer does to a real
container what the API did to its model, and lets a task end only when that is done. Container 101 there is the
container `101` of lab.lxc here. Virtual machines stay a model.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn, TypeVar

from fakepve import FakeCt, FakePve, PveError, TaskError

from lab import lxc, proxmox, settings, template
from lab.proxmox_config import describe, saved, spec_from
from lab.shell import LabError, run, write

_STATE = settings.PROXMOX / "state.json"
_REQUESTS = settings.PROXMOX / "requests.log"
_TEMPLATE_VOLUME = f"vztmpl/{settings.TEMPLATE}"
_BRIDGE = "vmbr0"
_GIB = 1024**3
_LOOK_AGAIN = 1.0  # seconds

Body = Callable[[], Awaitable[Any]]
Values = dict[str, Any]
Result = TypeVar("Result")


class LabPve(FakePve):  # type: ignore[misc]
    """A Proxmox node whose containers are real."""

    def __init__(self, password: str, token: str) -> None:
        super().__init__(user="root@pam", password=password, host="127.0.0.1", port=settings.PROXMOX_PORT)
        self.time_scale = 1.0  # tasks run in the background, in real time
        self.nodes = {settings.NODE: {"online": True}}
        self.cluster_name = settings.NODE
        self.storages = _storages()
        identity, _, secret = token.partition("=")
        self.apitokens = {identity: secret}
        self.pools: dict[str, set[int]] = {proxmox.POOL: set()}
        for path, privileges in proxmox.TOKEN_PRIVILEGES.items():
            self.grant(identity, path, *privileges)
        self._wishes: dict[int, Values] = {}  # what a creation asked for that is no part of the configuration
        self._looked: dict[int, float] = {}  # vmid: when we last made sure that it is stopped
        self._load()

    # ------------------------------------------------------------ what lasts

    def _load(self) -> None:
        """Take up again what an earlier process knew, as far as it is still true."""
        state = json.loads(_STATE.read_text()) if _STATE.exists() else {"containers": [], "templates": {}}
        self.storages["local"]["volumes"].update(state["templates"])
        for entry in state["containers"]:
            if lxc.exists(str(entry["vmid"])):
                self._adopt(entry["vmid"], entry["config"], entry["pending"], entry.get("pool"))
        for name in lxc.names():
            if name.isdigit() and self.ct(int(name)) is None:
                self._adopt(int(name), describe(lxc.spec_of(name)), {})
        self._save()

    def _adopt(self, vmid: int, config: Values, pending: Values, pool: str | None = None) -> None:
        config.pop("lock", None)  # whatever held it died with its process
        ct = self.add_ct(vmid, node=settings.NODE, config=config, pending=pending, pool=pool, defaults=False)
        self._look(ct)

    def _save(self) -> None:
        write(_STATE, saved(self.cts, self.storages["local"]["volumes"]), mode=0o600)

    def _look(self, ct: FakeCt) -> None:
        """Bring the model's idea of running in line with the real container."""
        pid = lxc.init_pid(str(ct.vmid))
        if pid is None:
            ct.status, ct.pid = "stopped", None
        elif ct.pid != pid:
            ct.status, ct.pid, ct.started_at = "running", pid, time.time()

    async def _notice(self) -> None:
        """See which containers were switched off, or restarted, from the inside."""
        for ct in list(self.cts):
            if ct.lock_holder is None and self._may_differ(ct):
                await asyncio.to_thread(self._look, ct)

    def _may_differ(self, ct: FakeCt) -> bool:
        if ct.status == "running":
            return not Path("/proc", str(ct.pid)).exists()
        before, self._looked[ct.vmid] = self._looked.get(ct.vmid, 0.0), time.monotonic()
        return time.monotonic() - before > _LOOK_AGAIN

    async def _answer(self, request: Any, handler: Any, generic: Any, path_node: Any) -> Any:
        await self._notice()
        try:
            return await super()._answer(request, handler, generic, path_node)
        finally:
            if request.method != "GET":
                self._save()

    def _record(self, request: Any, body: bytes) -> None:
        super()._record(request, body)
        method, path, clean = self.requests[-1]
        line = {
            "time": round(time.time(), 3),
            "method": method,
            "path": path,
            "body": clean.decode(errors="replace"),
        }
        with _REQUESTS.open("a") as log:
            log.write(json.dumps(line) + "\n")

    # ----------------------------------------------------- tasks do real work

    async def task(
        self, node: str, ttype: str, tid: Any, user: str, body: Body, vm: Any = None, lock: bool = True, log: Any = ()
    ) -> Any:
        """As fakepve's, with the real container's part in the body of the tasks that have one."""
        real: dict[str, Callable[[], Body]] = {
            "vzcreate": lambda: lambda: self._create_really(vm, body, user),
            "vzdestroy": lambda: lambda: self._destroy_really(vm, body),
            "vzstop": lambda: lambda: self._stop_really(vm, body),
        }
        inner = real[ttype]() if ttype in real else body

        async def guarded() -> Any:
            try:
                return await inner()
            except TaskError:
                raise
            except Exception as problem:
                # Nothing may leave a task running for ever.
                logging.exception("task %s %s", ttype, tid)
                raise TaskError(f"unexpected: {problem}") from problem
            finally:
                self._save()

        return await super().task(node, ttype, tid, user, guarded, vm=vm, lock=lock, log=log)

    async def _lxc_create(self, user: str, v: Values) -> Any:
        if v.get("restore"):
            _refuse("restore a container from a backup")
        vmid = int(v["vmid"])
        if v.get("start"):
            self._vm_perm(user, vmid, v.get("pool"), "VM.PowerMgmt")
        self._wishes[vmid] = {key: v.get(key) for key in ("ssh-public-keys", "password", "start")}
        # fakepve would start it before it really exists.
        return await super()._lxc_create(user, {**v, "start": None})

    async def _create_really(self, ct: FakeCt, body: Body, user: str) -> Any:
        await body()
        ct.lock = "create"
        self._save()
        wishes = self._wishes.pop(ct.vmid, {})
        keys = tuple((wishes.get("ssh-public-keys") or "").strip().splitlines())
        try:
            hashed = await _in_thread(_hash_password, wishes["password"]) if wishes.get("password") else ""
            spec = await _in_thread(spec_from, ct.vmid, ct.config)
            await _in_thread(lxc.create, replace(spec, ssh_keys=keys, password_hash=hashed))
        except TaskError as problem:
            self._drop(ct)
            raise TaskError(f"unable to create CT {ct.vmid} - {problem}") from problem
        ct.lock = None
        if wishes.get("start"):
            await self._start_steps(ct, user)
        return f"extracting archive '/var/lib/vz/template/cache/{settings.TEMPLATE}'"

    async def _destroy_really(self, ct: FakeCt, body: Body) -> Any:
        self._check_protection(ct, f"can't remove CT {ct.vmid}")
        self._task_lock(ct)
        address = lxc.spec_of(str(ct.vmid)).ip
        await _in_thread(lxc.delete, str(ct.vmid))
        await _in_thread(proxmox.forget_host_keys, address)
        return await body()

    async def _stop_really(self, ct: FakeCt, body: Body) -> Any:
        self._task_lock(ct, allow=("mounted",))
        if not await _in_thread(lambda: lxc.stop(str(ct.vmid), clean=False)):
            raise TaskError("container did not stop")
        return await body()

    async def _start_steps(self, ct: FakeCt, user: str, skiplock: bool = False) -> None:
        await super()._start_steps(ct, user, skiplock)
        ct.status, ct.pid = "stopped", None  # until it is true
        await _in_thread(_reconfigure, ct.vmid, dict(ct.config))
        await _in_thread(lxc.start, str(ct.vmid))
        await _in_thread(self._look, ct)

    async def _ct_powerdown(self, ct: FakeCt, timeout: float, force: bool) -> None:
        name = str(ct.vmid)
        stopped = await _in_thread(lambda: lxc.stop(name, limit=int(timeout)))
        if not stopped and force:
            stopped = await _in_thread(lambda: lxc.stop(name, clean=False))
        if not stopped:
            raise TaskError("container did not stop")
        ct.status, ct.pid = "stopped", None

    # -------------------------------------------------------- configuration

    async def _update_config(
        self, ct: FakeCt, user: str, values: Values, deletes: list[str], reverts: list[str]
    ) -> None:
        before = dict(ct.config)
        await super()._update_config(ct, user, values, deletes, reverts)
        try:
            spec = await _in_thread(_reconfigure, ct.vmid, dict(ct.config))
            if ct.status == "running" and any(ct.config.get(key) != before.get(key) for key in ("memory", "swap")):
                await _in_thread(lxc.set_memory, spec)
            if ct.status == "running" and ct.config.get("net0") != before.get("net0"):
                await _in_thread(lxc.set_network, spec)
        except TaskError as problem:
            raise PveError(500, str(problem)) from problem

    async def _lxc_config_get(self, user: str, v: Values) -> Values:
        return _with_newline(await super()._lxc_config_get(user, v))

    async def _lxc_pending(self, user: str, v: Values) -> list[Values]:
        lines: list[Values] = await super()._lxc_pending(user, v)
        return [
            {
                key: f"{value}\n" if line["key"] == "description" and key != "key" else value
                for key, value in line.items()
            }
            for line in lines
        ]

    # ------------------------------------------------- templates, the node

    def volume_exists(self, volid: str) -> bool | None:
        """fakepve takes any template while it knows of none; Proxmox does not."""
        if ":vztmpl/" in volid:
            storage, _, name = volid.partition(":")
            return name in self.storages.get(storage, {}).get("volumes", {})
        found: bool | None = super().volume_exists(volid)
        return found

    def _routes_lab(self) -> list[tuple[str, str, Any]]:
        return [
            ("GET", "/nodes/{node}/aplinfo", self._offered_templates),
            ("POST", "/nodes/{node}/aplinfo", self._download_template),
            ("GET", "/nodes/{node}/apt/versions", self._package_versions),
            ("GET", "/nodes/{node}/network", self._network),
        ]

    async def _offered_templates(self, v: Values, user: str) -> list[Values]:
        package, version, architecture = settings.TEMPLATE.removesuffix(".tar.zst").split("_")
        offer = {
            "template": settings.TEMPLATE,
            "package": package,
            "version": version,
            "architecture": architecture,
            "os": "debian-13",
            "section": "system",
            "type": "lxc",
            "source": "https://download.proxmox.com/images",
            "location": f"system/{settings.TEMPLATE}",
            "headline": "Debian 13 Trixie (standard)",
            "description": "A small Debian Trixie system including all standard packages.",
            "infopage": "https://pve.proxmox.com/wiki/Linux_Container#pct_supported_distributions",
            "maintainer": "Proxmox Support Team <support@proxmox.com>",
        }
        if template.path().exists():
            offer["sha512sum"] = await asyncio.to_thread(_sha512, template.path())
        return [offer]

    async def _download_template(self, v: Values, user: str) -> Any:
        if v["template"] != settings.TEMPLATE:
            raise PveError(400, "Parameter verification failed.", {"template": "no such template"})
        store = self._active_store(v["storage"], v["node"])
        if "vztmpl" not in str(store.get("content", "")).split(","):
            raise PveError(500, f"cannot download to storage '{v['storage']}': no such content type 'vztmpl'")

        async def body() -> str:
            ready: Path = await _in_thread(template.build)
            volume = {"content": "vztmpl", "format": "tzst", "size": ready.stat().st_size, "ctime": int(time.time())}
            store.setdefault("volumes", {})[_TEMPLATE_VOLUME] = volume
            return f"download of '{settings.TEMPLATE}' to '/var/lib/vz/template/cache/{settings.TEMPLATE}' finished"

        return await self.task(v["node"], "download", settings.TEMPLATE, user, body)

    async def _package_versions(self, v: Values, user: str) -> list[Values]:
        installed = {"proxmox-ve": "9.0.0", "pve-manager": self.version, "lxc-pve": "6.0.5-3", "lxcfs": "6.0.4-pve1"}
        return [
            {
                "Package": package,
                "Version": version,
                "OldVersion": version,
                "CurrentState": "Installed",
                "Arch": "amd64",
                "Origin": "Proxmox",
                "Section": "admin",
                "Priority": "optional",
                "Title": package,
                "Description": package,
            }
            for package, version in installed.items()
        ]

    async def _network(self, v: Values, user: str) -> list[Values]:
        bridge = {
            "iface": _BRIDGE,
            "type": "bridge",
            "active": 1,
            "autostart": 1,
            "method": "static",
            "method6": "manual",
            "families": ["inet"],
            "address": settings.GATEWAY,
            "netmask": str(settings.PREFIX_LENGTH),
            "cidr": f"{settings.GATEWAY}/{settings.PREFIX_LENGTH}",
            "bridge_ports": "",
            "bridge_stp": "off",
            "bridge_fd": "0",
            "priority": 3,
        }
        wanted = v.get("type")
        return [bridge] if wanted in (None, "bridge", "any_bridge", "any_local_bridge", "include_sdn") else []

    # ------------------------------------------ what a practice machine lacks

    async def _lxc_clone(self, user: str, v: Values) -> NoReturn:
        _refuse("clone containers")

    async def _lxc_template(self, user: str, v: Values) -> NoReturn:
        _refuse("make templates of containers")

    async def _lxc_snapshot(self, user: str, v: Values) -> NoReturn:
        _refuse("take snapshots of containers")

    async def _lxc_migrate(self, user: str, v: Values) -> NoReturn:
        _refuse("migrate containers")

    async def _lxc_suspend(self, user: str, v: Values) -> NoReturn:
        _refuse("suspend containers")


def _refuse(what: str) -> NoReturn:
    raise PveError(501, f"the lab's Proxmox does not {what}")


async def _in_thread(work: Callable[..., Result], *arguments: Any) -> Result:
    """Do real work without stopping the API; its errors end the task as they are."""
    try:
        return await asyncio.to_thread(work, *arguments)
    except LabError as problem:
        raise TaskError("; ".join(line.strip() for line in str(problem).splitlines() if line.strip())) from problem


def _with_newline(config: Values) -> Values:
    """Proxmox ends a description with a newline, whatever it was given."""
    if config.get("description"):
        config["description"] += "\n"
    return config


def _reconfigure(vmid: int, config: Values) -> lxc.Spec:
    """The container as the configuration asks for it; who may log in was settled at its creation."""
    old = lxc.spec_of(str(vmid))
    spec = replace(spec_from(vmid, config), ssh_keys=old.ssh_keys, password_hash=old.password_hash)
    lxc.reconfigure(spec)
    return spec


def _hash_password(password: str) -> str:
    return run(["openssl", "passwd", "-6", "-stdin"], stdin=password).strip()


def _sha512(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha512").hexdigest()


def _storages() -> dict[str, Values]:
    return {
        "local": {
            "type": "dir",
            "active": 1,
            "content": "iso,vztmpl,backup",
            "path": "/var/lib/vz",
            "files": set(),
            "volumes": {},
            "avail": 50 * _GIB,
        },
        "local-lvm": {
            "type": "lvmthin",
            "active": 1,
            "content": "images,rootdir",
            "vgname": "pve",
            "thinpool": "data",
            "files": set(),
            "volumes": {},
            "total": 200 * _GIB,
        },
    }


async def _serve() -> None:
    pve = LabPve(proxmox.password(), proxmox.token())
    await pve.start(str(proxmox.CERTIFICATE), str(proxmox.KEY))
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_serve())
