# Copyright: (c) 2026, The omakase.homelab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What lies open on a host: files that others may read, and ports that others may reach."""

from __future__ import annotations

import glob
import socket
from collections.abc import Collection, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from ansible_collections.omakase.homelab.plugins.module_utils._audit import values
from ansible_collections.omakase.homelab.plugins.module_utils._doctor import host
from ansible_collections.omakase.homelab.plugins.module_utils._doctor.findings import OK, Finding, ok, problem, warning
from ansible_collections.omakase.homelab.plugins.module_utils._files import dotenv

_LISTENS = "0A"
_LOOPBACK = ("127.", "::1", "::ffff:127.")
# What nobody but the services beside it should reach
_INNER = {
    2375: "the Docker engine, without a password",
    2376: "the Docker engine",
    3306: "MariaDB or MySQL",
    5432: "PostgreSQL",
    6379: "Redis",
    11211: "memcached",
    27017: "MongoDB",
}


def private_files(patterns: Iterable[str]) -> list[Finding]:
    """Those that others may read, each; the rest in one line. patterns: paths, or globs, which may match nothing."""
    paths = [path for pattern in patterns for path in (sorted(glob.glob(pattern)) if _is_glob(pattern) else [pattern])]
    found = [host.private_file(path) for path in dict.fromkeys(paths)]
    open_ones = [finding for finding in found if finding.state != OK]
    closed = len(found) - len(open_ones)
    return open_ones + ([ok("private files", f"{closed} are closed to all but their owner")] if closed else [])


def env_file(path: str) -> list[Finding]:
    """The values of a .env, judged as those of a project are. One that is not there is told by private_files."""
    check = f"values of {path}"
    try:
        variables = dotenv.from_dotenv(Path(path).read_text())
    except FileNotFoundError:
        return []
    except (OSError, ValueError) as error:
        said = str(error) if isinstance(error, dotenv.DotenvError) else "it cannot be read as text"
        return [warning(check, f"not judged: {said}", "Is that a .env, and does the audit run as root (become)?")]
    filled = {name: value for name, value in variables.items() if value and values.is_credential(name)}
    bad = [f"{name}: an example" for name, value in filled.items() if values.is_example(name, value)]
    bad += [f"{name}: weak" for name, value in filled.items() if values.is_weak(value)]
    if not bad:
        return [ok(check, f"{len(filled)} secrets, none of a manual, none weak")]
    advice = (
        "Change them; an ENCRYPTION_KEY alone must stay, since it opens what is stored: move to a new installation."
    )
    return [problem(check, "\n".join(sorted(bad)), advice)]


def _is_glob(pattern: str) -> bool:
    return any(character in pattern for character in "*?[")


def listening(tables: Sequence[str] = ("/proc/net/tcp", "/proc/net/tcp6")) -> list[int]:
    """TCP ports of this host that listen elsewhere than on loopback."""
    ports = set()
    for table in tables:
        try:
            lines = Path(table).read_text().splitlines()[1:]
        except OSError:
            continue
        for fields in map(str.split, lines):
            address, _colon, port = fields[1].rpartition(":")
            if fields[3] == _LISTENS and not _address(address).startswith(_LOOPBACK):
                ports.add(int(port, 16))
    return sorted(ports)


def _address(written: str) -> str:
    """An address of the kernel's tables: words of four bytes in the machine's order."""
    words = [bytes.fromhex(written[start : start + 8])[::-1] for start in range(0, len(written), 8)]
    return socket.inet_ntop(socket.AF_INET if len(words) == 1 else socket.AF_INET6, b"".join(words))


def answering(address: str, ports: Iterable[int], timeout: float) -> list[int]:
    """Those of the ports that take a connection from here. timeout: seconds, for all at once."""

    def answers(port: int) -> bool:
        try:
            socket.create_connection((address, port), timeout).close()
        except OSError:
            return False
        return True

    wanted = list(ports)
    with ThreadPoolExecutor(16) as pool:
        return [port for port, there in zip(wanted, pool.map(answers, wanted)) if there]


def open_ports(
    address: str, ports: Collection[int], expected: Collection[int], found: Collection[int]
) -> list[Finding]:
    """ports: that listen. expected: that may answer from outside. found: that do."""
    advice = "Publish it on 127.0.0.1 alone, or not at all: a firewall on the host does not stop what Docker publishes."
    findings = []
    for port in sorted(set(found) - set(expected)):
        check = f"port {port}"
        if port in _INNER:
            findings.append(problem(check, f"{_INNER[port]} answers from outside, at {address}", advice))
        else:
            findings.append(
                warning(check, f"answers from outside, at {address}", f"{advice} If it should: audit_expected_ports.")
            )
    if findings:
        return findings
    told = ", ".join(map(str, sorted(found))) or "none"
    return [ok("ports", f"of {len(ports)} that listen, these answer from outside, as expected: {told}")]
