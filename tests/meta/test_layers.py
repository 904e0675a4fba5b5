# SPDX-License-Identifier: GPL-3.0-or-later
"""The border between what runs on a target and what needs the controller."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from tests.meta.repository import ROOT, complain, files

HEADER = """\
# Copyright: (c) 2026, The omakase.homelab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""
TARGET = [*files(".py", under="plugins/module_utils"), *files(".py", under="plugins/modules")]


def test_what_runs_on_a_target_imports_nothing_of_the_controller() -> None:
    findings = []
    for path in TARGET:
        for name in _imports(path):
            ours = name.startswith(("ansible_collections.omakase.homelab.plugins.module_utils.", "."))
            controller = name.startswith(("ansible", ".")) and not ours and not name.startswith("ansible.module_utils.")
            if controller or "plugin_utils" in name:
                findings.append(f"{path.relative_to(ROOT)}: {name}")
    complain("Only ansible.module_utils and our own module_utils exist on a target:", findings)


def test_what_runs_on_a_target_is_python_3_9() -> None:
    for path in TARGET:
        ast.parse(path.read_text(encoding="utf-8"), str(path), feature_version=(3, 9))


def test_every_plugin_begins_with_the_licence() -> None:
    sources = [path for path in files(".py", under="plugins") if path.stat().st_size]
    texts = {path: path.read_text(encoding="utf-8").removeprefix("#!/usr/bin/python\n") for path in sources}
    assert [str(path.relative_to(ROOT)) for path, text in texts.items() if not text.startswith(HEADER)] == []


def test_every_python_file_of_the_lab_and_the_tests_names_its_licence() -> None:
    sources = [path for path in [*files(".py", under="lab"), *files(".py", under="tests")] if path.stat().st_size]
    heads = {path: path.read_text(encoding="utf-8")[:200] for path in sources}
    named = "# SPDX-License-Identifier: GPL-3.0-or-later"
    assert [str(path.relative_to(ROOT)) for path, head in heads.items() if named not in head] == []


def _imports(path: Path) -> Iterator[str]:
    """Yield the dotted names that a file imports, relative ones with their dots."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (f"{alias.name}." for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{'.' * node.level}{node.module or ''}.{alias.name}" for alias in node.names)
