# Copyright: (c) 2026, The omakase.homelab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the terms of the two lookups mean, and what happens to those that name nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.omakase.homelab.plugins.module_utils._infisical.errors import (
    InfisicalError,
    MissingFolderError,
)
from ansible_collections.omakase.homelab.plugins.plugin_utils._infisical.controller import (
    untemplated,
    warn,
    warn_of_reference,
)
from ansible_collections.omakase.homelab.plugins.plugin_utils._infisical.vault import (
    MissingSecretError,
    SecretRef,
    Vault,
)

Options = Mapping[str, Any]


def values(vault: Vault, terms: Sequence[Any] | None, options: Options) -> list[Any]:
    """The value of each name or absolute path, in order. A folder that does not exist is always an error.

    terms: None where there is not even an empty list, which has the values of nothing.
    """
    if terms is None:
        raise InfisicalError(
            "No name of a secret was given.", "For all of a folder use the lookup omakase.homelab.infisical_secrets."
        )
    result = []
    # All of them, before the server is asked for the first
    for ref in [SecretRef.parse(_text(term), vault.path) for term in terms]:
        try:
            value = vault.value(ref)
        except MissingSecretError as error:
            result.extend(_instead(error, options))
            continue
        if options["expand_references"]:
            warn_of_reference(ref.name, value)
        result.append(untemplated(value))
    return result


def folders(vault: Vault, terms: Sequence[Any] | None, options: Options) -> list[Any]:
    """A dictionary for each path, in order. terms: None for the default path."""
    result: list[Any] = []
    for path in [vault.path] if terms is None else [_path(term) for term in terms]:
        try:
            found = vault.folder(path).everything()
        except MissingFolderError as error:
            result.extend(_instead(error, options))
            continue
        result.append(untemplated(found))
    return result


def _instead(error: InfisicalError, options: Options) -> list[Any]:
    """What a missing term gives: the default, nothing, or the error."""
    if options["default"] is not None:
        return [options["default"]]
    if options["on_missing"] == "error":
        raise error
    if options["on_missing"] == "warn":
        warn(str(error))
    return []


def _text(term: Any) -> str:
    if not isinstance(term, str):
        raise InfisicalError(f"A term is not a string but of the type {type(term).__name__}.", "Quote it.")
    return term


def _path(term: Any) -> str:
    path = _text(term)
    if not path.startswith("/"):
        raise InfisicalError(f"'{path}' is not the path of a folder.", f"It begins with a slash: /{path}.")
    return path
