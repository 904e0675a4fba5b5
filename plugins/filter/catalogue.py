# Copyright: (c) 2026, The omakase.homelab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A filter for catalogues of secrets; what they mean is in plugin_utils."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.omakase.homelab.plugins.plugin_utils._omakase import catalogue


def catalogue_plan(catalogues: Mapping[str, Any], **options: Any) -> dict[str, Any]:
    """Return which secrets a project must get; see catalogue.plan.

    catalogues: C<{base, services, changes, generated, server}>.
    """
    return catalogue.plan(**catalogues, **options)


class FilterModule:
    """The collection's filters for catalogues of secrets."""

    def filters(self) -> dict[str, Any]:
        """Return the filters by name."""
        return {"catalogue_plan": catalogue_plan}
