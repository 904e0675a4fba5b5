# Copyright: (c) 2026, The omakase.homelab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Programs in the containers of a Compose project.

Passwords travel by standard input and the environment, never over a command line.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from ansible_collections.omakase.homelab.plugins.module_utils._infisical.errors import InfisicalError


class Run(Protocol):
    def __call__(
        self, command: Sequence[str], data: str = "", env: Mapping[str, str] | None = None
    ) -> tuple[int, str, str]:
        """Exit status, standard output and standard error of a command."""


class Containers:
    """Those of the stack in a directory, each found by its service. Raises InfisicalError."""

    def __init__(self, run: Run, directory: str) -> None:
        self._run = run
        self._directory = directory

    def run(
        self, service: str, script: str, argument: str = "", data: str = "", env: Mapping[str, str] | None = None
    ) -> tuple[int, str, str]:
        """A script of sh there, with one argument: exit status, standard output and standard error."""
        container = self.id_of(service)
        if not container:
            raise InfisicalError(f"The service {service} does not run.", "Start the stack: playbooks/omakase.yml.")
        # A variable without a value: docker takes it from its own environment.
        passed = [word for name in env or {} for word in ("--env", name)]
        return self._run(["docker", "exec", "-i", *passed, container, "sh", "-c", script, "sh", argument], data, env)

    def id_of(self, service: str) -> str:
        """Empty where it does not run."""
        labels = {"project.working_dir": self._directory, "service": service}
        wanted = [
            word for name, value in labels.items() for word in ("--filter", f"label=com.docker.compose.{name}={value}")
        ]
        status, said, error = self._run(["docker", "ps", "--no-trunc", "--quiet", *wanted])
        if status:
            raise InfisicalError(f"Docker does not answer: {last_line(error)}.")
        return said.split()[0] if said.split() else ""


def last_line(error: str) -> str:
    """The end of what a program said: clients repeat no password, and no statement outside of a syntax error."""
    lines = [line.strip() for line in error.splitlines() if line.strip()]
    return lines[-1].rstrip(".") if lines else "it said nothing"
