# SPDX-License-Identifier: GPL-3.0-or-later
"""Machines for tests that break things."""

from __future__ import annotations

from tests.roles.conftest import machine

__all__ = ["machine"]
