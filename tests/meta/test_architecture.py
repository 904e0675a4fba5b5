# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/architecture.md says what each folder is for."""

from __future__ import annotations

import re

import pytest

from tests.meta.repository import ROOT, complain, run

PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("under", ["", "plugins/module_utils/", "tests/"])
def test_every_folder_is_named_on_the_page(under: str) -> None:
    listed = run("git", "-c", "safe.directory=*", "ls-files", "-z", "--", under or ".").stdout.split("\0")
    found = {name for name, below, _ in (path.removeprefix(under).partition("/") for path in listed) if below}
    assert found
    complain("Not on the page:", [name for name in sorted(found) if not re.search(rf"`{re.escape(name)}/?`", PAGE)])
