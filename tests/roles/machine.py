# SPDX-License-Identifier: GPL-3.0-or-later
"""A real machine of the lab, fresh for a module's tests, and roles run against it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from testinfra.host import Host

from lab import settings
from tests.roles.playbook import ROOT, Run, play, run_playbook
from tests.support.ssh import reach, trusting

SERVER = "http://198.18.0.1:8080"
REGISTRY = "http://198.18.0.1:5000"
DOCKER = f"{SERVER}/docker/linux/debian"
CLI = f"{SERVER}/infisical/deb"


def lab(*arguments: str) -> None:
    """Run the lab's own command."""
    subprocess.run([sys.executable, "-m", "lab", *arguments], cwd=ROOT, check=True)


def is_up() -> bool:
    """Whether all of the lab runs."""
    status = [sys.executable, "-m", "lab", "status"]
    return subprocess.run(status, cwd=ROOT, capture_output=True, check=False).returncode == 0


@dataclass(frozen=True)
class Machine:
    """A running machine of the lab."""

    name: str
    address: str
    known_hosts: Path = settings.KNOWN_HOSTS

    @property
    def inventory(self) -> str:
        """An inventory file with it alone."""
        return f"""
machines:
  hosts:
    {self.name}:
      ansible_host: {self.address}
      ansible_user: root
      ansible_ssh_private_key_file: {settings.SSH_KEY}
      ansible_ssh_common_args: "{trusting(self.known_hosts)}"
      ansible_python_interpreter: /usr/bin/python3
"""

    def role(self, directory: Path, role: str, variables: Mapping[str, Any], *arguments: str) -> Run:
        """Run one role on it, as a play without facts, as the site does."""
        roles = {"gather_facts": False, "roles": [f"omakase.homelab.{role}"]}
        return self.play(directory, roles, variables, *arguments)

    def play(self, directory: Path, tasks: Mapping[str, Any], variables: Mapping[str, Any], *arguments: str) -> Run:
        """Run a play on it, which is given without its hosts."""
        return play(directory, self.inventory, {"hosts": "machines", **tasks}, *arguments, variables=variables)

    def playbook(
        self,
        directory: Path,
        name: str,
        variables: Mapping[str, Any],
        *arguments: str,
        settings: Mapping[str, str] | None = None,
    ) -> Run:
        """Run a playbook of the collection on it, as the group infisical. settings: environment variables."""
        inventory = self.inventory.replace("machines:", "infisical:")
        return run_playbook(directory, inventory, name, variables, arguments, settings)

    @property
    def host(self) -> Host:
        """The machine, to look at from the outside."""
        return reach(self.address, self.known_hosts)


def key_fingerprint(url: str) -> str:
    """The fingerprint of a key that the lab serves, by gpg and not by our own code."""
    key = subprocess.run(["curl", "-sSf", url], check=True, capture_output=True).stdout
    listing = subprocess.run(
        ["gpg", "--show-keys", "--with-colons"], input=key, check=True, capture_output=True
    ).stdout.decode()
    return next(line for line in listing.splitlines() if line.startswith("fpr:")).split(":")[9]


def docker_of_the_lab(repository: str = DOCKER) -> dict[str, Any]:
    """Variables of the role docker: a repository of the lab, and its registry as a mirror."""
    return {
        "docker_repository_url": repository,
        "docker_repository_key_fingerprint": key_fingerprint(f"{repository}/gpg"),
        "docker_daemon_options": {"registry-mirrors": [REGISTRY]},
    }


def cli_of_the_lab() -> dict[str, Any]:
    """Variables of the role infisical_cli: the lab's repository."""
    return {
        "infisical_cli_repository_url": CLI,
        "infisical_cli_repository_key_fingerprint": key_fingerprint(f"{SERVER}/infisical/infisical.gpg"),
    }
