# Copyright: (c) 2026, The omakase.homelab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filters for Compose files and what they read; what they mean is in plugin_utils."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.omakase.homelab.plugins.plugin_utils._compose import comparison, files, interpolation
from ansible_collections.omakase.homelab.plugins.plugin_utils._compose.files import ComposeError


def compose_variables(texts: list[str]) -> list[dict[str, Any]]:
    """Return what these Compose files interpolate, sorted by name: C<{name, required, default}>.

    C<required> is true for C<${NAME:?message}> and C<${NAME?message}>, which Compose refuses to do without;
    C<default> is true where every use has a value of its own (C<${NAME:-value}>, C<${NAME+value}>).
    A variable inside another one's default is found too. Raises AnsibleFilterError for what is no YAML.
    """
    return interpolation.as_summary([value for text in texts for value in files.strings(_load(text))])


def compose_includes(text: str) -> list[str]:
    """Return the paths of the files that a Compose file includes, as they are written there."""
    return [path for entry in files.includes(_load(text)) for path in entry["path"]]


def variable_table(
    reads: Iterable[Mapping[str, Any]],
    values: Mapping[str, Any],
    planned: Iterable[str] = (),
    provided: Iterable[str] = (),
    ignored: Sequence[str] = (),
) -> dict[str, Any]:
    """Return the verdict on each variable: C<{lines, refused}>.

    reads: as omakase_info tells them. values: the project's, by name. planned: names that it will have.
    provided: names that come from elsewhere. ignored: patterns of names that are not judged.
    """
    return comparison.verdict(reads, values, planned, provided, ignored)


def _load(text: str) -> Any:
    try:
        return files.load(text)
    except ComposeError as error:
        raise AnsibleFilterError(f"This Compose file is {error}") from None


class FilterModule:
    """The collection's filters for Compose files."""

    def filters(self) -> dict[str, Any]:
        """Return the filters by name."""
        return {
            "compose_includes": compose_includes,
            "compose_variables": compose_variables,
            "variable_table": variable_table,
        }
