# Copyright: (c) 2026, The omakase.homelab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a checkout reads, held against what its project has and will have."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.omakase.homelab.plugins.plugin_utils._compose import comparison
from ansible_collections.omakase.homelab.plugins.plugin_utils._omakase import catalogue

# The environment of whoever calls Compose has these in any case.
_OF_ANY_SHELL = ("HOME", "PATH", "PWD")
_NOTHING: Mapping[str, Any] = {"base": [], "services": [], "changes": [], "generated": []}


@dataclass(frozen=True)
class Wanted:
    """The options of omakase_info that stay on the controller."""

    secrets: Mapping[str, Any] = field(default_factory=dict, repr=False)
    given: Mapping[str, Any] = field(default_factory=dict, repr=False)
    catalogue: Mapping[str, Any] = field(default_factory=dict)
    ignored: Sequence[str] = ()

    def settings(self, defaults: Mapping[str, Any], names: Iterable[str]) -> dict[str, str]:
        """Of the defaults and the names the project's values, else those it would be given, else the defaults.

        What nobody gives is left out.
        """
        wanted = dict.fromkeys([*defaults, *names])
        found = {name: self.secrets.get(name, self.given.get(name, defaults.get(name))) for name in wanted}
        return {name: str(value) for name, value in found.items() if value is not None}

    def plan(self, project: Mapping[str, Any], provided: Iterable[str]) -> dict[str, Any]:
        """See RETURN of omakase_info, `plan`: names, and never a value.

        project: as digest has it. provided: names that .env gives a value.
        """
        catalogues = {**_NOTHING, **self.catalogue}
        found = catalogue.plan(**catalogues, given=self.given, read=project["names"], present=self.secrets)
        del found["create"]
        provided = [*project["provided"], *provided, *_OF_ANY_SHELL]
        return {
            **found,
            **comparison.verdict(project["reads"], self.secrets, found["planned"], provided, self.ignored),
        }
