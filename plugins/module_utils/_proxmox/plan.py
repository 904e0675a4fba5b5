# Copyright: (c) 2026, The omakase.homelab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What has to be done: a pure function from wanted and found to requests, the same for check mode and for real."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Union
from urllib.parse import urlsplit

from ansible_collections.omakase.homelab.plugins.module_utils._proxmox import config, mounts
from ansible_collections.omakase.homelab.plugins.module_utils._proxmox.client import encoded
from ansible_collections.omakase.homelab.plugins.module_utils._proxmox.container import FLAGS, Found, Wanted
from ansible_collections.omakase.homelab.plugins.module_utils._proxmox.templates import Template, checksum_of

Value = Union[str, int]


@dataclass(frozen=True)
class Step:
    """One request; `says` is what check mode tells of it. `creates` marks the one that makes the container."""

    says: str
    method: str
    path: str
    params: Mapping[str, Value] = field(default_factory=dict)
    creates: bool = False


@dataclass(frozen=True)
class Plan:
    """The steps in order, and the settings they change, for `--diff`."""

    steps: tuple[Step, ...] = ()
    before: Mapping[str, Any] = field(default_factory=dict)
    after: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Limits:
    """What the playbook allows: to restart a running container, and the seconds for one to shut down."""

    restart: bool = False
    shutdown: int = 60


def plan(wanted: Wanted, found: Found | None, template: Template | None, limits: Limits) -> Plan:
    """Steps from what is to what is wanted."""
    if wanted.gone:
        return _deletion(wanted, found, limits) if found else Plan()
    if found is not None:
        return _correction(wanted, found, limits)
    if template is None:
        raise ValueError("a container that does not exist needs a template")
    return _creation(wanted, template)


# ----------------------------------------------------------------- creation


def _creation(wanted: Wanted, template: Template) -> Plan:
    settings = _settings(wanted, None)
    # A member of a pool gets the pool's privileges when it is made, and Proxmox judges its tags before.
    late = {"tags": settings.pop("tags")} if wanted.pool and "tags" in settings else {}
    params: dict[str, Value] = {
        "vmid": wanted.vmid,
        "ostemplate": template.volume,
        "storage": str(wanted.storage),
        "rootfs": f"{wanted.storage}:{wanted.disk:g}",
        "unprivileged": int(wanted.unprivileged),
        **settings,
        **mounts.changes(wanted.mounts, {}).settings,
    }
    if wanted.pool:
        params["pool"] = wanted.pool
    if wanted.ssh_public_keys:
        params["ssh-public-keys"] = "\n".join(wanted.ssh_public_keys) + "\n"
    shown = {**params, **late}
    if wanted.password:
        params["password"] = wanted.password
    return Plan(tuple(_creating(wanted, template, params, late)), {}, shown)


def _creating(wanted: Wanted, template: Template, params: dict[str, Value], late: dict[str, Value]) -> Iterator[Step]:
    if not template.present:
        yield _fetch(wanted, template)
    says = f"create {wanted} from {template.name}"
    yield Step(says, "POST", encoded("nodes", wanted.node, "lxc"), params, creates=True)
    if late:
        path = encoded("nodes", wanted.node, "lxc", wanted.vmid, "config")
        yield Step(f"set {', '.join(late)} of {wanted}", "PUT", path, late)
    if wanted.state == "started":
        yield _power(wanted, wanted.node, "start")


def _fetch(wanted: Wanted, template: Template) -> Step:
    says = f"fetch the template {template.name} to {template.storage}"
    if not template.url:
        params: dict[str, Value] = {"storage": template.storage, "template": template.name}
        return Step(says, "POST", encoded("nodes", wanted.node, "aplinfo"), params)
    algorithm, digits = checksum_of(wanted.template_checksum or "")
    params = {
        "content": "vztmpl",
        "filename": template.name,
        "url": template.url,
        "checksum": digits,
        "checksum-algorithm": algorithm,
    }
    path = encoded("nodes", wanted.node, "storage", template.storage, "download-url")
    return Step(f"{says} from {urlsplit(template.url).hostname}", "POST", path, params)


# ----------------------------------------------------------------- deletion


def _deletion(wanted: Wanted, found: Found, limits: Limits) -> Plan:
    steps = []
    if found.running:
        steps.append(_shutdown(wanted, found, limits, force=True))
    volumes = found.volumes(wanted.vmid)
    says = f"delete {wanted}" + (f" with its volumes {', '.join(volumes)}" if volumes else "")
    # `purge` takes it out of backup jobs and the like. Volumes that are not in its configuration stay.
    path = encoded("nodes", found.node, "lxc", wanted.vmid)
    steps.append(Step(says, "DELETE", path, {"purge": 1}))
    before = {name: value for name, value in found.config.items() if name != "digest"}
    return Plan(tuple(steps), before, {})


# --------------------------------------------------------------- correction


def _correction(wanted: Wanted, found: Found, limits: Limits) -> Plan:
    settings = _settings(wanted, found)
    changed = {name: value for name, value in settings.items() if not _same(name, value, found)}
    of_mounts = mounts.changes(wanted.mounts, found.config)
    changed.update(of_mounts.settings)
    grown = _grown(wanted, found, of_mounts)
    steps = []
    if wanted.state == "stopped" and found.running:
        steps.append(_shutdown(wanted, found, limits, force=False))
    steps += _growing(wanted, found, grown, of_mounts)
    if changed:
        steps.append(_change(wanted, found, changed, of_mounts, guarded=not grown))
    if wanted.pool is not None and wanted.pool != found.pool:
        steps.append(_pool(wanted, found))
    if wanted.state == "started" and not found.running:
        steps.append(_power(wanted, found.node, "start"))
    elif wanted.state != "stopped" and found.running and found.pending and limits.restart:
        steps.append(_power(wanted, found.node, "reboot"))
    return Plan(tuple(steps), *_difference(wanted, found, {**changed, **{disk: f"{grown[disk]:g}G" for disk in grown}}))


def _difference(wanted: Wanted, found: Found, changed: dict[str, Value]) -> tuple[dict[str, Any], dict[str, Any]]:
    before, after = {name: found.config.get(name, "") for name in changed}, dict(changed)
    if wanted.pool is not None and wanted.pool != found.pool:
        before["pool"], after["pool"] = found.pool, wanted.pool
    return before, after


def _growing(wanted: Wanted, found: Found, grown: dict[str, float], of_mounts: mounts.Changes) -> Iterator[Step]:
    path = encoded("nodes", found.node, "lxc", wanted.vmid, "resize")
    for disk, size in grown.items():
        what = f"volume at {of_mounts.paths[disk]}" if disk in of_mounts.paths else "disk"
        says = f"grow the {what} of {wanted} to {size:g} GiB"
        yield Step(says, "PUT", path, {"disk": disk, "size": f"{size:g}G"})


def _change(wanted: Wanted, found: Found, changed: dict[str, Value], of_mounts: mounts.Changes, guarded: bool) -> Step:
    params: dict[str, Value] = {name: value for name, value in changed.items() if value != ""}
    removed = [name for name, value in changed.items() if value == "" and name in found.config]
    if removed:
        params["delete"] = ",".join(removed)
    if guarded and "digest" in found.config:
        # Proxmox refuses the change if somebody else was quicker; growing before it was a change, too.
        params["digest"] = str(found.config["digest"])
    named = [f"{name} ({of_mounts.paths[name]})" if name in of_mounts.paths else name for name in sorted(changed)]
    says = f"set {', '.join(named)} of {wanted}"
    return Step(says, "PUT", encoded("nodes", found.node, "lxc", wanted.vmid, "config"), params)


def _grown(wanted: Wanted, found: Found, of_mounts: mounts.Changes) -> dict[str, float]:
    size = root_size(found)
    root = {"rootfs": wanted.disk} if wanted.disk is not None and size is not None and wanted.disk > size else {}
    return {**root, **of_mounts.grown}


def root_size(found: Found) -> float | None:
    """The size of its root disk in GiB, None where Proxmox does not say it."""
    options = config.mount_point(str(found.config.get("rootfs", "")))[1]
    return config.gib(options.get("size", ""))


def _pool(wanted: Wanted, found: Found) -> Step:
    params: dict[str, Value] = {"poolid": wanted.pool or found.pool, "vms": wanted.vmid}
    if not wanted.pool:
        return Step(f"take {wanted} out of the pool {found.pool}", "PUT", "/pools", {**params, "delete": 1})
    if found.pool:
        params["allow-move"] = 1
    return Step(f"put {wanted} into the pool {wanted.pool}", "PUT", "/pools", params)


def _power(wanted: Wanted, node: str, verb: str) -> Step:
    return Step(f"{verb} {wanted}", "POST", encoded("nodes", node, "lxc", wanted.vmid, "status", verb))


def _shutdown(wanted: Wanted, found: Found, limits: Limits, force: bool) -> Step:
    params: dict[str, Value] = {"timeout": limits.shutdown, **({"forceStop": 1} if force else {})}
    path = encoded("nodes", found.node, "lxc", wanted.vmid, "status", "shutdown")
    return Step(f"stop {wanted}, which is running", "POST", path, params)


# ----------------------------------------------------------------- settings


def _settings(wanted: Wanted, found: Found | None) -> dict[str, Value]:
    """Settings under Proxmox's names, an empty text where one is to be absent; what is not asked for is left out."""
    settings: dict[str, Value] = {"hostname": wanted.hostname, **wanted.plain}
    if wanted.net is not None:
        net = config.keeping_address(wanted.net, found.properties("net0")) if found else wanted.net
        settings["net0"] = config.written(net)
    if wanted.features is not None:
        settings["features"] = config.written(config.features_on(wanted.features))
    if wanted.startup is not None:
        settings["startup"] = config.written(wanted.startup)
    if wanted.tags is not None:
        settings["tags"] = ";".join(sorted(config.tags_of(";".join(wanted.tags))))
    return settings if found else {name: value for name, value in settings.items() if value != ""}


def _same(name: str, value: Value, found: Found) -> bool:
    """Whether Proxmox already has it, however it is written there."""
    has = found.config.get(name, "")
    if name == "net0":
        return config.same_net(config.properties(str(value)), found.properties(name))
    if name == "features":
        return config.properties(str(value)) == config.features_on(found.properties(name))
    if name == "startup":
        return config.startup_of(str(value)) == config.startup_of(str(has))
    if name == "tags":
        return config.tags_of(str(value)) == config.tags_of(str(has))
    if name in FLAGS:
        return int(value) == int(has or 0)
    if name == "nameserver":
        return str(value).replace(",", " ").split() == str(has).replace(",", " ").split()
    # Proxmox appends a newline to a description.
    return str(value).rstrip("\n") == str(has).rstrip("\n")
