# Copyright: (c) 2026, The omakase.homelab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A filter for apt repositories; what they mean is in module_utils, since a module writes them."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.omakase.homelab.plugins.module_utils._apt import found
from ansible_collections.omakase.homelab.plugins.module_utils._apt.sources import Repository


def has_apt_source(
    files: Mapping[str, Mapping[str, Any]],
    name: str,
    url: str,
    suites: Sequence[str],
    components: Sequence[str],
    key_fingerprint: str = "",
    replaces: Sequence[str] = (),
) -> bool:
    """Return whether signed_apt_source with these options would change nothing on a host.

    files: as host_info tells them, among them all of apt's source files and of its keys.
    """
    contents = {path: base64.b64decode(file["content"]) for path, file in files.items() if "content" in file}
    return found.is_as_wanted(Repository(name, url, suites, components, replaces), contents, key_fingerprint)


class FilterModule:
    """The collection's filters for apt."""

    def filters(self) -> dict[str, Any]:
        """Return the filters by name."""
        return {"has_apt_source": has_apt_source}
