# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tests of a module share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from ansible_collections.omakase.homelab.plugins.modules import proxmox_container

from tests.support.proxmox_double import ProxmoxDouble


@pytest.fixture
def proxmox(monkeypatch: pytest.MonkeyPatch) -> Iterator[ProxmoxDouble]:
    """A Proxmox without a container, at whose addresses nothing answers."""
    double = ProxmoxDouble()
    monkeypatch.setattr(proxmox_container, "HttpsTransport", lambda *_given: double)
    monkeypatch.setattr(proxmox_container, "answers", lambda _address: False)
    yield double
    double.finish()
