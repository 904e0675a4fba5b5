# Copyright: (c) 2026, The omakase.homelab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What has to be done: a pure function from wanted and found to requests, the same for check mode and for real."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Union

from ansible_collections.omakase.homelab.plugins.module_utils._proxmox import config
from ansible_collections.omakase.homelab.plugins.module_utils._proxmox.client import encoded
from ansible_collections.omakase.homelab.plugins.module_utils._proxmox.container import Found, Wanted
from ansible_collections.omakase.homelab.plugins.module_utils._proxmox.templates import Template

Value = Union[str, int]


@dataclass(frozen=True)
class Step:
    """One request; `says` is what check mode tells of it."""

    says: str
    method: str
    path: str
    params: Mapping[str, Value] = field(default_factory=dict)


@dataclass(frozen=True)
class Plan:
    """The steps in order, and the settings they change, for `--diff`."""

    steps: tuple[Step, ...] = ()
    before: Mapping[str, Any] = field(default_factory=dict)
    after: Mapping[str, Any] = field(default_factory=dict)


def plan(wanted: Wanted, found: Found | None, template: Template | None, restart: bool = False) -> Plan:
    """Steps from what is to what is wanted. `restart` says whether a running container may be restarted."""
    if found is None:
        if template is None:
            raise ValueError("a container that does not exist needs a template")
        return _creation(wanted, template)
    return _correction(wanted, found, restart)


def _creation(wanted: Wanted, template: Template) -> Plan:
    steps = []
    if not template.present:
        steps.append(
            Step(
                f"fetch the template {template.name} to {template.storage}",
                "POST",
                encoded("nodes", wanted.node, "aplinfo"),
                {"storage": template.storage, "template": template.name},
            )
        )
    settings = _settings(wanted)
    params: dict[str, Value] = {
        "vmid": wanted.vmid,
        "ostemplate": template.volume,
        "storage": wanted.storage,
        "rootfs": f"{wanted.storage}:{wanted.disk:g}",
        "unprivileged": int(wanted.unprivileged),
        **settings,
    }
    if wanted.ssh_public_keys:
        params["ssh-public-keys"] = "\n".join(wanted.ssh_public_keys) + "\n"
    steps.append(Step(f"create {wanted} from {template.name}", "POST", encoded("nodes", wanted.node, "lxc"), params))
    if wanted.started:
        steps.append(_power(wanted, wanted.node, "start"))
    return Plan(tuple(steps), {}, params)


def _correction(wanted: Wanted, found: Found, restart: bool) -> Plan:
    settings = _settings(wanted, found)
    changed = {name: value for name, value in settings.items() if not _same(name, value, found)}
    removed = [name for name, value in changed.items() if value == "" and name in found.config]
    base = ("nodes", found.node, "lxc", wanted.vmid)
    steps = []
    if changed:
        params: dict[str, Value] = {name: value for name, value in changed.items() if value != ""}
        if removed:
            params["delete"] = ",".join(removed)
        if "digest" in found.config:
            # Proxmox refuses the change if somebody else was quicker.
            params["digest"] = str(found.config["digest"])
        steps.append(Step(f"set {', '.join(sorted(changed))} of {wanted}", "PUT", encoded(*base, "config"), params))
    size = config.volume_size(str(found.config.get("rootfs", "")))
    if size is not None and wanted.disk > size:
        grown: dict[str, Value] = {"disk": "rootfs", "size": f"{wanted.disk:g}G"}
        steps.append(Step(f"grow the disk of {wanted} to {wanted.disk:g} GiB", "PUT", encoded(*base, "resize"), grown))
        changed = {**changed, "rootfs": grown["size"]}
    if wanted.started and not found.running:
        steps.append(_power(wanted, found.node, "start"))
    elif found.running and found.pending and restart:
        steps.append(_power(wanted, found.node, "reboot"))
    return Plan(tuple(steps), {name: found.config.get(name, "") for name in changed}, changed)


def _power(wanted: Wanted, node: str, verb: str) -> Step:
    return Step(f"{verb} {wanted}", "POST", encoded("nodes", node, "lxc", wanted.vmid, "status", verb))


def _settings(wanted: Wanted, found: Found | None = None) -> dict[str, Value]:
    """Settings under Proxmox's names, an empty text where one is to be absent; what is not asked for is left out."""
    net = config.keeping_address(wanted.net, found.properties("net0")) if found else wanted.net
    settings: dict[str, Value] = {
        "hostname": wanted.hostname,
        **wanted.numbers,
        **wanted.texts,
        "net0": config.written(net),
    }
    if wanted.features is not None:
        settings["features"] = config.written(config.features_on(wanted.features))
    if wanted.onboot is not None:
        settings["onboot"] = int(wanted.onboot)
    if wanted.description is not None:
        settings["description"] = wanted.description
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
    if name == "tags":
        return config.tags_of(str(value)) == config.tags_of(str(has))
    if name == "onboot":
        return int(value) == int(has or 0)
    if name == "nameserver":
        return str(value).replace(",", " ").split() == str(has).replace(",", " ").split()
    # Proxmox appends a newline to a description.
    return str(value).rstrip("\n") == str(has).rstrip("\n")
