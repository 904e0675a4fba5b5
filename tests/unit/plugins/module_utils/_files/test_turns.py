# SPDX-License-Identifier: GPL-3.0-or-later
"""Who waits for whom."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

import pytest
from ansible_collections.omakase.homelab.plugins.module_utils._files.turns import alone


def test_nobody_else_is_in_until_it_is_left(tmp_path: Path) -> None:
    other = os.open(tmp_path, os.O_RDONLY)
    with alone(str(tmp_path)), pytest.raises(BlockingIOError):
        fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
    fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
    os.close(other)


def test_an_account_without_a_home_does_not_wait_and_its_own_errors_are_told(tmp_path: Path) -> None:
    done = []
    with alone(str(tmp_path / "none")):
        done.append("work")
    assert done == ["work"]
    for directory in (tmp_path, tmp_path / "none"):
        with pytest.raises(PermissionError), alone(str(directory)):
            raise PermissionError
