# Copyright: (c) 2026, The omakase.homelab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The compose project that Infisical runs in: its services, their variables, its containers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .commands import BackupError, run

COMPOSE_FILES = ("compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml")
# What the service of the server is called today, and was called before.
SERVERS = ("backend", "infisical")


@dataclass(frozen=True)
class Container:
    """A container of the stack, running or not."""

    service: str
    id: str
    image: str
    image_id: str
    version: str
    running: bool
    healthy: bool


class Stack:
    """The compose project of a directory."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._services: dict[str, Any] | None = None

    @property
    def exists(self) -> bool:
        return any((self.directory / name).exists() for name in COMPOSE_FILES)

    def compose(self, *arguments: str) -> str:
        """Run `docker compose` in the directory; what it prints."""
        return run(["docker", "compose", *arguments], cwd=self.directory)

    def services(self) -> dict[str, Any]:
        """The services as Compose reads them, with the variables that their containers get."""
        if self._services is None:
            self._services = json.loads(self.compose("config", "--format", "json"))["services"]
        return self._services

    def environment(self, service: str) -> dict[str, str]:
        """The variables of a service's container."""
        found = self.services()[service].get("environment") or {}
        # Compose escapes dollars in what it prints.
        return {name: str(value or "").replace("$$", "$") for name, value in found.items()}

    @property
    def server(self) -> str:
        """The service that is Infisical itself. Raises BackupError."""
        for name in SERVERS:
            if name in self.services():
                return name
        raise BackupError(f"{self.directory} has no service called {' or '.join(SERVERS)}: is it an Infisical?")

    @property
    def has_own_database(self) -> bool:
        return "db" in self.services()

    def containers(self) -> dict[str, Container]:
        """The containers by service."""
        ids = self.compose("ps", "--all", "--quiet").split()
        found = json.loads(run(["docker", "inspect", *ids])) if ids else []
        return {container.service: container for container in map(_container, found)}

    def running(self, service: str, containers: Mapping[str, Container] | None = None) -> Container:
        """The running container of a service. Raises BackupError where there is none.

        containers: what was told of them just now, in place of asking again.
        """
        found = (self.containers() if containers is None else containers).get(service)
        if found is None or not found.running:
            raise BackupError(
                f"{service} does not run in {self.directory}. Start it: `docker compose up --detach {service}`"
            )
        return found


def _container(found: Mapping[str, Any]) -> Container:
    config, state = found["Config"], found["State"]
    variables = dict(entry.partition("=")[::2] for entry in config.get("Env") or [])
    return Container(
        service=config["Labels"]["com.docker.compose.service"],
        id=found["Id"],
        image=config["Image"],
        image_id=found["Image"],
        version=version_of(config["Image"], variables),
        running=bool(state["Running"]),
        healthy=state.get("Health", {}).get("Status") == "healthy",
    )


def version_of(image: str, variables: Mapping[str, str]) -> str:
    """The version that an image's tag tells; what is pinned by digest or by a floating tag tells it in a variable.

    Docker takes no notice of a tag beside a digest.
    """
    tag = tag_of(image)
    is_version = tag.lstrip("v")[:1].isdigit() and "@" not in image
    return tag if is_version else variables.get("INFISICAL_PLATFORM_VERSION") or tag


def tag_of(image: str) -> str:
    """The tag in an image's name, or nothing."""
    return image.partition("@")[0].rpartition("/")[2].partition(":")[2]
