# SPDX-License-Identifier: GPL-3.0-or-later
"""Machines that exist already: plain running containers that no Proxmox knows of."""

from __future__ import annotations

import ipaddress

from lab import lxc, settings, template
from lab.shell import LabError, run, say, wait_for, write

_BOOT_LIMIT = 60  # seconds until SSH answers


def ensure_ssh_key() -> str:
    """The public half of the key that opens every container; made once."""
    if not settings.SSH_KEY.exists():
        settings.SSH_KEY.parent.mkdir(parents=True, exist_ok=True)
        settings.SSH_KEY.parent.chmod(0o700)
        run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "omakase-lab", "-f", str(settings.SSH_KEY)])
    return settings.SSH_KEY.with_suffix(".pub").read_text().strip()


def ensure(name: str, address: str, memory: int, cores: int, suite: str = settings.SUITE) -> None:
    """A running machine of that name and address that takes our SSH key. Raises LabError if the name or the address
    is taken.
    """
    _check(name, address)
    if not lxc.exists(name):
        spec = lxc.Spec(
            name=name,
            hostname=name,
            address=f"{address}/{settings.PREFIX_LENGTH}",
            memory=memory,
            cores=cores,
            suite=suite,
            ssh_keys=(ensure_ssh_key(),),
        )
        template.build(suite)
        lxc.create(spec)
    if not lxc.is_running(name):
        lxc.start(name)
    spec = lxc.spec_of(name)
    if not wait_for(lambda: bool(lxc.host_keys(name)), _BOOT_LIMIT):
        raise LabError(f"{name} did not boot; see {lxc.folder(name)}/console.log")
    remember(spec.ip, lxc.host_keys(name))
    if not wait_for(lambda: lxc.answers_ssh(spec), _BOOT_LIMIT):
        raise LabError(f"{name} does not answer SSH at {spec.ip}; see {lxc.folder(name)}/console.log")
    say(f"{name} runs: ssh -i {settings.SSH_KEY} -o UserKnownHostsFile={settings.KNOWN_HOSTS} root@{spec.ip}")


def remove(name: str) -> None:
    """Remove the machine; nothing happens if there is none."""
    if not lxc.exists(name):
        say(f"there is no machine {name}")
        return
    address = lxc.spec_of(name).ip
    lxc.delete(name)
    forget(address)
    say(f"{name} is gone")


def _check(name: str, address: str) -> None:
    if not name.isascii() or not name.replace("-", "").isalnum() or name.isdigit() or name.startswith("-"):
        raise LabError(f"{name!r} is not a name for a machine: letters, digits and hyphens, and not digits alone.")
    if address not in map(str, ipaddress.ip_network(settings.SUBNET).hosts()) or address == settings.GATEWAY:
        raise LabError(f"{address} is not a free address of the lab's network {settings.SUBNET}.")
    for other in lxc.names():
        spec = lxc.spec_of(other)
        if other == name and spec.ip != address:
            raise LabError(f"The machine {name} has the address {spec.ip}; remove it first to give it another.")
        if other != name and spec.ip == address:
            raise LabError(f"{address} belongs to the container {other}.")


def remember(address: str, keys: list[str]) -> None:
    """Write a container's host keys into the lab's known_hosts, in place of older ones."""
    forget(address)
    kept = settings.KNOWN_HOSTS.read_text() if settings.KNOWN_HOSTS.exists() else ""
    fresh = "".join(f"{address} {' '.join(key.split()[:2])}\n" for key in keys)
    write(settings.KNOWN_HOSTS, kept + fresh, mode=0o600)


def forget(address: str) -> None:
    """Drop the host keys of an address whose container is gone. OpenSSH does it: it may have hashed the names."""
    if settings.KNOWN_HOSTS.exists():
        run(["ssh-keygen", "-R", address, "-f", str(settings.KNOWN_HOSTS)])
        settings.KNOWN_HOSTS.with_suffix(".old").unlink(missing_ok=True)
