# SPDX-License-Identifier: GPL-3.0-or-later
"""What the rules need to know of this checkout: its files, its parts, and its tools."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
COLLECTION = "omakase.homelab"
# Tools lie beside the Python that runs the tests, whether its environment is activated or not.
PATH = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"

ROLES = sorted(path.name for path in (ROOT / "roles").iterdir() if (path / "tasks").is_dir())
PLAYBOOKS = sorted(path.stem for path in (ROOT / "playbooks").glob("*.yml"))
INVENTORIES = sorted(path.name for path in (ROOT / "inventories").iterdir() if (path / "hosts.yml").is_file())


def plugins(kind: str) -> list[str]:
    """Return the full names of the collection's plugins of a kind (modules, lookup, filter, …)."""
    stems = {path.stem for path in (ROOT / "plugins" / kind).iterdir() if path.suffix in (".py", ".yml")}
    if kind == "filter":  # one file may hold several filters; each has its own documentation
        stems = {path.stem for path in (ROOT / "plugins" / kind).glob("*.yml")}
    return sorted(f"{COLLECTION}.{stem}" for stem in stems - {"__init__"})


def files(*suffixes: str, under: str = "") -> list[Path]:
    """Return the files that git holds or would take, by suffix and folder; never those behind the link to ourselves."""
    # A checkout may belong to another user than the one that runs the tests.
    listed = run("git", "-c", "safe.directory=*", "ls-files", "-co", "--exclude-standard", "-z", "--", under or ".")
    paths = [ROOT / name for name in listed.stdout.split("\0") if name]
    return [path for path in paths if path.is_file() and (not suffixes or path.suffix in suffixes)]


def read(path: Path) -> Any:
    """Return what a YAML file holds."""
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def run(
    *command: str, cwd: Path = ROOT, env: Mapping[str, str] | None = None, check: bool = True
) -> subprocess.CompletedProcess[str]:
    """Run a tool; where it fails, the test fails with everything that it printed."""
    environment = {**os.environ, "PATH": PATH, "NO_COLOR": "1", "ANSIBLE_NOCOLOR": "1", **(env or {})}
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False)
    if check and done.returncode != 0:
        raise AssertionError(f"`{' '.join(command)}` ended with {done.returncode}:\n{done.stdout}\n{done.stderr}")
    return done


def complain(what: str, findings: Sequence[str]) -> None:
    """Fail with all findings, one a line."""
    assert not findings, "\n  ".join([what, *findings])
