# Copyright: (c) 2026, The omakase.homelab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A filter that hides known secret values in a text that a person is about to read."""

from __future__ import annotations

from typing import Any

from ansible_collections.omakase.homelab.plugins.module_utils._untrusted.masking import mask


class FilterModule:
    """The collection's filters for masking."""

    def filters(self) -> dict[str, Any]:
        """Return the filters by name."""
        return {"mask": mask}
