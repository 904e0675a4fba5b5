# Copyright: (c) 2026, The omakase.homelab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether there is room on the disks for what is going to be done."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .commands import BackupError, run

MB = 1 << 20
# What a new PostgreSQL writes before it holds anything, and its log of a restore.
FRESH_DATABASE = 512 * MB


def see_that_the_database_fits(manifest: Mapping[str, Any], work: str, besides: int) -> None:
    """Where Docker keeps its volumes, beside what is there. Raises BackupError that names the work.

    besides: bytes that are needed for more than the database itself.
    """
    root = Path(run(["docker", "info", "--format", "{{.DockerRootDir}}"]).strip())
    lacking = short(root, 2 * int(manifest["database"].get("bytes", 0)) + besides, work)
    if lacking:
        raise BackupError(lacking[0])


def short(path: Path, needed: int, work: str) -> list[str]:
    """What lacks at a place that has not so many bytes free, in a sentence for the operator."""
    system = os.statvfs(path)
    free = system.f_bavail * system.f_frsize
    if free >= needed:
        return []
    return [f"{path} has {free // MB} MB free and {work} needs {needed // MB}. Make room there."]
