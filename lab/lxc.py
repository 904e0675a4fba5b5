# SPDX-License-Identifier: GPL-3.0-or-later
"""Real unprivileged LXC containers: made from the template, started, changed, stopped, deleted.

A container is a folder in settings.CONTAINERS: `rootfs`, LXC's `config`, and `spec.json`, from which the other two
follow. A folder whose name begins with a dot is one that a killed run did not finish.
"""

from __future__ import annotations

import hashlib
import ipaddress
import json
import os
import re
import secrets
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

from lab import host, settings, template
from lab.shell import CommandError, LabError, remove_tree, run, wait_for, which, write

_INCLUDES = "/usr/share/lxc/config"
_STOP_LIMIT = 60  # seconds for a clean shutdown


class Mount(NamedTuple):
    """A mount point at `path`: a directory of the host, or a volume of the container's own by its name."""

    source: str
    path: str
    read_only: bool = False


@dataclass(frozen=True)
class Spec:
    """What a container is asked to be. `name` without the lab's prefix; `address` with its prefix length, empty for
    no network; memory and swap in MB, 0 for no limit; `suite` of Debian; `password_hash` in crypt(3) form.
    """

    name: str
    hostname: str
    address: str = ""
    gateway: str = settings.GATEWAY
    mac: str = ""
    interface: str = "eth0"
    memory: int = 2048
    swap: int = 512
    cores: int = 0
    nesting: bool = True
    keyctl: bool = True
    nameservers: tuple[str, ...] = ()
    search: str = ""
    mounts: tuple[Mount, ...] = ()
    ssh_keys: tuple[str, ...] = ()
    suite: str = settings.SUITE
    password_hash: str = field(default="", repr=False)

    @property
    def ip(self) -> str:
        """The address alone."""
        return self.address.partition("/")[0]


def lxc_name(name: str) -> str:
    """The name LXC knows the container by."""
    return f"{settings.PREFIX}-{name}"


def folder(name: str) -> Path:
    """Where the container lives."""
    return settings.CONTAINERS / lxc_name(name)


def names() -> list[str]:
    """The finished containers."""
    start = f"{settings.PREFIX}-"
    return sorted(path.name.removeprefix(start) for path in settings.CONTAINERS.glob(f"{start}*"))


def spec_of(name: str) -> Spec:
    """What the container was asked to be. Raises LabError if there is none of that name."""
    try:
        stored = json.loads((folder(name) / "spec.json").read_text())
    except FileNotFoundError as missing:
        raise LabError(f"There is no container {name} in {settings.CONTAINERS}.") from missing
    values: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in stored.items()}
    values["mounts"] = tuple(Mount(*mount) for mount in values.get("mounts", ()))
    return Spec(**values)


def exists(name: str) -> bool:
    """True if the container is made, running or not."""
    return (folder(name) / "spec.json").exists()


def is_running(name: str) -> bool:
    """True if the container has a first process."""
    return init_pid(name) is not None


def init_pid(name: str) -> int | None:
    """The host's number of the container's first process."""
    try:
        shown = run(_lxc("lxc-info", name, "--pid", "--no-humanize"))
    except CommandError:
        return None
    found = re.search(r"\d+", shown)
    return int(found.group()) if found and found.group() != "-1" else None


def create(spec: Spec, archive: Path | None = None) -> None:
    """Make the container from the template; not started. Raises LabError, and leaves nothing, when that fails."""
    if exists(spec.name):
        raise LabError(f"The container {spec.name} exists already.")
    _prepare_folder()
    _ensure_subordinate_ids()
    draft = settings.CONTAINERS / f".{lxc_name(spec.name)}.{os.getpid()}"
    remove_tree(draft)
    try:
        rootfs = draft / "rootfs"
        rootfs.mkdir(parents=True)
        draft.chmod(0o710)
        os.chown(draft, 0, settings.SHIFTED_ROOT)
        os.chown(rootfs, settings.SHIFTED_ROOT, settings.SHIFTED_ROOT)
        _unpack(archive or template.path(spec.suite), rootfs)
        spec = spec if spec.mac else replace(spec, mac=_random_mac())
        _furnish(spec, rootfs)
        _describe(spec, draft)
        draft.rename(folder(spec.name))
    except BaseException:
        remove_tree(draft)
        raise


def reconfigure(spec: Spec) -> None:
    """Change what the container is asked to be; it takes most of it at its next start."""
    _describe(spec, folder(spec.name))
    _name(spec, folder(spec.name) / "rootfs")


def set_memory(spec: Spec) -> None:
    """Give a running container other limits of memory and swap at once."""
    limits = _memory_limits(spec.memory, spec.swap)
    try:
        _set_limits(spec.name, limits)
    except CommandError:  # version 1 wants the larger of the two first when they grow
        _set_limits(spec.name, limits[::-1])


def _set_limits(name: str, limits: list[tuple[str, str]]) -> None:
    for key, value in limits:
        run(_lxc("lxc-cgroup", name, key.split(".", 2)[2], value))


def set_network(spec: Spec) -> None:
    """Give a running container another MAC address, address and way out at once."""
    device = ["dev", spec.interface]
    attach(spec.name, ["ip", "address", "flush", *device])
    if spec.mac:
        attach(spec.name, ["ip", "link", "set", *device, "address", spec.mac])
    if spec.address:
        attach(spec.name, ["ip", "address", "add", spec.address, "broadcast", "+", *device])
        if spec.gateway:
            attach(spec.name, ["ip", "route", "replace", "default", "via", spec.gateway, *device])


def start(name: str) -> None:
    """Start the container and return as soon as its first process runs. Raises LabError with LXC's own reasons."""
    log = folder(name) / "lxc.log"
    log.unlink(missing_ok=True)
    console = folder(name) / "console.log"
    try:
        to = ["--logpriority", "ERROR", "--logfile", str(log), "--console-log", str(console)]
        run(_lxc("lxc-start", name, "--daemon", *to), limit=60)
    except LabError as failed:
        reasons = log.read_text().strip().splitlines()[-8:] if log.exists() else []
        raise LabError("\n".join([f"The container {name} does not start.", *reasons])) from failed


def stop(name: str, *, clean: bool = True, limit: int = _STOP_LIMIT) -> bool:
    """Stop the container: shut down within `limit` seconds, or at once. False if it would not shut down."""
    if not is_running(name):
        return True
    how = ["--nokill", "--timeout", str(limit)] if clean else ["--kill"]
    try:
        run(_lxc("lxc-stop", name, *how), limit=limit + 30)
    except CommandError:
        return not is_running(name)
    return wait_for(lambda: not is_running(name), limit=10)


def delete(name: str) -> None:
    """Kill the container and remove every trace of it."""
    if folder(name).exists():
        if not stop(name, clean=False):
            raise LabError(f"The container {name} could not be stopped.")
        # First out of sight, so that a kill half-way leaves no half container.
        doomed = settings.CONTAINERS / f".{lxc_name(name)}.{os.getpid()}.gone"
        folder(name).rename(doomed)
        remove_tree(doomed)


def sweep() -> None:
    """Remove what killed runs left: half containers, and network ends whose container is gone."""
    for path in settings.CONTAINERS.glob(f".{settings.PREFIX}-*"):
        found = re.search(r"\.(\d+)(\.gone)?$", path.name)
        if not found or not Path("/proc", found.group(1)).exists() or int(found.group(1)) == os.getpid():
            remove_tree(path)
    # One that starts just now has its cable already, and no first process yet.
    alive = {_veth(name) for name in names()}
    for end in Path("/sys/class/net").glob(f"{settings.PREFIX}-*"):
        if end.name not in alive:
            run(["ip", "link", "delete", end.name])


def attach(name: str, command: list[str], *, stdin: str | None = None, limit: float | None = None) -> str:
    """Run a program as root inside the running container; its output."""
    return run(_lxc("lxc-attach", name, "--clear-env", "--", *command), stdin=stdin, limit=limit)


def answers_ssh(spec: Spec) -> bool:
    """True once the container's SSH server takes our key."""
    reach = ["-o", "BatchMode=yes", "-o", "ConnectTimeout=2", "-o", f"UserKnownHostsFile={settings.KNOWN_HOSTS}"]
    try:
        run(["ssh", *reach, "-i", str(settings.SSH_KEY), f"root@{spec.ip}", "true"], limit=10)
    except LabError:
        return False
    return True


def host_keys(name: str) -> list[str]:
    """The public SSH host keys that the container made at its first boot; empty until then."""
    return [path.read_text().strip() for path in sorted((folder(name) / "rootfs/etc/ssh").glob("ssh_host_*_key.pub"))]


# ---------------------------------------------------------------- the making


def _lxc(program: str, name: str, *options: str) -> list[str]:
    return [program, "--lxcpath", str(settings.CONTAINERS), "--name", lxc_name(name), *options]


def _prepare_folder() -> None:
    """Let the shifted root, and nobody else, pass on the way to the containers."""
    settings.CONTAINERS.mkdir(parents=True, exist_ok=True)
    for path in (settings.STATE, settings.CONTAINERS):
        path.chmod(0o710)
        os.chown(path, 0, settings.SHIFTED_ROOT)


def _ensure_subordinate_ids() -> None:
    entry = f"root:{settings.SHIFTED_ROOT}:{settings.SHIFTED_COUNT}"
    for path in (Path("/etc/subuid"), Path("/etc/subgid")):
        text = path.read_text() if path.exists() else ""
        if entry not in text.splitlines():
            path.write_text(text + ("" if text.endswith("\n") or not text else "\n") + entry + "\n")


def _unpack(archive: Path, rootfs: Path) -> None:
    """Unpack as the shifted root, so that every owner is shifted; devices are LXC's business."""
    shift = ["lxc-usernsexec", "-m", f"b:0:{settings.SHIFTED_ROOT}:{settings.SHIFTED_COUNT}", "--"]
    tar = ["tar", "--zstd", "--extract", "--numeric-owner", "--preserve-permissions", "--xattrs", "--xattrs-include=*"]
    run([*shift, *tar, "--exclude=./dev/*", "--directory", str(rootfs)], stdin=archive)


def _describe(spec: Spec, where: Path) -> None:
    """LXC's configuration, and the spec it follows from."""
    if not spec.keyctl:
        write(where / "seccomp", Path(_INCLUDES, "common.seccomp").read_text() + "keyctl errno 38\n")
    for mount in spec.mounts:
        if not mount.source.startswith("/"):
            volume = where / "volumes" / mount.source
            volume.mkdir(parents=True, exist_ok=True)
            os.chown(volume, settings.SHIFTED_ROOT, settings.SHIFTED_ROOT)
    write(where / "config", configuration(spec))
    write(where / "spec.json", json.dumps(asdict(spec), indent=2) + "\n", mode=0o600)


def configuration(spec: Spec) -> str:
    """LXC's configuration of the container."""
    place = folder(spec.name)
    lines = [f"lxc.include = {_INCLUDES}/common.conf", f"lxc.include = {_INCLUDES}/userns.conf"]
    if spec.nesting:
        lines.append(f"lxc.include = {_INCLUDES}/nesting.conf")
    if _has_apparmor():  # as Proxmox does, and Debian by default
        lines += ["lxc.apparmor.profile = generated", f"lxc.apparmor.allow_nesting = {int(spec.nesting)}"]
    if not spec.keyctl:  # as Proxmox does: the call then seems not to exist
        lines.append(f"lxc.seccomp.profile = {place}/seccomp")
    lines += [
        f"lxc.idmap = u 0 {settings.SHIFTED_ROOT} {settings.SHIFTED_COUNT}",
        f"lxc.idmap = g 0 {settings.SHIFTED_ROOT} {settings.SHIFTED_COUNT}",
        f"lxc.rootfs.path = dir:{place}/rootfs",
        f"lxc.uts.name = {spec.hostname}",
    ]
    for mount in spec.mounts:
        options = "bind,create=dir" + (",ro" if mount.read_only else "")
        # A path joined with an absolute one is that one.
        lines.append(
            f"lxc.mount.entry = {place / 'volumes' / mount.source} {mount.path.lstrip('/')} none {options} 0 0"
        )
    if spec.address:
        lines += [
            "lxc.net.0.type = veth",
            f"lxc.net.0.link = {settings.BRIDGE}",
            f"lxc.net.0.veth.pair = {_veth(spec.name)}",
            f"lxc.net.0.name = {spec.interface}",
            f"lxc.net.0.hwaddr = {spec.mac}",
            f"lxc.net.0.ipv4.address = {spec.address} {ipaddress.ip_interface(spec.address).network.broadcast_address}",
            "lxc.net.0.flags = up",
        ]
        if spec.gateway:
            lines.append(f"lxc.net.0.ipv4.gateway = {spec.gateway}")
    else:
        lines.append("lxc.net.0.type = empty")
    lines += [f"{key} = {value}" for key, value in _memory_limits(spec.memory, spec.swap) + _core_limit(spec.cores)]
    return "\n".join(lines) + "\n"


def _has_apparmor() -> bool:
    switch = Path("/sys/module/apparmor/parameters/enabled")
    return switch.exists() and switch.read_text().strip() == "Y" and which("apparmor_parser")


def _memory_limits(memory: int, swap: int) -> list[tuple[str, str]]:
    """The limits (MB) as this host's control groups spell them; none where it has no memory controller."""
    if not memory:
        return []
    if _V2.exists():
        if "memory" not in _V2.read_text().split():
            return []
        has_swap = any(_V2.parent.glob("*/memory.swap.max"))
        limits = [("lxc.cgroup2.memory.max", f"{memory}M")]
        return limits + ([("lxc.cgroup2.memory.swap.max", f"{swap}M")] if has_swap else [])
    if not Path("/sys/fs/cgroup/memory").exists():
        return []
    has_swap = Path("/sys/fs/cgroup/memory/memory.memsw.limit_in_bytes").exists()
    limits = [("lxc.cgroup.memory.limit_in_bytes", f"{memory}M")]
    return limits + ([("lxc.cgroup.memory.memsw.limit_in_bytes", f"{memory + swap}M")] if has_swap else [])


def _core_limit(cores: int) -> list[tuple[str, str]]:
    """Which of the host's cores the container sees; no line where it may have them all."""
    if not cores or cores >= (os.cpu_count() or 1):
        return []
    kind = "cgroup2" if _V2.exists() else "cgroup"
    return [(f"lxc.{kind}.cpuset.cpus", f"0-{cores - 1}")]


_V2 = Path("/sys/fs/cgroup/cgroup.controllers")  # there only where control groups are version 2 throughout


def _furnish(spec: Spec, rootfs: Path) -> None:
    """Put into the new root file system what differs from container to container."""

    def put(name: str, text: str, mode: int = 0o644) -> None:
        write(rootfs / name, text, mode=mode, owner=settings.SHIFTED_ROOT)

    _name(spec, rootfs)
    put("etc/machine-id", secrets.token_hex(16) + "\n", 0o444)
    put("etc/apt/sources.list", host.sources_list(host.mirrors(), spec.suite))
    access = host.apt_access()
    if access:
        put("etc/apt/apt.conf.d/90host", access)
    if spec.ssh_keys:
        put("root/.ssh/authorized_keys", "".join(key.strip() + "\n" for key in spec.ssh_keys), 0o600)
        (rootfs / "root/.ssh").chmod(0o700)
        os.chown(rootfs / "root/.ssh", settings.SHIFTED_ROOT, settings.SHIFTED_ROOT)
    if spec.password_hash:
        shadow = (rootfs / "etc/shadow").read_text()
        entry = f"root:{spec.password_hash}:"
        write(rootfs / "etc/shadow", re.sub(r"^root:[^:]*:", lambda _: entry, shadow, flags=re.M), mode=0o640)
        os.chown(rootfs / "etc/shadow", settings.SHIFTED_ROOT, settings.SHIFTED_ROOT + 42)  # group shadow
    authorities = host.certificates()
    for certificate in authorities:
        put(f"usr/local/share/ca-certificates/{certificate.name}", certificate.read_text())
    if authorities:
        shift = ["lxc-usernsexec", "-m", f"b:0:{settings.SHIFTED_ROOT}:{settings.SHIFTED_COUNT}", "--"]
        run([*shift, "chroot", str(rootfs), "update-ca-certificates"])


def _name(spec: Spec, rootfs: Path) -> None:
    """Host name, hosts file and name servers, as Proxmox writes them."""
    short = spec.hostname.partition(".")[0]
    own = f"{spec.ip or '127.0.1.1'} {spec.hostname}" + (f" {short}" if short != spec.hostname else "")
    servers = "".join(f"nameserver {server}\n" for server in spec.nameservers or host.resolvers())
    files = {
        "etc/hostname": f"{short}\n",
        "etc/hosts": f"127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n{own}\n",
        "etc/resolv.conf": (f"search {spec.search}\n" if spec.search else "") + servers,
    }
    for name, text in files.items():
        write(rootfs / name, text, owner=settings.SHIFTED_ROOT)


def _veth(name: str) -> str:
    """The host's end of the container's cable; 15 characters are all that Linux allows."""
    return f"{settings.PREFIX}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"


def _random_mac() -> str:
    """A MAC address with the prefix that Proxmox gives its guests."""
    return "BC:24:11:" + ":".join(f"{byte:02X}" for byte in secrets.token_bytes(3))
