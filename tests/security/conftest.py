# SPDX-License-Identifier: GPL-3.0-or-later
"""What attacks need: real runs of Ansible, the stand-in server, and servers that somebody else has written."""

from __future__ import annotations

from tests.integration.conftest import ansible, make_ansible, postgres, redis, vault

__all__ = ["ansible", "make_ansible", "postgres", "redis", "vault"]
