# Copyright: (c) 2026, The omakase.homelab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A signed apt repository as files: its deb822 source, its key, and what other source files say of it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

DIRECTORY = "/etc/apt/sources.list.d"
KEYRINGS = "/etc/apt/keyrings"
MAIN_LIST = "/etc/apt/sources.list"

_ONE_LINE = re.compile(r"^\s*deb(?:-src)?\s+(?:\[[^\]]*\]\s+)?(\S+)")
_URIS = re.compile(r"^URIs:[ \t]*(.*(?:\n[ \t]+.*)*)", re.M | re.I)


@dataclass(frozen=True)
class Repository:
    """`name` names the files; a suite that ends in a slash has no components."""

    name: str
    url: str
    suites: Sequence[str]
    components: Sequence[str]
    replaces: Sequence[str] = ()

    @property
    def path(self) -> str:
        """Its source file."""
        return f"{DIRECTORY}/{self.name}.sources"

    @property
    def key_paths(self) -> list[str]:
        """Where its key may be."""
        return [self.key_path(armoured=True), self.key_path(armoured=False)]

    def key_path(self, armoured: bool) -> str:
        """The file of its key; apt tells the two kinds apart by the ending."""
        return f"{KEYRINGS}/{self.name}.{'asc' if armoured else 'gpg'}"

    def source(self, key_path: str) -> str:
        """The text of its source file."""
        fields = {
            "Types": "deb",
            "URIs": self.url,
            "Suites": " ".join(self.suites),
            "Components": " ".join(self.components),
            "Signed-By": key_path,
        }
        return "".join(f"{name}: {value}\n" for name, value in fields.items() if value)


def is_source(path: str) -> bool:
    """Whether apt reads it."""
    return path == MAIN_LIST or (path.startswith(f"{DIRECTORY}/") and path.endswith((".list", ".sources")))


def plan(repository: Repository, files: Mapping[str, str], key_path: str) -> dict[str, str | None]:
    """The source files that change: path to new text, None for a file to remove. `files` maps paths to texts."""
    changes = without_rivals(repository, files)
    source = repository.source(key_path)
    if files.get(repository.path) != source:
        changes[repository.path] = source
    return changes


def without(repository: Repository, files: Mapping[str, str]) -> dict[str, str | None]:
    """The source files that change so that none has this repository, or one that it replaces; as `plan` tells them."""
    changes = without_rivals(repository, files)
    if repository.path in files:
        changes[repository.path] = None
    return changes


def without_rivals(repository: Repository, files: Mapping[str, str]) -> dict[str, str | None]:
    """The source files that change so that no other one has this repository, or one that it replaces.

    apt stops at two sources of one repository with different keys, and at a repository that is gone. `files` maps paths
    to texts; a value of the answer is the new text, or None for a file to remove.
    """
    addresses = [address.rstrip("/") for address in (repository.url, *repository.replaces)]
    changes: dict[str, str | None] = {}
    for path, text in files.items():
        if path == repository.path:
            continue
        kept = _stanzas_kept(text, addresses) if path.endswith(".sources") else _lines_kept(text, addresses)
        if kept != text:
            changes[path] = kept if path == MAIN_LIST or _has_entries(path, kept) else None
    return changes


def _lines_kept(text: str, addresses: Sequence[str]) -> str:
    return "".join(line for line in text.splitlines(keepends=True) if not _names(_ONE_LINE.match(line), addresses))


def _stanzas_kept(text: str, addresses: Sequence[str]) -> str:
    stanzas = re.split(r"\n{2,}", text)
    kept = [stanza for stanza in stanzas if not _names(_URIS.search(stanza), addresses)]
    return text if len(kept) == len(stanzas) else "\n\n".join(kept)


def _names(match: re.Match[str] | None, addresses: Sequence[str]) -> bool:
    if match is None:
        return False
    uris = match.group(1).split()
    return bool(uris) and all(_within(uri.rstrip("/"), addresses) for uri in uris)


def _within(uri: str, addresses: Sequence[str]) -> bool:
    return any(uri == address or uri.startswith(address + "/") for address in addresses)


def _has_entries(path: str, text: str) -> bool:
    if path.endswith(".sources"):
        return bool(_URIS.search(text))
    return any(_ONE_LINE.match(line) for line in text.splitlines())
