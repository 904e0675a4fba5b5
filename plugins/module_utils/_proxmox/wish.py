# Copyright: (c) 2026, The omakase.homelab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong with the wish by itself: seen before Proxmox is asked anything."""

from __future__ import annotations

import ipaddress
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

from ansible_collections.omakase.homelab.plugins.module_utils._proxmox import mounts, templates
from ansible_collections.omakase.homelab.plugins.module_utils._proxmox.container import Wanted, interface

_HOSTNAME = re.compile(
    r"(?=.{1,253}$)[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*"
)
_ADDRESS_WORDS = {"ip": ("dhcp", "manual"), "ip6": ("auto", "dhcp", "manual")}
_NUMBERS = {"tag": (1, 4094, "a VLAN"), "mtu": (64, 65535, "an MTU")}
_STARTUP = ("order", "up", "down")
_SHORTEST_PASSWORD = 5


def wanted_twice(containers: Sequence[Wanted]) -> list[str]:
    """The same number, name or address given to several containers, unless one is deleted for the other."""
    gone, kept = ([wanted for wanted in containers if wanted.gone is which] for which in (True, False))
    problems = []
    for group in (kept, gone):
        problems += _twice("the vmid", (str(wanted.vmid) for wanted in group))
        problems += _twice("the hostname", (wanted.hostname for wanted in group))
    both = {str(wanted) for wanted in gone} & {str(wanted) for wanted in kept}
    problems += [f"{wanted} is to be deleted and to be there; leave one of the two out." for wanted in sorted(both)]
    sound = [wanted for wanted in kept if not any(malformed(wanted))]
    return problems + _twice("the address", (str(address.ip) for wanted in sound for address in wanted.addresses))


def _twice(what: str, values: Iterable[str]) -> list[str]:
    return [f"{what} {value} is given to {count} containers." for value, count in Counter(values).items() if count > 1]


def malformed(wanted: Wanted) -> Iterator[str]:
    """What can be seen of one container."""
    for problem in _malformed(wanted):
        yield f"{wanted}: {problem}."


def _malformed(wanted: Wanted) -> Iterator[str]:
    if not 100 <= wanted.vmid <= 999999999:
        yield "a vmid is a number from 100 to 999999999"
    if not _HOSTNAME.fullmatch(wanted.hostname):
        yield f"'{wanted.hostname}' is not a hostname; letters, digits, dots and hyphens make one"
    if wanted.gone:
        return
    if wanted.net is not None:
        yield from _malformed_net(wanted.net)
    yield from mounts.malformed(wanted.mounts)
    yield from templates.malformed(wanted.template or "", wanted.template_checksum)
    for name, value in (wanted.startup or {}).items():
        if name not in _STARTUP or not value.isdigit():
            yield f"startup: '{name}={value}' is none of order, up and down with a number"
    if wanted.password and len(wanted.password) < _SHORTEST_PASSWORD:
        yield f"its password has {len(wanted.password)} characters; Proxmox wants {_SHORTEST_PASSWORD} or more"


def _malformed_net(net: Mapping[str, str]) -> Iterator[str]:
    if not net.get("bridge"):
        yield "it has no bridge, such as vmbr0"
    for key, words in _ADDRESS_WORDS.items():
        value = net.get(key)
        if value is not None and value not in words:
            yield from _malformed_address(key, value)
    for key in ("gw", "gw6"):
        value = net.get(key)
        try:
            version = ipaddress.ip_address(value or "::").version
        except ValueError as wrong:
            yield f"{key} of net0: {wrong}"
        else:
            if value and version != (6 if key == "gw6" else 4):
                yield f"{key} of net0: '{value}' is an address of IPv{version}"
    for key, (least, most, what) in _NUMBERS.items():
        value = net.get(key, str(least))
        if not (value.isdigit() and least <= int(value) <= most):
            yield f"{key} of net0: '{value}' is not {what}, a number from {least} to {most}"


def _malformed_address(key: str, value: str) -> Iterator[str]:
    try:
        version = interface(value).version
    except ValueError as wrong:
        yield f"{key} of net0: {wrong}"
        return
    if version != (6 if key == "ip6" else 4):
        yield f"{key} of net0: '{value}' is an address of IPv{version}"
