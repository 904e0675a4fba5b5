# SPDX-License-Identifier: GPL-3.0-or-later
"""What this machine must have before the lab changes anything; every missing thing is named at once."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

from lab import settings
from lab.shell import LabError, succeeds

_MEMORY_MB = 6000
_DISK_GB = 12
_DISK_GB_CACHED = 6  # once template, images and packages are there


def check() -> None:
    """Raises LabError that lists all that is missing."""
    missing = [*_privilege(), *_room(), *_kernel()]
    if missing:
        raise LabError("The lab cannot run here:\n" + "\n".join(f"  - {problem}" for problem in missing))


def _privilege() -> list[str]:
    if os.geteuid() != 0:
        return ["it needs root (it makes containers, a bridge and firewall rules): run it with sudo or in a root shell"]
    return []


def available_memory(meminfo: str) -> int:
    """MB that programs could still get, by /proc/meminfo."""
    found = re.search(r"^MemAvailable:\s+(\d+) kB$", meminfo, re.M)
    return int(found.group(1)) // 1024 if found else 0


def _room() -> list[str]:
    problems = []
    # A lab that runs already has its share; asking again would refuse the second `up`.
    memory = available_memory(Path("/proc/meminfo").read_text())
    if memory < _MEMORY_MB and not settings.CONTAINERS.exists():
        problems.append(f"{memory} MB of memory are free and it needs {_MEMORY_MB}: stop something, or add memory")
    needed = _DISK_GB_CACHED if settings.CACHE.exists() else _DISK_GB
    for path in (Path("/var/lib"), Path("/var/cache")):
        free = shutil.disk_usage(path).free // 2**30
        if free < needed:
            problems.append(f"{path} has {free} GB free and it needs {needed}: make room, or grow the disk")
    return problems


def _kernel() -> list[str]:
    problems = []
    if os.uname().machine != "x86_64":
        problems.append(f"it is made for amd64, and this machine is {os.uname().machine}")
    if not Path("/proc/self/ns/user").exists() or _number("/proc/sys/user/max_user_namespaces") == 0:
        problems.append("user namespaces are off: set the sysctl user.max_user_namespaces to 10000 or more")
    if not Path("/sys/fs/cgroup").is_dir() or not any(Path("/sys/fs/cgroup").iterdir()):
        problems.append("no control groups are mounted at /sys/fs/cgroup")
    for module, use in (("overlay", "image layers"), ("bridge", "the network"), ("veth", "the network")):
        if not _has_module(module):
            problems.append(f"the kernel has no `{module}` ({use}): install the distribution's standard kernel")
    return problems


def _number(path: str) -> int | None:
    file = Path(path)
    return int(file.read_text()) if file.exists() else None


def _has_module(name: str) -> bool:
    """True if the kernel has the feature, built in or as a module that loads."""
    if Path("/sys/module", name).exists() or re.search(rf"^nodev\t{name}$", _filesystems(), re.M):
        return True
    release = os.uname().release
    for listing in ("modules.builtin", "modules.dep"):
        file = Path("/lib/modules", release, listing)
        if file.exists() and f"/{name}.ko" in file.read_text():
            return True
    return _proves(name)


def _filesystems() -> str:
    return Path("/proc/filesystems").read_text()


def _proves(name: str) -> bool:
    """Try it: some kernels have network devices built in without naming them anywhere."""
    if name not in ("bridge", "veth"):
        return False
    probe = f"{settings.PREFIX}-probe"
    made = succeeds(["ip", "link", "add", probe, "type", name])
    if made:
        succeeds(["ip", "link", "delete", probe])
    return made
