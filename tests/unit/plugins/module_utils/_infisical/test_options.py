# SPDX-License-Identifier: GPL-3.0-or-later
"""Options that become a connection, and paths."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.omakase.homelab.plugins.module_utils._infisical import option_table, options
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.address import base_url
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.errors import InfisicalError
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.model import record, records, text
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.paths import (
    below,
    normal_path,
    parent_and_name,
)
from hypothesis import given
from hypothesis import strategies as st

GIVEN: dict[str, Any] = {name: spec.get("default") for name, spec in option_table.CONNECTION.items()}


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("https://vault.example.com", "https://vault.example.com"),
        ("https://vault.example.com/", "https://vault.example.com"),
        ("https://vault.example.com/api", "https://vault.example.com"),
        ("https://vault.example.com/api/", "https://vault.example.com"),
        (" http://[::1]:8080/infisical/api ", "http://[::1]:8080/infisical"),
    ],
)
def test_an_address_is_taken_with_or_without_api(url: str, address: str) -> None:
    assert base_url(url) == address


@pytest.mark.parametrize("url", ["vault.example.com", "", "ftp://x", "https://", "file:///etc/passwd", "http://[::1"])
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(InfisicalError, match="not an address"):
        base_url(url)


@pytest.mark.parametrize("scheme", ["https://", "", "ftp://"])
def test_credentials_in_an_address_are_refused_and_not_repeated(scheme: str) -> None:
    with pytest.raises(InfisicalError, match="more than an address") as caught:
        base_url(f"{scheme}me:hunter2@vault.example.com")
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("path", ["/nowhere", "/no\0where"])
def test_files_are_looked_for_before_anything_is_sent(path: str) -> None:
    with pytest.raises(InfisicalError, match="ca_path cannot be read: /no"):
        options.connection(dict(GIVEN, ca_path=path))


@pytest.mark.parametrize("wrong", [{"timeout": 0}, {"retries": -1}])
def test_numbers_that_make_no_sense_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(InfisicalError, match="timeout has to be"):
        options.connection({**GIVEN, **wrong})


def test_the_defaults_are_infisical_s_cloud() -> None:
    exchange = options.exchange(GIVEN)
    assert (exchange.base_url, exchange.retries) == ("https://app.infisical.com", 4)


@given(st.text(alphabet="ab/"))
def test_a_path_is_normal_once_and_for_all(path: str) -> None:
    normal = normal_path(path)
    assert normal.startswith("/")
    assert normal_path(normal) == normal
    assert normal == "/" or not normal.endswith("/")


@given(st.text(alphabet="ab/", min_size=1).map(normal_path).filter(lambda path: path != "/"))
def test_a_path_is_its_name_below_its_parent(path: str) -> None:
    parent, name = parent_and_name(path)
    assert below(parent, name) == path


def test_answers_are_read_without_trust() -> None:
    answer = {"a": None, "b": [{"c": 1}, "d"], "e": {"f": "g"}, "h": "i"}
    assert text(answer, "a") == text(answer, "nothing") == text(answer, "b") == ""
    assert records(answer, "nothing", "b") == [{"c": 1}]
    assert records(answer, "nothing") == []
    assert record(answer, "nothing", "e") == {"f": "g"}
    assert record(answer, "nothing") == answer
