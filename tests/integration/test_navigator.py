# SPDX-License-Identifier: GPL-3.0-or-later
"""The collection in ansible-navigator without an execution environment: it asks nothing, and keeps no secret."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.integration.conftest import RUN_SECONDS, Vault
from tests.meta.repository import COLLECTION, plugins
from tests.support.artifact import build, install
from tests.support.leaks import holding
from tests.support.others import programs

pytestmark = pytest.mark.soak
CANARY = "canary-of-the-navigator"
LOG = ("--log-file", "navigator.log", "--log-level", "debug")


class Navigator:
    """Runs ansible-navigator in a folder, which is its home too, with the collection as users install it."""

    def __init__(self, folder: Path, collections: Path) -> None:
        self.folder = folder
        others = programs()
        self.program = str(others / "ansible-navigator")
        self.environ = {
            "PATH": f"{others}{os.pathsep}{os.defpath}",
            "HOME": str(folder),
            "LANG": "C.UTF-8",
            "NO_COLOR": "1",
            "ANSIBLE_COLLECTIONS_PATH": str(collections),
        }

    def __call__(self, *words: str) -> str:
        """What it prints; a question would end the run, as nobody is there to answer."""
        done = subprocess.run(
            [self.program, *words, "--mode", "stdout", "--execution-environment", "false"],
            cwd=self.folder,
            env=self.environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=RUN_SECONDS,
            check=False,
        )
        assert done.returncode == 0, done.stdout
        return done.stdout


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return install(build(tmp_path_factory.mktemp("build")), tmp_path_factory.mktemp("collections"))


@pytest.fixture
def navigator(installed: Path, tmp_path: Path) -> Navigator:
    return Navigator(tmp_path, installed)


def test_a_run_logs_in_once_and_leaves_no_secret_in_its_artifact_or_log(vault: Vault, navigator: Navigator) -> None:
    vault.put(A=CANARY)
    template = f"{{{{ lookup('{COLLECTION}.infisical', 'A') }}}}"
    written = navigator.folder / "written"
    given = {name.removeprefix("infisical_"): f"{{{{ {name} }}}}" for name in vault.variables}
    copied = {**given, "environment": "dev", "secrets": [{"name": "COPY", "value": template}]}
    tasks = [
        {"ansible.builtin.copy": {"content": template, "dest": str(written), "mode": "0600"}, "no_log": True},
        {f"{COLLECTION}.infisical_secret": copied, "run_once": True},
        {"ansible.builtin.fail": {"msg": "as it should"}, "when": f"lookup('{COLLECTION}.infisical', 'A') == ''"},
    ]
    play = {"hosts": "all", "gather_facts": False, "tasks": tasks}
    local = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
    (navigator.folder / "play.yml").write_text(yaml.safe_dump([play], sort_keys=False))
    variables = navigator.folder / "variables.json"
    variables.write_text(json.dumps({**local, **vault.variables}))
    output = navigator("run", "play.yml", "-i", "h0,h1,", "-e", f"@{variables}", "-vvv", "--diff", *LOG)
    assert output.count("failed=0") == 2, output
    assert written.read_text() == CANARY
    variables.unlink()
    written.unlink()
    (artifact,) = navigator.folder.glob("play-artifact-*.json")
    assert json.loads(artifact.read_text())["status"] == "successful"
    secrets = {"the canary": CANARY, "the client's secret": vault.client_secret}
    assert holding(secrets, output.encode()) == []
    left = [path for path in navigator.folder.rglob("*") if path.is_file()]
    assert [(path, names) for path in left if (names := holding(secrets, path.read_bytes()))] == []


def test_it_shows_every_plugin_of_the_collection(navigator: Navigator) -> None:
    assert "POSTGRES_PASSWORD" in navigator("doc", "-t", "module", f"{COLLECTION}.infisical_secret")
    assert "_terms" in navigator("doc", "-t", "lookup", f"{COLLECTION}.infisical")
    shown = yaml.safe_load(navigator("collections", "--format", "yaml", *LOG))
    (ours,) = [entry for entry in shown["collections"] if entry["name"] == COLLECTION]
    modules = {entry["full_name"]: entry["short_description"] for entry in ours["plugins"]["module"]}
    assert sorted(modules) == plugins("modules") and all(modules.values())
    assert "ERROR" not in (navigator.folder / "navigator.log").read_text()
