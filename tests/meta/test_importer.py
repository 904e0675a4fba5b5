# SPDX-License-Identifier: GPL-3.0-or-later
"""galaxy-importer, which Galaxy runs on an artifact before it takes it, finds nothing."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest

from tests.meta.repository import ROLES, complain, plugins, run
from tests.support.artifact import build
from tests.support.others import programs

pytestmark = pytest.mark.soak
SETTINGS = {
    "GALAXY_IMPORTER_CHECK_REQUIRED_TAGS": "true",
    # These have tests of their own; here ansible-lint would lack the collections that ours depends on, as at Galaxy.
    "GALAXY_IMPORTER_RUN_ANSIBLE_TEST": "false",
    "GALAXY_IMPORTER_RUN_ANSIBLE_LINT": "false",
}


def test_galaxy_importer_takes_the_artifact_without_a_warning(tmp_path: Path) -> None:
    artifact = build(tmp_path)
    others = programs()
    # Nothing of this checkout may help: another folder, another home, and no modules from here.
    env = {"HOME": str(tmp_path), "PATH": f"{others}{os.pathsep}{os.defpath}", "PYTHONPATH": "", "LANG": "C.UTF-8"}
    command = [str(others / "python"), "-m", "galaxy_importer.main", artifact.name]
    output = run(*command, cwd=tmp_path, env={**env, **SETTINGS}).stdout
    assert "Importer processing completed successfully" in output
    complain("galaxy-importer says:", re.findall(r"^(?:WARNING|ERROR).*", output, re.M))
    contents = json.loads((tmp_path / "importer_result.json").read_text(encoding="utf-8"))["contents"]
    found = {(content["content_type"], content["name"]) for content in contents}
    modules = [("module", name.rsplit(".", 1)[1]) for name in plugins("modules")]
    assert {*modules, *(("role", role) for role in ROLES)} <= found
