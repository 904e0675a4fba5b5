# Copyright: (c) 2026, The omakase.homelab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Values of a container's environment that must not be shown, since its log may repeat them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

# "5432" and "true" are longer than some passwords that people give.
SHORTEST = 4
# Rather too many than too few: what is hidden in vain costs a look at `docker logs`.
_CREDENTIAL = re.compile(
    "KEY|SECRET|PASS|PWD|TOKEN|CREDENTIAL|AUTH|SALT|PEPPER|PSK|PRIVATE|COOKIE|WEBHOOK|UR[IL]|DSN|CONNECTION",
    re.I,
)
# A password inside of an address ends at the last @; where several addresses stand beside each other, at the next.
_INSIDE = tuple(
    re.compile(pattern, re.I)
    for pattern in (
        r"://[^\s:/@]*:(\S+)@",
        r"://[^\s:/@]*:([^\s@]+)@",
        r"(?:password|passwd|pass|pwd|secret|token|key)=([^\s;&,]+)",
    )
)


def secrets(variables: Iterable[str]) -> Iterator[str]:
    """What is a credential, and what is inside of one. variables: NAME=value, as Docker tells them."""
    for variable in variables:
        name, _sign, value = variable.partition("=")
        if _CREDENTIAL.search(name):
            yield value
            yield value.strip("'\"")
        for pattern in _INSIDE:
            yield from (found.strip("'\"") for found in pattern.findall(value))
