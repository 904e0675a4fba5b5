# SPDX-License-Identifier: GPL-3.0-or-later
"""Lookups in a run of their own, with a scripted server."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible import constants
from ansible.parsing.dataloader import DataLoader
from ansible.plugins.loader import lookup_loader
from ansible.template import Templar
from ansible_collections.omakase.homelab.plugins.module_utils._infisical import options
from ansible_collections.omakase.homelab.plugins.plugin_utils._infisical import controller

from tests.support.scripted import URL, Scripted

GIVEN = {"url": URL, "client_id": "id", "client_secret": "sec", "project_id": "p1"}

Lookup = Callable[..., list[Any]]


@pytest.fixture
def warnings(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the warnings so far."""
    said: list[str] = []
    monkeypatch.setattr(controller._display, "warning", lambda message: said.append(message))
    return said


@pytest.fixture
def lookup(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, server: Scripted, warnings: list[str]) -> Lookup:
    """Return what runs a lookup: (name, terms, variables, options). Each call stands for another task of one run."""
    tmp_path.chmod(0o700)
    monkeypatch.setattr(constants, "DEFAULT_LOCAL_TMP", str(tmp_path))
    monkeypatch.setattr(options, "UrlTransport", lambda _connection: server)
    for name in [name for name in os.environ if name.startswith("INFISICAL_")]:
        monkeypatch.delenv(name)

    def run(name: str, *terms: Any, variables: dict[str, Any] | None = None, **given: Any) -> list[Any]:
        loader = DataLoader()
        templar = Templar(loader=loader, variables=variables or {})
        plugin = lookup_loader.get(f"omakase.homelab.{name}", loader=loader, templar=templar)
        result: list[Any] = plugin.run(list(terms), variables=variables or {}, **given)
        return result

    return run
