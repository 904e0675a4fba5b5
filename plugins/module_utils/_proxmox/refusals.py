# Copyright: (c) 2026, The omakase.homelab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What to do about a refusal: Proxmox says what it does not like, and not always what would help."""

from __future__ import annotations

import re

_ADVICE = (
    (
        r"Permission check failed \((/vms/\d+), ([\w.|]+)\)",
        r"Grant \2 on \1 or on the pool that the container is in, to the user and to a token of its own privileges.",
    ),
    (
        r"Permission check failed \((/[^,)]*), ([\w.|]+)(?: for modifying tag .*)?\)",
        r"Grant \2 on \1, to the user and to a token of its own privileges.",
    ),
    (
        r"Permission check failed$",
        "Making a container takes VM.Allocate on the pool that it is to be in, or on /vms.",
    ),
    (
        r"only allowed for root@pam|Only root can pass arbitrary filesystem paths",
        "Log in as root@pam with its password (a token of it does not do), or leave this setting out.",
    ),
    (
        r"no quorum|not quorate",
        "Too few nodes of the cluster are online for a change. `pvecm status` on a node tells which are missing.",
    ),
    (
        r"No route to host|Connection timed out|Connection refused|hostname lookup .* failed",
        "The node that this concerns does not answer: is it switched on, and does the cluster see it?",
    ),
    (
        r"CT is locked|can't lock file .* got timeout",
        "Something else works on this container. Run again when its task has ended.",
    ),
    (
        r"[Nn]o space left|[Oo]ut of space|insufficient free space|not enough (free )?space|free space in volume group",
        "The storage is full: make room on it, or name another one.",
    ),
    (
        r"detected modified configuration",
        "Somebody changed the container at the same moment. Run again.",
    ),
    (
        r"already exists on node|already running",
        "It was not so when this run looked: somebody else did it meanwhile, such as another run. Run again.",
    ),
    (
        r"container did not stop",
        "Its programs do not end in time. Look inside, raise the limit (shutdown_timeout), or stop it in Proxmox.",
    ),
    (
        r"[Cc]hecksum mismatch|checksum .* (does not match|mismatch)",
        "What the address serves is not what the checksum stands for. It was not kept.",
    ),
)


def advice(reason: str) -> str:
    """A sentence on what to do about Proxmox's reason, empty where there is nothing to add."""
    for pattern, sentence in _ADVICE:
        match = re.search(pattern, reason.strip())
        if match:
            return match.expand(sentence)
    return ""


def explained(told: str, reason: str) -> str:
    """The message `told`, which ends with Proxmox's reason, and what to do about it."""
    sentence = advice(reason)
    return f"{ended(told)} {sentence}" if sentence else told


def ended(told: str) -> str:
    """The message as a sentence that another one can follow."""
    return told if told.endswith((".", "?", "!")) else f"{told}."
