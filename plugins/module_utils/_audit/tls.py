# Copyright: (c) 2026, The omakase.homelab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The way to the server: is it encrypted, by whom, and until when?"""

from __future__ import annotations

from urllib.parse import urlsplit

from ansible_collections.omakase.homelab.plugins.module_utils._doctor import server
from ansible_collections.omakase.homelab.plugins.module_utils._doctor.findings import PROBLEM, Finding, ok, warning
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.transport import Connection, Transport

_HERE = ("localhost", "127.0.0.1", "::1")


def way(url: str, connection: Connection, transport: Transport) -> list[Finding]:
    """url: scheme, host and port of the server."""
    where = urlsplit(url)
    if where.scheme != "https":
        if where.hostname in _HERE:
            return [ok("TLS", f"{url} does not leave this host")]
        advice = "Put TLS before it (playbooks/proxy.yml), and let clients use its https address."
        return [warning("TLS", f"{url} is not encrypted: who listens on the way reads tokens and secrets", advice)]
    found = server.reachability(url, connection, transport)
    return [
        finding
        for finding in found
        if finding.check == "TLS" or (finding.state == PROBLEM and finding.check in ("DNS", "TCP"))
    ]
