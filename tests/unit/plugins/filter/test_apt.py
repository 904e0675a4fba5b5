# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a host has a signed apt repository as it is wanted, by what was read of it."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from ansible_collections.omakase.homelab.plugins.filter.apt import has_apt_source
from ansible_collections.omakase.homelab.plugins.module_utils._apt.sources import Repository

from tests.unit.plugins.module_utils._apt.test_openpgp import ARMOURED, BINARY, FINGERPRINT

WANTED: dict[str, Any] = {
    "name": "docker",
    "url": "https://download.docker.com/linux/debian",
    "suites": ["trixie"],
    "components": ["stable"],
    "replaces": ["https://dead.example"],
}
SOURCE = "/etc/apt/sources.list.d/docker.sources"
KEY = "/etc/apt/keyrings/docker.asc"
OTHERS = {"/etc/apt/sources.list": b"deb https://deb.debian.org/debian trixie main\n"}


def right(key: str = KEY, data: bytes = ARMOURED) -> dict[str, bytes]:
    return {**OTHERS, SOURCE: Repository(**WANTED).source(key).encode(), key: data}


def found(contents: dict[str, bytes], **changes: Any) -> bool:
    files: dict[str, dict[str, Any]] = {
        path: {"type": "file", "content": base64.b64encode(data).decode()} for path, data in contents.items()
    }
    files["/etc/apt/sources.list.d"] = {"type": "directory"}
    return has_apt_source(files, **{**WANTED, "key_fingerprint": FINGERPRINT, **changes})


def test_a_repository_that_is_there_as_wanted_is_seen() -> None:
    assert found(right())
    assert found(right(), key_fingerprint="")
    assert found(right("/etc/apt/keyrings/docker.gpg", BINARY))


@pytest.mark.parametrize(
    "contents",
    [
        OTHERS,
        {**OTHERS, KEY: ARMOURED},
        {path: data for path, data in right().items() if path != KEY},
        {**right(), KEY: b"garbage"},
        {**right(), KEY: BINARY},
        {**right(), "/etc/apt/sources.list.d/old.list": b"deb https://dead.example/deb trixie main\n"},
    ],
    ids=["nothing", "no source", "no key", "a damaged key", "a key by the other kind's name", "what it replaces"],
)
def test_one_that_is_not_quite_there_is_not(contents: dict[str, bytes]) -> None:
    assert not found(contents)


def test_other_wishes_are_not_met_by_it() -> None:
    assert not found(right(), suites=["bookworm"])
    assert not found(right(), key_fingerprint="0" * 40)
