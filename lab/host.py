# SPDX-License-Identifier: GPL-3.0-or-later
"""What the lab takes from its host: packages, mirrors, proxy, name servers. Read at run time, kept nowhere."""

from __future__ import annotations

import ipaddress
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from lab import settings
from lab.shell import CommandError, run, say, which

_POLICY = Path("/usr/sbin/policy-rc.d")
_POLICY_TEXT = f"#!/bin/sh\n# {settings.PREFIX}: no service starts while the lab installs packages\nexit 101\n"
# apt settings that decide whether a mirror can be reached and trusted, not what apt does with it
_APT_ACCESS = re.compile(r'^Acquire::(https?(::\S+)?|Check-Valid-Until|Check-Date|Retries|ForceIPv[46]) "[^"]+";$')


@dataclass(frozen=True)
class Mirrors:
    """Where the host gets Debian from. `updates` is whether it follows SUITE-updates."""

    main: str = settings.DEFAULT_MIRROR
    security: str = settings.DEFAULT_SECURITY_MIRROR
    updates: bool = True


def parse_mirrors(targets: str, codename: str) -> Mirrors:
    """Mirrors from `apt-get indextargets` lines of `URI RELEASE`, for a host of this code name."""
    found: dict[str, str] = {}
    for line in targets.splitlines():
        uri, _, release = line.strip().partition(" ")
        if uri.startswith(("http://", "https://")):
            found.setdefault(release, uri.rstrip("/"))
    default = Mirrors()
    return Mirrors(
        main=found.get(codename, default.main),
        security=found.get(f"{codename}-security", default.security),
        updates=codename not in found or f"{codename}-updates" in found,
    )


def mirrors() -> Mirrors:
    """The host's Debian mirrors; Debian's own where the host is not a Debian."""
    release = dict(re.findall(r'^(\w+)="?([^"\n]*)"?$', Path("/etc/os-release").read_text(), re.M))
    if release.get("ID") != "debian":
        return Mirrors()
    targets = run(["apt-get", "indextargets", "--format", "$(REPO_URI) $(RELEASE)", "Identifier: Packages"])
    return parse_mirrors(targets, release.get("VERSION_CODENAME", ""))


def sources_list(where: Mirrors, suite: str = settings.SUITE) -> str:
    """One-line apt sources for the suite on these mirrors."""
    lines = [f"deb {where.main} {suite} main"]
    if where.updates:
        lines.append(f"deb {where.main} {suite}-updates main")
    lines.append(f"deb {where.security} {suite}-security main")
    return "\n".join(lines) + "\n"


def parse_apt_access(dump: str, environment: dict[str, str]) -> str:
    """The apt.conf lines, from `apt-config dump` and the proxy variables, that a container needs as well."""
    lines = [line for line in dump.splitlines() if _APT_ACCESS.match(line)]
    for scheme in ("http", "https"):
        proxy = environment.get(f"{scheme}_proxy") or environment.get(f"{scheme.upper()}_PROXY")
        if proxy and not any(line.startswith(f"Acquire::{scheme}::Proxy ") for line in lines):
            lines.append(f'Acquire::{scheme}::Proxy "{proxy}";')
    return "".join(line + "\n" for line in lines)


def apt_access() -> str:
    """The host's apt settings for reaching its mirrors, as apt.conf text; may be empty."""
    return parse_apt_access(run(["apt-config", "dump"]), dict(os.environ))


def certificates() -> list[Path]:
    """Certificate authorities that the host's administrator added."""
    return sorted(Path("/usr/local/share/ca-certificates").glob("**/*.crt"))


def parse_resolvers(text: str) -> list[str]:
    """The name servers of a resolv.conf."""
    return re.findall(r"^\s*nameserver\s+(\S+)", text, re.M)


def is_loopback(address: str) -> bool:
    """True for an address that means the asking machine itself."""
    return ipaddress.ip_address(address.partition("%")[0]).is_loopback


def resolvers() -> list[str]:
    """Name servers that containers can reach: the host's own, or those behind a stub on its loopback, or the bridge
    (which network.py then leads to the stub).
    """
    for source in (Path("/etc/resolv.conf"), Path("/run/systemd/resolve/resolv.conf")):
        if source.exists():
            found = [server for server in parse_resolvers(source.read_text()) if not is_loopback(server)]
            if found:
                return found
    return [settings.GATEWAY]


def missing_packages(packages: Mapping[str, str]) -> list[str]:
    """Those whose program cannot be found; `packages` has a program for each."""
    return [name for name, program in packages.items() if not which(program)]


def install_packages(packages: Mapping[str, str]) -> None:
    """Install what is missing, without letting any of it start a service."""
    missing = missing_packages(packages)
    if not missing:
        return
    say(f"installing Debian packages: {' '.join(missing)}")
    _refresh_lists()
    with _no_service_starts():
        install = ["apt-get", "install", "-y", "-q", "--no-install-recommends", *missing]
        run(install, log=settings.LOGS / "packages.log")


def download(package: str, folder: Path) -> Path:
    """Fetch a package of the host's release into a folder, without installing it."""
    fetch = ["apt-get", "download", "-q", package]
    try:
        run(fetch, cwd=folder)
    except CommandError:  # the lists are missing or old
        _refresh_lists()
        run(fetch, cwd=folder)
    return next(folder.glob(f"{package}_*.deb"))


def _refresh_lists() -> None:
    """A broken source of somebody else's must not stop the lab: what counts is whether packages can be fetched."""
    try:
        run(["apt-get", "update", "-q"])
    except CommandError as problem:
        say(f"apt-get update: {problem}")


@contextmanager
def _no_service_starts() -> Iterator[None]:
    """Put Debian's own switch in place, unless the host has one."""
    ours = not _POLICY.exists() or _POLICY.read_text() == _POLICY_TEXT
    if ours:
        _POLICY.write_text(_POLICY_TEXT)
        _POLICY.chmod(0o755)
    try:
        yield
    finally:
        forget_policy()


def forget_policy() -> None:
    """Remove the switch if it is ours (a killed run leaves it behind)."""
    if _POLICY.exists() and _POLICY.read_text() == _POLICY_TEXT:
        _POLICY.unlink()
