# SPDX-License-Identifier: GPL-3.0-or-later
"""What a lookup imports is compiled once, and not in each process of a run."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT

LOOK_UP = """
import json, sys
from ansible.plugins.loader import init_plugin_loader, lookup_loader
init_plugin_loader([sys.argv[1]])
lookup_loader.get("omakase.homelab.infisical")
print(json.dumps({name: getattr(module, "__cached__", None) for name, module in sys.modules.items()}))
"""
PACKAGES = ("plugin_utils/_infisical", "module_utils/_infisical")


@pytest.fixture
def plugins(tmp_path: Path) -> Path:
    """A collection of its own, as it is after its installation."""
    directory = tmp_path / "ansible_collections" / "omakase" / "homelab" / "plugins"
    shutil.copytree(ROOT / "plugins", directory, ignore=shutil.ignore_patterns("__pycache__"))
    return directory


def imported(plugins: Path) -> dict[str, Any]:
    """Where the compiled code of the collection's modules lies, by their name, in a process that has the lookup."""
    command = [sys.executable, "-c", LOOK_UP, str(plugins.parents[3])]
    environ = {"PATH": os.environ["PATH"], "HOME": str(plugins)}
    done = subprocess.run(command, env=environ, check=True, capture_output=True, text=True)
    modules: dict[str, Any] = json.loads(done.stdout)
    start = "ansible_collections.omakase.homelab.plugins."
    return {name[len(start) :]: cached for name, cached in modules.items() if name.startswith(start)}


def file_of(plugins: Path, name: str) -> Path:
    path = plugins.joinpath(*name.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def test_compiled_code_is_kept_of_all_that_a_lookup_needs(plugins: Path) -> None:
    found = imported(plugins)
    with_code = [name for name in found if file_of(plugins, name).is_file()]
    each_time = {name for name in with_code if not (found[name] and Path(found[name]).is_file())}
    assert len(with_code) > 10 and each_time <= {"plugin_utils._infisical", "module_utils._untrusted"}
    kept = {path: path.stat().st_mtime_ns for package in PACKAGES for path in (plugins / package).rglob("*.pyc")}
    assert imported(plugins) == found
    assert kept == {path: path.stat().st_mtime_ns for path in kept}


def test_where_nothing_can_be_written_it_is_compiled_anew(plugins: Path) -> None:
    for package in PACKAGES:
        (plugins / package / "__pycache__").write_text("a file, where Python wants a directory")
    assert "plugin_utils._infisical.controller" in imported(plugins)


def test_what_has_changed_is_compiled_again(plugins: Path) -> None:
    imported(plugins)
    with (plugins / "plugin_utils" / "_infisical" / "lookups.py").open("a") as file:
        file.write("import colorsys\n")
    command = [sys.executable, "-c", LOOK_UP + "assert 'colorsys' in sys.modules", str(plugins.parents[3])]
    subprocess.run(command, check=True, capture_output=True)
