# SPDX-License-Identifier: GPL-3.0-or-later
"""`ansible-test sanity`, as Galaxy and Automation Hub run it, without an ignore file."""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path

import ansible_test._internal.python_requirements as requirements
import pytest

from tests.meta.repository import ROOT, files, run

# ansible-test downloads pip's installer from a host of its own; Python carries one that does the same.
GET_PIP = "import ensurepip\n\nensurepip.bootstrap()\n"


@pytest.fixture
def home(pytestconfig: pytest.Config) -> Path:
    """Return a home folder in which ansible-test finds pip and keeps its environments from run to run."""
    assert pytestconfig.cache is not None
    home = pytestconfig.cache.mkdir("ansible-test")
    (version,) = set(re.findall(r"pip='([\d.]+)'", Path(requirements.__file__).read_text(encoding="utf-8")))
    installer = home / ".ansible" / "test" / "cache" / f"get_pip_{version.replace('.', '_')}.py"
    installer.parent.mkdir(parents=True, exist_ok=True)
    installer.write_text(GET_PIP, encoding="utf-8")
    return home


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """Return a copy of what users get, at the path that ansible-test insists on.

    The lab and the tests are not shipped; ruff, mypy and yamllint hold them to this project's own rules.
    """
    root = tmp_path / "ansible_collections" / "omakase" / "homelab"
    for path in files():
        if path.relative_to(ROOT).parts[0] not in ("collections", "lab", "tests"):
            target = root / path.relative_to(ROOT)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(path, target)
    return root


def test_ansible_test_sanity_passes_without_an_ignore_file(home: Path, copy: Path) -> None:
    assert not list((ROOT / "tests" / "sanity").glob("ignore*.txt"))
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    # UTF-8, whatever the machine is set to: ansible-test reads C.UTF-8 or en_US.UTF-8 by itself
    run("ansible-test", "sanity", "--color", "no", "--python", python, cwd=copy, env={"HOME": str(home)})
