# SPDX-License-Identifier: GPL-3.0-or-later
"""Nothing of the machine on which this was written is in it."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from urllib.parse import urlsplit

from tests.meta.repository import ROOT, complain, files, run

PUBLIC = {"", "127.0.0.1", "deb.debian.org", "files.pythonhosted.org", "localhost", "pypi.org", "registry.npmjs.org"}
MACHINE_PATHS = re.compile(r"(?<![\w.])/(work|opt/pypi|opt/wheels|tmp/probe)/\S*")
TEXTS = {
    path.relative_to(ROOT): path.read_text(encoding="utf-8", errors="replace")
    for path in files()
    if path.name != "LICENSE" and path != Path(__file__).resolve()
}


def test_no_path_of_a_developer_s_machine_is_committed() -> None:
    found = [f"{path}: {hit[0]}" for path, text in TEXTS.items() for hit in MACHINE_PATHS.finditer(text)]
    complain("Paths of one machine:", found)


def test_no_registry_of_a_developer_s_machine_is_committed() -> None:
    hosts = _registries() - PUBLIC
    found = [f"{path}: {host}" for path, text in TEXTS.items() for host in hosts & _hosts(text)]
    complain("Registries of one machine:", found)


def test_no_private_key_is_committed() -> None:
    key = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----\n[A-Za-z0-9+/=\n]{64}")
    assert [str(path) for path, text in TEXTS.items() if key.search(text)] == []


def _registries() -> set[str]:
    """Return the hosts from which this machine takes packages, by pip's settings and the environment."""
    settings = [run(sys.executable, "-m", "pip", "config", "list").stdout]
    settings += [value for name, value in os.environ.items() if name.lower().endswith(("_proxy", "_url", "registry"))]
    return _hosts("\n".join(settings))


def _hosts(text: str) -> set[str]:
    return {urlsplit(address).hostname or "" for address in re.findall(r"https?://[\w.:-]+", text)}
