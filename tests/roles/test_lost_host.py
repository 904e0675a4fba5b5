# SPDX-License-Identifier: GPL-3.0-or-later
"""What the benchmark of backups finds is also a promise: nothing is lost with a host, and nothing under load."""

from __future__ import annotations

import shutil

import pytest

from bench import backup, installation
from tests.support.soak import Soak

pytestmark = [
    pytest.mark.lab,
    pytest.mark.soak,
    pytest.mark.skipif(not shutil.which("age"), reason="needs age: python -m lab test-packages"),
]


def test_a_bare_host_gets_every_secret_version_and_identity_of_a_lost_one(practice: None, soak: Soak) -> None:
    folders = soak.count(backup.FOLDERS)
    backup.disaster(folders)
    soak.figure(
        f"{folders * installation.PER_FOLDER} secrets of a lost host are on a bare one, as every identity reads them"
    )


def test_backups_while_others_write_hold_every_acknowledged_write(practice: None, soak: Soak) -> None:
    rounds = soak.count(10)
    backup.writes(rounds)
    soak.figure(f"{rounds} backups while others wrote held every write acknowledged before, and no half batch")
