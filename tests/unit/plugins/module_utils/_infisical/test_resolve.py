# SPDX-License-Identifier: GPL-3.0-or-later
"""Which of several secrets of one name is meant."""

from __future__ import annotations

import json

import pytest
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.errors import InfisicalError
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.model import Imported, Listing, Secret
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.resolve import resolve
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.resolved import Resolved
from hypothesis import given
from hypothesis import strategies as st

SECRETS = st.lists(
    st.builds(
        Secret,
        name=st.sampled_from(["A", "B", "C"]),
        value=st.text(max_size=3),
        path=st.sampled_from(["/", "/a", "/b", "/a/c"]),
        hidden=st.booleans(),
    ),
    unique_by=lambda secret: (secret.path, secret.name),
)
IMPORTS = st.lists(st.builds(Imported, environment=st.just("prod"), path=st.just("/"), secrets=SECRETS), max_size=3)


def test_a_folder_s_own_secrets_win_over_imported_ones() -> None:
    listing = Listing([Secret("A", "own")], [Imported("prod", "/", [Secret("A", "imported"), Secret("B", "b")])])
    assert resolve(listing).values == {"A": "own", "B": "b"}


def test_of_several_imports_the_last_wins_and_within_one_the_first() -> None:
    first = Imported("prod", "/", [Secret("A", "1"), Secret("B", "1")])
    last = Imported("dev", "/x", [Secret("A", "2"), Secret("A", "2, from deeper")])
    assert resolve(Listing([], [first, last])).values == {"A": "2", "B": "1"}


def test_of_folders_the_nearest_wins() -> None:
    listing = Listing([Secret("A", "deep", "/x/y"), Secret("A", "near", "/x"), Secret("B", "b", "/x/y")], [])
    assert resolve(listing).values == {"A": "near", "B": "b"}


def test_two_of_the_same_depth_are_an_error_that_names_both() -> None:
    folder = resolve(Listing([Secret("A", "1", "/x"), Secret("A", "2", "/y"), Secret("B", "b", "/x")], []))
    with pytest.raises(InfisicalError, match=r"A is in more than one folder: /x, /y\. .* such as /x/A\."):
        folder.value("A")
    with pytest.raises(InfisicalError, match="more than one"):
        folder.everything()
    assert folder.value("B") == "b"


def test_a_hidden_value_is_an_error_that_says_so() -> None:
    folder = resolve(Listing([Secret("A", "<hidden>", hidden=True), Secret("B", "b")], []))
    with pytest.raises(InfisicalError, match="hidden"):
        folder.value("A")
    with pytest.raises(InfisicalError, match="hidden"):
        folder.everything()
    assert folder.value("C") is None


@given(SECRETS, IMPORTS)
def test_every_name_is_resolved_in_exactly_one_way(secrets: list[Secret], imports: list[Imported]) -> None:
    folder = resolve(Listing(secrets, imports))
    names = {secret.name for secret in secrets} | {item.name for part in imports for item in part.secrets}
    assert sorted([*folder.values, *folder.hidden, *folder.ambiguous]) == sorted(names) == folder.names


@given(SECRETS, IMPORTS)
def test_a_folder_survives_the_cache(secrets: list[Secret], imports: list[Imported]) -> None:
    folder = resolve(Listing(secrets, imports))
    assert vars(Resolved(**json.loads(json.dumps(folder.as_json())))) == vars(folder)


def test_values_do_not_show() -> None:
    assert "canary" not in repr(
        resolve(Listing([Secret("A", "canary")], [Imported("e", "/", [Secret("B", "canary")])]))
    )
    assert "canary" not in repr(Listing([Secret("A", "canary")], []))
