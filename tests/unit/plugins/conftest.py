# SPDX-License-Identifier: GPL-3.0-or-later
"""What the unit tests of the plugins share."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.support.scripted import Scripted


@pytest.fixture(autouse=True)
def directly(monkeypatch: pytest.MonkeyPatch) -> None:
    """No request leaves by the proxy that this machine may have."""
    for name in list(os.environ):
        if name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)


@pytest.fixture
def server() -> Iterator[Scripted]:
    """Return a server that answers as the test says, and fails the test if it is not asked as it says."""
    scripted = Scripted()
    yield scripted
    scripted.finish()
