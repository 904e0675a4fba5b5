# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab's own bridge, and the way from it to the outside."""

from __future__ import annotations

import re
from pathlib import Path

from lab import settings
from lab.host import parse_resolvers, resolvers
from lab.shell import LabError, run, succeeds, which, write

_FORWARDING = Path("/proc/sys/net/ipv4/ip_forward")
_BEFORE = settings.STATE / "network" / "ip_forward"  # what the host had, for `down`
_TABLE = settings.PREFIX


def rules(stub: str | None) -> str:
    """The nftables table. `stub`: the address of a name server on the host's loopback that containers should reach
    through the bridge, where there is no other.
    """
    dns = f"""
  chain names {{
    type nat hook prerouting priority dstnat;
    ip daddr {settings.GATEWAY} meta l4proto {{ tcp, udp }} th dport 53 dnat to {stub}
  }}"""
    return f"""
table ip {_TABLE} {{
  chain outward {{
    type nat hook postrouting priority srcnat;
    ip saddr {settings.SUBNET} ip daddr != {settings.SUBNET} masquerade
  }}{dns if stub else ""}
}}
"""


def up() -> None:
    """Bridge, forwarding, address translation; whatever is there already stays as it is."""
    if not is_bridge_up():
        _remove_bridge()
        run(["ip", "link", "add", settings.BRIDGE, "type", "bridge"])
        run(["ip", "address", "add", f"{settings.GATEWAY}/{settings.PREFIX_LENGTH}", "dev", settings.BRIDGE])
        run(["ip", "link", "set", settings.BRIDGE, "up"])
    before = _FORWARDING.read_text().strip()
    if before == "0":
        write(_BEFORE, before)
        _FORWARDING.write_text("1")
    stub = _stub()
    if stub:
        Path(f"/proc/sys/net/ipv4/conf/{settings.BRIDGE}/route_localnet").write_text("1")
    # Replaced as a whole in one transaction: no moment without rules, no second copy.
    run(["nft", "-f", "-"], stdin=f"table ip {_TABLE} {{}}\ndelete table ip {_TABLE}\n{rules(stub)}")
    _pass_foreign_firewall()


def down() -> None:
    """Remove what `up` made and restore what it changed."""
    if which("nft") and succeeds(["nft", "list", "table", "ip", _TABLE]):
        run(["nft", "delete", "table", "ip", _TABLE])
    _drop_foreign_rules()
    _remove_bridge()
    if _BEFORE.exists():
        _FORWARDING.write_text(_BEFORE.read_text())
        _BEFORE.unlink()


def is_bridge_up() -> bool:
    """True if the bridge stands with its address."""
    try:
        shown = run(["ip", "-4", "-o", "address", "show", "dev", settings.BRIDGE, "up"])
    except LabError:
        return False
    return f" {settings.GATEWAY}/{settings.PREFIX_LENGTH} " in shown


def is_up() -> bool:
    """True if bridge and rules stand."""
    return is_bridge_up() and succeeds(["nft", "list", "table", "ip", _TABLE])


def _remove_bridge() -> None:
    if Path("/sys/class/net", settings.BRIDGE).exists():
        run(["ip", "link", "delete", settings.BRIDGE])


def _stub() -> str | None:
    """The loopback name server to lead containers to; None when they reach a real one."""
    if resolvers() != [settings.GATEWAY]:
        return None
    servers = parse_resolvers(Path("/etc/resolv.conf").read_text()) if Path("/etc/resolv.conf").exists() else []
    return next((server for server in servers if "." in server), None)


# Docker sets the policy of iptables' FORWARD chain to DROP, and a drop in any chain is final, whatever our own
# table says. DOCKER-USER is the chain it keeps for others.


def _pass_foreign_firewall() -> None:
    if not which("iptables"):
        return
    chain = foreign_chain(run(["iptables", "-S"]))
    if chain is None:
        return
    for rule in _foreign_rules():
        if not succeeds(["iptables", "-C", chain, *rule]):
            run(["iptables", "-I", chain, *rule])


def foreign_chain(listing: str) -> str | None:
    """The chain of an `iptables -S` listing in which our traffic must be let through, if any."""
    if re.search(r"^-N DOCKER-USER$", listing, re.M):
        return "DOCKER-USER"
    return "FORWARD" if re.search(r"^-P FORWARD DROP$", listing, re.M) else None


def _drop_foreign_rules() -> None:
    if not which("iptables"):
        return
    for line in run(["iptables", "-S"]).splitlines():
        if line.startswith("-A ") and f"--comment {settings.PREFIX}" in line:
            run(["iptables", "-D", *line.split()[1:]])


def _foreign_rules() -> list[list[str]]:
    mark = ["-m", "comment", "--comment", settings.PREFIX, "-j", "ACCEPT"]
    return [["-i", settings.BRIDGE, *mark], ["-o", settings.BRIDGE, *mark]]
