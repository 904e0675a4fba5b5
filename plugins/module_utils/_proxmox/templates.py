# Copyright: (c) 2026, The omakase.homelab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Container templates: an exact file, the newest of a family such as `debian-13-standard`, or an address."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

_ENDING = re.compile(r"\.tar\.(?:zst|gz|xz|bz2)$")
_CHECKSUM = re.compile(r"(md5|sha1|sha224|sha256|sha384|sha512):([0-9A-Fa-f]+)")
_DIGITS = {"md5": 32, "sha1": 40, "sha224": 56, "sha256": 64, "sha384": 96, "sha512": 128}


@dataclass(frozen=True)
class Template:
    """A template file; `present` tells whether the storage has it already, `url` where it comes from if not from
    Proxmox's own list.
    """

    name: str
    storage: str
    present: bool
    url: str = ""

    @property
    def volume(self) -> str:
        """The name under which a container is made from it."""
        return f"{self.storage}:vztmpl/{self.name}"


def is_address(template: str) -> bool:
    """Whether it is to be fetched from an address of its own."""
    return template.startswith(("https://", "http://"))


def file_name(template: str) -> str:
    """`debian-13-standard_13.1-2_amd64.tar.zst` of that, of `local:vztmpl/…`, or of `https://…/…`."""
    path = unquote(urlsplit(template).path) if is_address(template) else template
    return path.rpartition("/")[2]


def checksum_of(text: str) -> tuple[str, str]:
    """`('sha256', '6f…')` of `sha256:6f…`; raises ValueError with what is wrong."""
    match = _CHECKSUM.fullmatch(text)
    if not match:
        raise ValueError(f"'{text}' is not a checksum such as sha256:<64 hexadecimal digits>")
    algorithm, digits = match.groups()
    if len(digits) != _DIGITS[algorithm]:
        raise ValueError(
            f"a checksum by {algorithm} has {_DIGITS[algorithm]} hexadecimal digits, and not {len(digits)}"
        )
    return algorithm, digits.lower()


def malformed(template: str, checksum: str | None) -> list[str]:
    """What is wrong with a template that is given as an address."""
    if not is_address(template):
        return []
    problems = []
    if not _ENDING.search(file_name(template)):
        problems.append("the address of its template does not end in .tar.zst, .tar.gz, .tar.xz or .tar.bz2")
    if not checksum:
        problems.append("a template from an address needs its checksum (template_checksum: sha256:…)")
    else:
        try:
            checksum_of(checksum)
        except ValueError as wrong:
            problems.append(f"template_checksum: {wrong}")
    return problems


def choose(template: str, storage: str, present: Sequence[str], offered: Sequence[str]) -> Template | None:
    """The template meant, newest first; at the same version one that is already there. None if there is none."""
    wanted = file_name(template)
    if is_address(template):
        return Template(wanted, storage, wanted in present, template)
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
