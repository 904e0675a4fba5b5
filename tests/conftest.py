# SPDX-License-Identifier: GPL-3.0-or-later
"""Lets tests import this checkout as ansible_collections.omakase.homelab, the way Ansible itself does."""

from __future__ import annotations

import os
from pathlib import Path

from ansible.plugins.loader import init_plugin_loader

ROOT = Path(__file__).resolve().parents[1]

init_plugin_loader([str(ROOT / "collections")])
# Among the other caches, which git ignores and `make clean` removes
os.environ.setdefault("HYPOTHESIS_STORAGE_DIRECTORY", str(ROOT / ".hypothesis_cache"))
