# Copyright: (c) 2026, The omakase.homelab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Container templates: an exact file, or the newest of a family such as `debian-13-standard`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

_ENDING = re.compile(r"\.tar\.(?:zst|gz|xz)$")


@dataclass(frozen=True)
class Template:
    """A template file; `present` tells whether the storage has it already."""

    name: str
    storage: str
    present: bool

    @property
    def volume(self) -> str:
        """The name under which a container is made from it."""
        return f"{self.storage}:vztmpl/{self.name}"


def file_name(template: str) -> str:
    """`debian-13-standard_13.1-2_amd64.tar.zst` of that or of `local:vztmpl/…`."""
    return template.rpartition("/")[2]


def choose(template: str, storage: str, present: Sequence[str], offered: Sequence[str]) -> Template | None:
    """The template meant, newest first; at the same version one that is already there. None if there is none."""
    wanted = file_name(template)
    names = {*present, *offered}
    if not _ENDING.search(wanted):
        family = [name for name in names if _in_family(name, wanted)]
        if not family:
            return None
        wanted = max(family, key=lambda name: (_version(name), name in present))
    if wanted not in names:
        return None
    return Template(wanted, storage, wanted in present)


def nearest(template: str, names: Iterable[str]) -> list[str]:
    """Those of the same distribution, else all: what to choose from instead."""
    distribution = file_name(template).split("-")[0]
    alike = sorted(name for name in names if name.startswith(distribution))
    return alike or sorted(names)


def _in_family(name: str, family: str) -> bool:
    # The machines Proxmox runs on are amd64; it also offers a few arm64 templates.
    return name.startswith(family + "_") and "arm64" not in name


def _version(name: str) -> list[int]:
    """`[13, 1, 2]` of `debian-13-standard_13.1-2_amd64.tar.zst`."""
    parts = name.split("_")
    return [int(number) for number in re.findall(r"\d+", parts[1])] if len(parts) > 1 else []
