# SPDX-License-Identifier: GPL-3.0-or-later
"""The collection as users get it: built by ansible-galaxy, and installed where nothing of this checkout helps."""

from __future__ import annotations

from pathlib import Path

from tests.meta.repository import run


def build(folder: Path) -> Path:
    """Build the artifact into the folder; the archive's path."""
    run("ansible-galaxy", "collection", "build", "--output-path", str(folder), ".")
    (built,) = folder.glob("*.tar.gz")
    return built


def install(artifact: Path, folder: Path) -> Path:
    """Install it into a folder of collections that holds this one alone; that folder."""
    command = ["ansible-galaxy", "collection", "install", str(artifact), "-p", str(folder), "--offline", "--no-deps"]
    run(*command, cwd=folder)
    return folder
