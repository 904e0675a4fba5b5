# Copyright: (c) 2026, The omakase.homelab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Mount points besides the root disk: volumes of a storage, and directories of the node (bind mounts)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.omakase.homelab.plugins.module_utils._proxmox import config

_KEY = re.compile(r"mp\d+")
_PATH = re.compile(r"/[^,\s]+")
_MOST = 256


@dataclass(frozen=True)
class Mount:
    """One that is wanted, known by its `path` in the container; `size` in GiB. A flag that is None stays as it is."""

    path: str
    storage: str | None = None
    size: float | None = None
    source: str | None = None
    flags: Mapping[str, bool] = field(default_factory=dict)
    present: bool = True

    @property
    def is_bind(self) -> bool:
        """Whether it shows a directory of the node."""
        return self.source is not None

    @property
    def value(self) -> str:
        """As Proxmox takes a new one: `local-lvm:8,mp=/srv` makes a volume of 8 GiB."""
        volume = self.source if self.is_bind else f"{self.storage}:{self.size:g}"
        return f"{volume},{config.written({'mp': self.path, **self.set_flags})}"

    @property
    def set_flags(self) -> dict[str, str]:
        """The flags that were given, under Proxmox's names."""
        return {name: str(int(value)) for name, value in self.flags.items()}


@dataclass(frozen=True)
class Existing:
    """One that the container has, as `mp0` or the like."""

    key: str
    volume: str
    options: Mapping[str, str]

    @property
    def is_bind(self) -> bool:
        """Whether it shows a directory (or a device) of the node."""
        return self.volume.startswith("/")

    @property
    def size(self) -> float | None:
        """In GiB, None where Proxmox does not say it."""
        return config.gib(self.options.get("size", ""))


@dataclass(frozen=True)
class Changes:
    """Settings to send (an empty one is taken away), volumes to grow (in GiB), and the path behind each key."""

    settings: Mapping[str, str] = field(default_factory=dict)
    grown: Mapping[str, float] = field(default_factory=dict)
    paths: Mapping[str, str] = field(default_factory=dict)


def mount_from(options: Mapping[str, Any]) -> Mount:
    """The module's options of one mount point."""
    flags = {"ro": options["read_only"], "backup": options["backup"]}
    return Mount(
        path=options["path"].rstrip("/") or "/",
        storage=options["storage"],
        size=options["size"],
        source=options["source"],
        flags={name: value for name, value in flags.items() if value is not None},
        present=options["state"] == "present",
    )


def existing(settings: Mapping[str, Any]) -> dict[str, Existing]:
    """The mount points in a container's configuration, by their path."""
    found = {}
    for key, value in settings.items():
        if _KEY.fullmatch(key):
            volume, options = config.mount_point(str(value))
            found[options.get("mp", "").rstrip("/")] = Existing(key, volume, options)
    return found


def changes(wanted: Sequence[Mount], settings: Mapping[str, Any]) -> Changes:
    """From what the configuration has to what is wanted; one that is not spoken of stays."""
    found = existing(settings)
    free = (key for key in (f"mp{number}" for number in range(_MOST)) if key not in settings)
    sent: dict[str, str] = {}
    grown: dict[str, float] = {}
    paths: dict[str, str] = {}
    for mount in wanted:
        has = found.get(mount.path)
        if has is None:
            if mount.present:
                key = next(free)
                sent[key], paths[key] = mount.value, mount.path
            continue
        paths[has.key] = mount.path
        if not mount.present:
            sent[has.key] = ""
            continue
        if mount.size and has.size is not None and mount.size > has.size:
            grown[has.key] = mount.size
        value = _corrected(mount, has, grown.get(has.key))
        if value:
            sent[has.key] = value
    return Changes(sent, grown, paths)


def _corrected(mount: Mount, has: Existing, grown: float | None) -> str:
    """The value with what differs, nothing where nothing does; options that nobody asked about stay.

    It holds the size after growing: Proxmox may only write it down at the next start.
    """
    flags = {name: value for name, value in mount.set_flags.items() if has.options.get(name, "0") != value}
    moved = mount.is_bind and mount.source != has.volume
    if not flags and not moved:
        return ""
    size = {"size": f"{grown:g}G"} if grown else {}
    return f"{mount.source if moved else has.volume},{config.written({**has.options, **size, **flags})}"


def malformed(mounts: Sequence[Mount]) -> Iterator[str]:
    """What can be seen without asking Proxmox."""
    seen = set()
    for mount in mounts:
        if not _PATH.fullmatch(mount.path) or ".." in mount.path.split("/"):
            yield f"the mount point '{mount.path}' is not an absolute path below /"
        if mount.path in seen:
            yield f"the mount point {mount.path} is given twice"
        seen.add(mount.path)
        if not mount.present:
            continue
        if mount.is_bind == (mount.storage is not None or mount.size is not None):
            yield f"the mount point {mount.path} needs either storage and size (a volume), or source (a bind mount)"
        elif mount.is_bind and not _PATH.fullmatch(mount.source or ""):
            yield f"the source of the mount point {mount.path}, '{mount.source}', is not an absolute path below /"
        elif not mount.is_bind and not (mount.storage and mount.size and mount.size > 0):
            yield f"the volume of the mount point {mount.path} needs both a storage and a size in GiB"


def impossible(wanted: Sequence[Mount], settings: Mapping[str, Any]) -> Iterator[str]:
    """What Proxmox cannot do, or not without loss, to the mount points that there are."""
    found = existing(settings)
    for mount in wanted:
        has = found.get(mount.path)
        if has is None or not mount.present:
            continue
        if mount.is_bind != has.is_bind:
            kind = "a bind mount" if has.is_bind else "a volume"
            yield (
                f"its mount point {mount.path} is {kind} ({has.volume}). Take it away first (state: absent; a volume "
                "then stays as an unused disk)"
            )
        elif not has.is_bind and config.volume_storage(has.volume) != mount.storage:
            storage = config.volume_storage(has.volume)
            yield (
                f"the volume at {mount.path} is on the storage {storage}, not on {mount.storage}. Move it in "
                "Proxmox, or name its storage"
            )
        elif has.size is not None and mount.size and mount.size < has.size:
            yield f"its volume at {mount.path} has {has.size:g} GiB and cannot shrink to {mount.size:g}"
