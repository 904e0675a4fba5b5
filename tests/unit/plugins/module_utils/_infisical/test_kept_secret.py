# SPDX-License-Identifier: GPL-3.0-or-later
"""A client secret's file is private from its first byte, whatever lay there before."""

from __future__ import annotations

from pathlib import Path

from ansible_collections.omakase.homelab.plugins.module_utils._infisical.kept_secret import write_private


def test_neither_an_old_file_nor_what_somebody_has_laid_beside_it_opens_the_new_one(tmp_path: Path) -> None:
    kept, laid, elsewhere = tmp_path / "kept.json", tmp_path / ".new-kept.json", tmp_path / "elsewhere"
    kept.write_text("old")
    kept.chmod(0o644)
    elsewhere.write_text("somebody's")
    laid.hardlink_to(elsewhere)
    with elsewhere.open() as watched:
        write_private(str(kept), "canary")
        assert watched.read() == "somebody's"
    assert kept.read_text() == "canary" and kept.stat().st_mode & 0o777 == 0o600
    assert not laid.exists() and kept.stat().st_nlink == 1
