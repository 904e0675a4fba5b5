# SPDX-License-Identifier: GPL-3.0-or-later
"""Machines and runs of Ansible for tests that break things."""

from __future__ import annotations

from tests.integration.conftest import ansible, make_ansible
from tests.roles.conftest import machine

__all__ = ["ansible", "machine", "make_ansible"]
