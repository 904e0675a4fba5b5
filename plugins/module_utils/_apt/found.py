# Copyright: (c) 2026, The omakase.homelab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host has of a signed repository. `found` maps paths of apt's source files and of keys to what they hold."""

from __future__ import annotations

from collections.abc import Mapping

from ansible_collections.omakase.homelab.plugins.module_utils._apt.keys import Key, RefusedKeyError, judged
from ansible_collections.omakase.homelab.plugins.module_utils._apt.sources import Repository, is_source, plan

Found = Mapping[str, bytes]


def source_files(found: Found) -> dict[str, str]:
    """The texts of apt's source files, by path."""
    return {path: data.decode(errors="surrogateescape") for path, data in found.items() if is_source(path)}


def kept_key(repository: Repository, found: Found, fingerprint: str) -> Key | None:
    """The key that the host has, if it is the one meant."""
    for path in repository.key_paths:
        try:
            return judged(found.get(path, b""), fingerprint, path)
        except RefusedKeyError:
            continue
    return None


def is_as_wanted(repository: Repository, found: Found, fingerprint: str) -> bool:
    """Whether signed_apt_source would change nothing."""
    key = kept_key(repository, found, fingerprint)
    if key is None:
        return False
    path = repository.key_path(key.armoured)
    return found.get(path) == key.data and not plan(repository, source_files(found), path)
