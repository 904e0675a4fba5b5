# SPDX-License-Identifier: GPL-3.0-or-later
"""Pairs of keys of age, and what they open."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Age:
    """A pair of keys that was made on the controller; the private half stays there."""

    file: Path

    @classmethod
    def made(cls, folder: Path, name: str) -> Age:
        subprocess.run(["age-keygen", "--output", folder / name], check=True, capture_output=True)
        return cls(folder / name)

    @property
    def recipient(self) -> str:
        command = ["age-keygen", "-y", str(self.file)]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    def decrypted(self, path: Path) -> bytes:
        return subprocess.run(["age", "--decrypt", "-i", self.file, path], check=True, capture_output=True).stdout
