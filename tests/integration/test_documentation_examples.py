# SPDX-License-Identifier: GPL-3.0-or-later
"""The examples in the documentation, run one after the other on a fresh server."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import yaml

from tests.integration.conftest import Ansible
from tests.support.faults import FaultyProxy
from tests.support.servers import Postgres, Redis, infisical_server

BASE = "ansible_collections.omakase.homelab.plugins"
# In the order in which a user comes to need them.
MODULES = (
    "bootstrap",
    "project",
    "identity",
    "client_secret",
    "folder",
    "secret",
    "import",
    "info",
    "rotation",
    "organization",
)
ADDRESS = "https://vault.example.com"


def examples(kind: str, name: str, places: dict[str, str]) -> list[dict[str, Any]]:
    """The tasks of a plugin's EXAMPLES, with the addresses and paths of this test."""
    text: str = importlib.import_module(f"{BASE}.{kind}.{name}").EXAMPLES
    for written, real in places.items():
        text = text.replace(written, real)
    tasks: list[dict[str, Any]] = yaml.safe_load(text)
    return tasks


def test_every_example_works(postgres: Postgres, redis: Redis, ansible: Ansible) -> None:
    command = ansible.directory / "migrate"
    command.write_text('#!/bin/sh\ntest -n "$POSTGRES_PASSWORD"\n')
    command.chmod(0o755)
    with infisical_server(postgres, redis) as server, FaultyProxy(server.base_url).running() as proxy:
        kept = ansible.directory / "infisical.json"
        credentials = ansible.directory / "credentials"
        credentials.mkdir(mode=0o700)
        places = {
            ADDRESS: proxy.url,
            "/etc/omakase/infisical.json": str(kept),
            "directory: /etc/infisical": f"directory: {credentials}",
            "directory: /home/omakase/omakase": f"directory: {ansible.directory}",
            "/usr/local/bin/migrate": str(command),
        }
        tasks: list[dict[str, Any]] = []
        for name in MODULES:
            tasks += examples("modules", f"infisical_{name}", places)
            tasks += after(name, kept)
        tasks += examples("lookup", "infisical", places)
        tasks += examples("lookup", "infisical_secrets", places)
        result = ansible.play(
            *tasks,
            variables={
                "infisical_admin_password": "long-enough-password-1",
                "url": proxy.url,
                "infisical_url": proxy.url,
                "infisical_environment": "prod",
            },
        )
    assert result.status == 0, result.output
    assert result.recap("h0")["failed"] == 0


def after(name: str, kept: Path) -> list[dict[str, Any]]:
    """What the examples take for granted: variables with credentials, and a folder to import."""
    login = {"url": "{{ url }}", "client_id": "{{ client_id }}", "client_secret": "{{ client_secret }}"}
    scope = {**login, "project_id": "{{ project_id }}"}
    if name == "client_secret":
        facts = {
            "client_id": f"{{{{ (lookup('file', '{kept}') | from_json).client_id }}}}",
            "client_secret": f"{{{{ (lookup('file', '{kept}') | from_json).client_secret }}}}",
            "project_id": "{{ project.project_id }}",
        }
        own = {f"infisical_{key}": value for key, value in facts.items()}
        return [{"ansible.builtin.set_fact": {**facts, **own}}]
    if name == "folder":
        return [{"omakase.homelab.infisical_folder": {**scope, "environment": "prod", "folders": ["shared"]}}]
    if name == "secret":
        secrets = [{"name": "POSTGRES_USER", "value": "omakase"}]
        hosts = [{"name": "DB_HOST", "value": "db"}, {"name": "POSTGRES_PASSWORD", "value": "x"}]
        return [
            {"omakase.homelab.infisical_secret": {**scope, "environment": "prod", "secrets": secrets}},
            {"omakase.homelab.infisical_secret": {**scope, "secrets": secrets}},
            {"omakase.homelab.infisical_secret": {**scope, "environment": "prod", "path": "/db", "secrets": hosts}},
        ]
    return []


def test_no_plugin_is_without_an_example() -> None:
    root = Path(__file__).resolve().parents[2] / "plugins"
    named = {f"infisical_{name}" for name in MODULES}
    assert {path.stem for path in (root / "modules").glob("infisical_*.py")} == named
    assert {path.stem for path in (root / "lookup").glob("*.py")} == {"infisical", "infisical_secrets"}
