# Copyright: (c) 2026, The omakase.homelab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filters for dotenv files; what they mean is in module_utils, since modules write such files too."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.omakase.homelab.plugins.module_utils._files import dotenv


def from_dotenv(text: str) -> dict[str, str]:
    """Return the variables of a dotenv file by name. Raises AnsibleFilterError for what Compose would refuse."""
    try:
        return dotenv.from_dotenv(text)
    except dotenv.DotenvError as error:
        raise AnsibleFilterError(str(error)) from None


def to_dotenv(variables: Mapping[str, Any]) -> str:
    """Return the text of a dotenv file. Raises AnsibleFilterError for what no such file can carry."""
    try:
        return dotenv.to_dotenv(variables)
    except dotenv.DotenvError as error:
        raise AnsibleFilterError(str(error)) from None


class FilterModule:
    """The collection's filters for dotenv files."""

    def filters(self) -> dict[str, Any]:
        """Return the filters by name."""
        return {"from_dotenv": from_dotenv, "to_dotenv": to_dotenv}
