# SPDX-License-Identifier: GPL-3.0-or-later
"""The lookup of a whole folder."""

from __future__ import annotations

from typing import Any

import pytest
from ansible.errors import AnsibleError

from tests.support.scripted import Scripted
from tests.unit.plugins.lookup.conftest import GIVEN, Lookup
from tests.unit.plugins.lookup.test_infisical import LIST, PROJECT, listed, logged_in


def test_a_folder_is_a_dictionary(server: Scripted, lookup: Lookup) -> None:
    listed(logged_in(server), {"secretPath": "/"}, A="1", B="")
    listed(server, {"secretPath": "/db"}, C="3")
    assert lookup("infisical_secrets", **GIVEN) == [{"A": "1", "B": ""}]
    assert lookup("infisical_secrets", "/db", "/", **GIVEN) == [{"C": "3"}, {"A": "1", "B": ""}]


def test_imports_are_merged_and_own_names_win(server: Scripted, lookup: Lookup) -> None:
    imported = [{"secretKey": "A", "secretValue": "imported"}, {"secretKey": "B", "secretValue": "imported"}]
    answer = {
        "secrets": [{"secretKey": "A", "secretValue": "own"}],
        "imports": [{"environment": "prod", "secretPath": "/", "secrets": imported}],
    }
    logged_in(server).on(LIST, answer, query={"includeImports": "true"})
    assert lookup("infisical_secrets", **GIVEN) == [{"A": "own", "B": "imported"}]


def test_imports_that_are_not_wanted_are_left_out_even_if_they_come(server: Scripted, lookup: Lookup) -> None:
    imports = [{"environment": "prod", "secrets": [{"secretKey": "B", "secretValue": "x"}]}]
    logged_in(server).on(LIST, {"secrets": [{"secretKey": "A", "secretValue": "1"}], "imports": imports})
    assert lookup("infisical_secrets", **GIVEN, include_imports=False) == [{"A": "1"}]


def test_an_empty_folder_is_empty(server: Scripted, lookup: Lookup) -> None:
    listed(logged_in(server)).on("GET /api/v1/projects/p1", {"project": PROJECT})
    assert lookup("infisical_secrets", **GIVEN) == [{}]


@pytest.mark.parametrize(("given", "result"), [({"default": {}}, [{}]), ({"on_missing": "skip"}, [])])
def test_a_missing_folder_may_have_a_default(
    server: Scripted, lookup: Lookup, given: dict[str, Any], result: list[Any]
) -> None:
    listed(logged_in(server)).on("GET /api/v1/projects/p1", {"project": PROJECT})
    server.on("GET /api/v2/folders", {"folders": []})
    assert lookup("infisical_secrets", "/db", **GIVEN, **given) == result


def test_a_missing_folder_is_an_error_otherwise(server: Scripted, lookup: Lookup) -> None:
    listed(logged_in(server)).on("GET /api/v1/projects/p1", {"project": PROJECT})
    server.on("GET /api/v2/folders", {"folders": []})
    with pytest.raises(AnsibleError, match="The folder /db does not exist in dev"):
        lookup("infisical_secrets", "/db", **GIVEN)


def test_of_an_empty_list_of_paths_there_is_nothing(lookup: Lookup) -> None:
    assert lookup("infisical_secrets", [], **GIVEN) == []


@pytest.mark.parametrize("term", ["db", "A", 7])
def test_a_term_that_is_no_path_is_refused(lookup: Lookup, term: Any) -> None:
    with pytest.raises(AnsibleError, match=r"path of a folder|type int"):
        lookup("infisical_secrets", term, **GIVEN)


def test_a_secret_that_may_not_be_read_is_named(server: Scripted, lookup: Lookup) -> None:
    found = [{"secretKey": "A", "secretValue": "<hidden-by-infisical>", "secretValueHidden": True}]
    logged_in(server).on(LIST, {"secrets": found})
    with pytest.raises(AnsibleError, match="The value of A is hidden"):
        lookup("infisical_secrets", **GIVEN)


def test_folders_below_are_there_when_asked_for(server: Scripted, lookup: Lookup) -> None:
    found = [
        {"secretKey": "A", "secretValue": "deep", "secretPath": "/x/y"},
        {"secretKey": "A", "secretValue": "near", "secretPath": "/x"},
        {"secretKey": "B", "secretValue": "b", "secretPath": "/x/y"},
    ]
    logged_in(server).on(LIST, {"secrets": found}, query={"recursive": "true"})
    assert lookup("infisical_secrets", **GIVEN, recursive=True) == [{"A": "near", "B": "b"}]


def test_imports_of_an_older_server_are_read_again_where_references_are_to_stay(
    server: Scripted, lookup: Lookup
) -> None:
    older = "GET /api/v3/secrets/raw"
    expanded = [{"secretKey": "A", "secretValue": "expanded"}, {"secretKey": "DEEP", "secretValue": "deep"}]
    imports = [{"environment": "prod", "secretPath": "/x", "secrets": expanded}]
    logged_in(server).unknown(LIST).on(older, {"secrets": [], "imports": imports})
    stored = [{"secretKey": "A", "secretValue": "${B}"}]
    server.on(older, {"secrets": stored}, query={"environment": "prod", "secretPath": "/x", "include_imports": "false"})
    assert lookup("infisical_secrets", **GIVEN, expand_references=False) == [{"A": "${B}", "DEEP": "deep"}]
