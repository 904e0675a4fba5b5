# SPDX-License-Identifier: GPL-3.0-or-later
"""`ansible-test sanity`, as Galaxy and Automation Hub run it, without an ignore file."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

import pytest

from tests.meta.repository import ROOT, files, run
from tests.support.cores import Core

# ansible-test downloads pip's installer from a host of its own; Python carries one that does the same.
GET_PIP = "import ensurepip\n\nensurepip.bootstrap()\n"


@pytest.fixture
def core(pytestconfig: pytest.Config) -> Core:
    """Return the ansible-core of this checkout, or the one that `make sanity CORE=2.17` names."""
    release = os.environ.get("OMAKASE_SANITY_CORE")
    if not release:
        return Core.own()
    assert pytestconfig.cache is not None
    found = Core.installed(release, pytestconfig.cache.mkdir("ansible-cores"))
    assert found, f"no Python on this machine for ansible-core {release}"
    return found


@pytest.fixture
def home(pytestconfig: pytest.Config, core: Core) -> Path:
    """Return a home folder in which ansible-test finds pip and keeps its environments from run to run."""
    assert pytestconfig.cache is not None
    home = pytestconfig.cache.mkdir("ansible-test")
    where = "import ansible_test._internal.python_requirements as requirements; print(requirements.__file__)"
    requirements = Path(run(str(core.program("python")), "-c", where).stdout.strip()).read_text(encoding="utf-8")
    (version,) = set(re.findall(r"pip='([\d.]+)'", requirements))
    installer = home / ".ansible" / "test" / "cache" / f"get_pip_{version.replace('.', '_')}.py"
    installer.parent.mkdir(parents=True, exist_ok=True)
    installer.write_text(GET_PIP, encoding="utf-8")
    return home


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """Return a copy of what users get, at the path that ansible-test insists on.

    The rest (benchmarks, lab, Molecule, tests) is not shipped: ruff, mypy and yamllint hold it to rules of our own.
    """
    root = tmp_path / "ansible_collections" / "omakase" / "homelab"
    for path in files():
        part = path.relative_to(ROOT).parts[0]
        if part not in ("bench", "collections", "lab", "molecule", "tests") and (part, path.suffix) != ("docs", ".py"):
            target = root / path.relative_to(ROOT)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(path, target)
    return root


def test_ansible_test_sanity_passes_without_an_ignore_file(core: Core, home: Path, copy: Path) -> None:
    assert not list((ROOT / "tests" / "sanity").glob("ignore*.txt"))
    python = run(str(core.program("python")), "-c", "import sys; print('%d.%d' % sys.version_info[:2])").stdout.strip()
    # UTF-8, whatever the machine is set to: ansible-test reads C.UTF-8 or en_US.UTF-8 by itself
    program = str(core.program("ansible-test"))
    run(program, "sanity", "--color", "no", "--python", python, cwd=copy, env={"HOME": str(home)})
