# SPDX-License-Identifier: GPL-3.0-or-later
"""Lets tests import this checkout as ansible_collections.omakase.homelab, the way Ansible itself does."""

from __future__ import annotations

from pathlib import Path

from ansible.plugins.loader import init_plugin_loader
from hypothesis.configuration import set_hypothesis_home_dir

ROOT = Path(__file__).resolve().parents[1]

init_plugin_loader([str(ROOT / "collections")])
# Among the other caches, which git ignores and `make clean` removes
set_hypothesis_home_dir(ROOT / ".hypothesis_cache")
