# SPDX-License-Identifier: GPL-3.0-or-later
"""The lookup by name: what it asks, what it returns, and what it says when it cannot."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import pytest
from ansible import constants
from ansible.errors import AnsibleError
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar, trust_as_template
from ansible_collections.omakase.homelab.plugins.plugin_utils._infisical import controller, process_cache
from ansible_collections.omakase.homelab.plugins.plugin_utils._infisical.run_cache import RunCache
from hypothesis import given
from hypothesis import strategies as st

from tests.support.scripted import Scripted
from tests.unit.plugins.lookup.conftest import GIVEN, Lookup

LOGIN = "POST /api/v1/auth/universal-auth/login"
LIST = "GET /api/v4/secrets"
PROJECT = {"id": "p1", "slug": "omakase", "environments": [{"id": "e", "slug": "dev", "name": "Dev"}]}


def logged_in(server: Scripted) -> Scripted:
    return server.on(LOGIN, {"accessToken": "token", "expiresIn": 3600})


def listed(server: Scripted, query: dict[str, str] | None = None, /, **values: str) -> Scripted:
    found = [{"secretKey": name, "secretValue": value} for name, value in values.items()]
    return server.on(LIST, {"secrets": found}, query=query)


def test_terms_come_back_in_order(server: Scripted, lookup: Lookup) -> None:
    listed(logged_in(server), A="1", B="2")
    assert lookup("infisical", "B", "A", "B", **GIVEN) == ["2", "1", "2"]


def test_a_run_logs_in_once_and_lists_once(server: Scripted, lookup: Lookup) -> None:
    listed(logged_in(server), A="1", B="2")
    for _task in range(5):
        assert lookup("infisical", "A", **GIVEN) == ["1"]
    assert lookup("infisical_secrets", **GIVEN) == [{"A": "1", "B": "2"}]


def test_every_flag_is_sent(server: Scripted, lookup: Lookup) -> None:
    query = {"projectId": "p1", "environment": "prod", "secretPath": "/db", "viewSecretValue": "true"}
    flags = {"expandSecretReferences": "false", "includeImports": "false", "recursive": "true"}
    listed(logged_in(server), {**query, **flags}, A="1")
    given = {"environment": "prod", "path": "db/", "expand_references": False, "include_imports": False}
    assert lookup("infisical", "A", **GIVEN, **given, recursive=True) == ["1"]


def test_other_folders_environments_and_flags_are_read_apart(server: Scripted, lookup: Lookup) -> None:
    listed(logged_in(server), {"secretPath": "/", "environment": "dev"}, A="root")
    listed(server, {"secretPath": "/db"}, A="db")
    listed(server, {"environment": "prod"}, A="prod")
    listed(server, {"includeImports": "false"}, A="own")
    for _task in range(2):
        assert lookup("infisical", "A", "/db/A", "/A", **GIVEN) == ["root", "db", "root"]
        assert lookup("infisical", "A", **GIVEN, environment="prod") == ["prod"]
        assert lookup("infisical", "A", **GIVEN, include_imports=False) == ["own"]


def test_a_name_with_a_slash_inside_is_a_name(server: Scripted, lookup: Lookup) -> None:
    listed(logged_in(server), None, **{"A/B": "slash", "A?B": "mark"})
    assert lookup("infisical", "A/B", "A?B", **GIVEN) == ["slash", "mark"]


def test_a_list_of_terms_may_be_one_term(server: Scripted, lookup: Lookup) -> None:
    listed(logged_in(server), A="1", B="2")
    assert lookup("infisical", ["A", "B"], **GIVEN) == ["1", "2"]


VALUES = ["", "a\nb\n", "'\"`\\", "{{ x }}", "{% raw %}", "$HOME $$", "ünïcode ✓ 日本", "007", "true", "null", '["a"]']


@pytest.mark.parametrize("value", VALUES)
def test_a_value_comes_byte_for_byte(server: Scripted, lookup: Lookup, value: str) -> None:
    listed(logged_in(server), A=value)
    (found,) = lookup("infisical", "A", **GIVEN)
    assert (found, isinstance(found, str)) == (value, True)


@pytest.mark.parametrize(
    ("names", "asked", "said"),
    [
        (["POSTGRES_PASSWORD", "B"], "POSTGRES_PASWORD", "Did you mean POSTGRES_PASSWORD?"),
        (["POSTGRES_PASSWORD"], "postgres_password", "Did you mean POSTGRES_PASSWORD?"),
        (["A", "B"], "ZEBRA", "It holds A, B."),
        ([f"N{number}" for number in range(9)], "ZEBRA", "It holds N0, N1, N2, N3, N4, N5, N6, N7, …."),
    ],
)
def test_a_missing_name_is_told_with_the_nearest_one(
    server: Scripted, lookup: Lookup, names: list[str], asked: str, said: str
) -> None:
    listed(logged_in(server), None, **dict.fromkeys(names, "canary"))
    expected = re.escape(f"no secret {asked} in / of the environment dev. {said}")
    with pytest.raises(AnsibleError, match=expected) as caught:
        lookup("infisical", asked, **GIVEN)
    assert "canary" not in str(caught.value)


def test_a_default_stands_for_a_missing_name(server: Scripted, lookup: Lookup, warnings: list[str]) -> None:
    listed(logged_in(server), A="1")
    assert lookup("infisical", "X", "A", **GIVEN, default="") == ["", "1"]
    assert lookup("infisical", "X", **GIVEN, default={"a": 1}, on_missing="warn") == [{"a": 1}]
    assert warnings == []


def test_a_missing_name_may_be_skipped_with_or_without_a_word(
    server: Scripted, lookup: Lookup, warnings: list[str]
) -> None:
    listed(logged_in(server), A="1")
    assert lookup("infisical", "X", "A", **GIVEN, on_missing="skip") == ["1"]
    assert warnings == []
    assert lookup("infisical", "X", **GIVEN, on_missing="warn") == []
    assert "There is no secret X" in warnings[0]


def test_an_empty_folder_that_exists_says_so(server: Scripted, lookup: Lookup) -> None:
    listed(logged_in(server)).on("GET /api/v1/projects/p1", {"project": PROJECT})
    with pytest.raises(AnsibleError, match="holds none that this identity may read"):
        lookup("infisical", "A", **GIVEN)
    assert lookup("infisical", "A", **GIVEN, default="x") == ["x"]


@pytest.mark.parametrize("given", [{}, {"default": "x"}, {"on_missing": "skip"}])
def test_a_mistyped_environment_is_an_error_in_any_case(
    server: Scripted, lookup: Lookup, given: dict[str, Any]
) -> None:
    listed(logged_in(server)).on("GET /api/v1/projects/p1", {"project": PROJECT})
    with pytest.raises(AnsibleError, match=r"has no environment dve\. Did you mean dev"):
        lookup("infisical", "A", **GIVEN, environment="dve", **given)


def test_a_mistyped_folder_is_an_error(server: Scripted, lookup: Lookup) -> None:
    listed(logged_in(server)).on("GET /api/v1/projects/p1", {"project": PROJECT})
    server.on("GET /api/v2/folders", {"folders": [{"name": "database"}]})
    with pytest.raises(AnsibleError, match=r"The folder /databse does not exist in dev.*Did you mean database"):
        lookup("infisical", "/databse/A", **GIVEN, default="x")


def test_an_option_that_there_is_not_is_refused(lookup: Lookup) -> None:
    expected = r"no option enviroment\. Did you mean environment\? Names of secrets are terms"
    with pytest.raises(AnsibleError, match=expected):
        lookup("infisical", "A", **GIVEN, enviroment="prod")
    with pytest.raises(AnsibleError, match="no option secret_name"):
        lookup("infisical", secret_name="A", **GIVEN)


@pytest.mark.parametrize(
    ("terms", "said"),
    [([], "infisical_secrets"), ([7], "type int"), (["/"], "not the name"), ([""], "not the name"), (["/db/"], "not")],
)
def test_a_term_that_names_nothing_is_refused(lookup: Lookup, terms: list[Any], said: str) -> None:
    with pytest.raises(AnsibleError, match=said):
        lookup("infisical", *terms, **GIVEN)


def test_of_an_empty_list_of_names_there_are_no_values(lookup: Lookup) -> None:
    assert lookup("infisical", [], **GIVEN) == []


@pytest.mark.parametrize("status", [400, 404])
def test_a_project_that_does_not_exist_is_named(server: Scripted, lookup: Lookup, status: int) -> None:
    logged_in(server).refuse(LIST, status, "NotFound", "Project with ID 'p1' not found. Is it the right one?")
    server.refuse("GET /api/v1/projects/p1", status, "NotFound", "Project not found")
    with pytest.raises(AnsibleError, match="has no project with the id p1"):
        lookup("infisical", "A", **GIVEN)


def test_a_refusal_that_nothing_missing_explains_is_told_as_it_is(server: Scripted, lookup: Lookup) -> None:
    logged_in(server).refuse(LIST, 404, "NotFound", "Is it the right one?").on("GET /api/v1/projects/p1", PROJECT)
    with pytest.raises(AnsibleError, match=r"Is it the right one\? May this identity read"):
        lookup("infisical", "A", **GIVEN)


def test_no_project_is_told(lookup: Lookup) -> None:
    with pytest.raises(AnsibleError, match="INFISICAL_PROJECT_ID"):
        lookup("infisical", "A", **{**GIVEN, "project_id": None})


def test_no_credentials_are_told(lookup: Lookup) -> None:
    with pytest.raises(AnsibleError, match="No credentials"):
        lookup("infisical", "A", url=GIVEN["url"], project_id="p1")


def test_a_project_s_slug_is_looked_up_once(server: Scripted, lookup: Lookup) -> None:
    logged_in(server).on("GET /api/v1/projects/slug/omakase", PROJECT)
    listed(server, {"projectId": "p1"}, A="1")
    for _task in range(2):
        assert lookup("infisical", "A", **{**GIVEN, "project_id": None}, project_slug="omakase") == ["1"]


def test_settings_come_from_variables(server: Scripted, lookup: Lookup) -> None:
    listed(logged_in(server), {"environment": "prod"}, A="1")
    variables = {f"infisical_{name}": value for name, value in GIVEN.items()}
    assert lookup("infisical", "A", variables={**variables, "infisical_environment": "prod"}) == ["1"]


def test_a_variable_that_changes_within_a_process_counts(server: Scripted, lookup: Lookup) -> None:
    listed(logged_in(server), {"environment": "dev"}, A="dev")
    listed(server, {"environment": "prod"}, A="prod")
    variables = {f"infisical_{name}": value for name, value in GIVEN.items()}
    for environment in ("dev", "prod", "prod", "dev"):
        assert lookup("infisical", "A", variables={**variables, "infisical_environment": environment}) == [environment]


def test_an_environment_that_changes_within_a_process_counts(
    server: Scripted, lookup: Lookup, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed(logged_in(server), {"environment": "dev"}, A="dev")
    listed(server, {"environment": "prod"}, A="prod")
    variables = {f"infisical_{name}": value for name, value in GIVEN.items()}
    for environment in ("dev", "prod", "prod", "dev"):
        monkeypatch.setenv("INFISICAL_ENVIRONMENT", environment)
        assert lookup("infisical", "A", variables=variables) == [environment]


@pytest.mark.parametrize("values", [(1, True), (True, 1), (0, False)])
def test_a_default_of_a_variable_keeps_its_type(server: Scripted, lookup: Lookup, values: tuple[Any, Any]) -> None:
    listed(logged_in(server), A="1")
    variables = {f"infisical_{name}": value for name, value in GIVEN.items()}
    for value in values:
        (found,) = lookup("infisical", "B", variables={**variables, "infisical_default": value})
        assert isinstance(found, bool) == isinstance(value, bool)


def test_a_variable_may_be_a_template_of_any_type(server: Scripted, lookup: Lookup) -> None:
    listed(logged_in(server), {"environment": "prod"}, A="1")
    variables = {
        "stage": "prod",
        "infisical_environment": trust_as_template("{{ stage }}"),
        "infisical_retries": trust_as_template("{{ 2 + 2 }}"),
    }
    assert lookup("infisical", "A", variables=variables, **GIVEN) == ["1"]


def test_a_setting_of_the_environment_is_never_a_template(
    server: Scripted, lookup: Lookup, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INFISICAL_CLIENT_SECRET", "{{ 1 + 1 }}")
    listed(server.on(LOGIN, {"accessToken": "t"}, body={"clientSecret": "{{ 1 + 1 }}"}), A="1")
    assert lookup("infisical", "A", **{**GIVEN, "client_secret": None}) == ["1"]


def test_an_argument_beats_a_variable_and_a_variable_the_environment(
    server: Scripted, lookup: Lookup, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INFISICAL_ENVIRONMENT", "of-the-environment")
    listed(logged_in(server), {"environment": "of-the-environment"}, A="1")
    listed(server, {"environment": "of-the-variable"}, A="2")
    listed(server, {"environment": "of-the-argument"}, A="3")
    variables = {"infisical_environment": "of-the-variable"}
    assert lookup("infisical", "A", **GIVEN) == ["1"]
    assert lookup("infisical", "A", variables=variables, **GIVEN) == ["2"]
    assert lookup("infisical", "A", variables=variables, **GIVEN, environment="of-the-argument") == ["3"]


@pytest.mark.parametrize(
    "names",
    [
        ("INFISICAL_DOMAIN", "INFISICAL_CLIENT_ID", "INFISICAL_CLIENT_SECRET"),
        ("INFISICAL_API_URL", "INFISICAL_UNIVERSAL_AUTH_CLIENT_ID", "INFISICAL_UNIVERSAL_AUTH_CLIENT_SECRET"),
    ],
)
def test_settings_come_from_the_environment_by_either_name(
    server: Scripted, lookup: Lookup, monkeypatch: pytest.MonkeyPatch, names: tuple[str, str, str]
) -> None:
    for name, value in zip(names, (f"{GIVEN['url']}/api", "id", "sec"), strict=True):
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("INFISICAL_PROJECT_ID", "p1")
    monkeypatch.setenv("INFISICAL_SECRET_PATH", "/db")
    listed(logged_in(server), {"projectId": "p1", "secretPath": "/db"}, A="1")
    assert lookup("infisical", "A") == ["1"]


def test_omakase_s_own_names_come_first(server: Scripted, lookup: Lookup, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INFISICAL_DOMAIN", GIVEN["url"])
    monkeypatch.setenv("INFISICAL_API_URL", "https://other.test")
    for name, value in (("INFISICAL_CLIENT_ID", "id"), ("INFISICAL_CLIENT_SECRET", "sec")):
        monkeypatch.setenv(name, value)
        monkeypatch.setenv(name.replace("_CLIENT", "_UNIVERSAL_AUTH_CLIENT"), "other")
    server.on(LOGIN, {"accessToken": "t"}, body={"clientId": "id", "clientSecret": "sec"})
    listed(server, A="1")
    assert lookup("infisical", "A", project_id="p1") == ["1"]


@pytest.mark.parametrize(
    ("environ", "variables", "arguments", "project"),
    [
        ({}, {"project_id": "p1"}, {"project_slug": "omakase"}, "p2"),
        ({"PROJECT_ID": "p1"}, {"project_slug": "omakase"}, {}, "p2"),
        ({}, {"project_slug": "omakase"}, {"project_id": "p1"}, "p1"),
        ({}, {"project_id": "p1", "project_slug": "omakase"}, {}, "p1"),
    ],
)
def test_of_a_project_s_two_names_the_nearest_counts(
    server: Scripted,
    lookup: Lookup,
    monkeypatch: pytest.MonkeyPatch,
    environ: dict[str, str],
    variables: dict[str, str],
    arguments: dict[str, str],
    project: str,
) -> None:
    for name, value in environ.items():
        monkeypatch.setenv(f"INFISICAL_{name}", value)
    if project == "p2":
        logged_in(server).on("GET /api/v1/projects/slug/omakase", {**PROJECT, "id": "p2"})
    else:
        logged_in(server)
    listed(server, {"projectId": project}, A="1")
    given = {f"infisical_{name}": value for name, value in variables.items()}
    assert lookup("infisical", "A", variables=given, **{**GIVEN, "project_id": None, **arguments}) == ["1"]


@pytest.mark.parametrize(
    ("environ", "variables", "arguments", "token"),
    [
        ({}, {"client_id": "id", "client_secret": "sec"}, {"token": "given"}, "given"),
        ({"CLIENT_ID": "id", "CLIENT_SECRET": "sec"}, {"token": "given"}, {}, "given"),
        ({"TOKEN": "given"}, {"client_id": "id", "client_secret": "sec"}, {}, "fetched"),
        ({"TOKEN": "given", "CLIENT_SECRET": "sec"}, {"client_id": "id"}, {}, "fetched"),
        ({"TOKEN": "given", "CLIENT_ID": "id", "CLIENT_SECRET": "sec"}, {}, {}, "fetched"),
        ({"TOKEN": "given"}, {}, {"client_id": "id", "client_secret": "sec", "auth_method": "token"}, "given"),
    ],
)
def test_of_two_credentials_the_nearest_counts_unless_a_method_is_named(
    server: Scripted,
    lookup: Lookup,
    monkeypatch: pytest.MonkeyPatch,
    environ: dict[str, str],
    variables: dict[str, str],
    arguments: dict[str, str],
    token: str,
) -> None:
    for name, value in environ.items():
        monkeypatch.setenv(f"INFISICAL_{name}", value)
    if token == "fetched":
        server.on(LOGIN, {"accessToken": "fetched"}, body={"clientId": "id", "clientSecret": "sec"})
    server.on(LIST, {"secrets": [{"secretKey": "A", "secretValue": "1"}]}, token=token)
    given = {f"infisical_{name}": value for name, value in variables.items()}
    assert lookup("infisical", "A", variables=given, url=GIVEN["url"], project_id="p1", **arguments) == ["1"]


def test_a_token_of_the_environment_needs_no_login(
    server: Scripted, lookup: Lookup, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INFISICAL_TOKEN", "given")
    server.on(LIST, {"secrets": [{"secretKey": "A", "secretValue": "1"}]}, token="given")
    assert lookup("infisical", "A", url=GIVEN["url"], project_id="p1") == ["1"]


def test_reading_through_the_cache_asks_again_and_logs_in_once(server: Scripted, lookup: Lookup) -> None:
    listed(logged_in(server), A="1")
    listed(server, A="2")
    assert lookup("infisical", "A", **GIVEN, cache=False) == ["1"]
    assert lookup("infisical", "A", **GIVEN, cache=False) == ["2"]


def test_what_was_written_to_the_project_is_read_anew(server: Scripted, lookup: Lookup, tmp_path: Path) -> None:
    listed(logged_in(server), A="1")
    assert lookup("infisical", "A", **GIVEN) == ["1"]
    RunCache(str(tmp_path)).forget("p1")
    listed(server, A="2")
    assert [lookup("infisical", "A", **GIVEN) for _task in range(2)] == [["2"], ["2"]]


def test_a_project_that_is_written_to_in_the_background_is_always_read_anew(
    server: Scripted, lookup: Lookup, tmp_path: Path
) -> None:
    logged_in(server)
    RunCache(str(tmp_path)).forget("p1", for_good=True)
    for value in ("1", "2"):
        listed(server, A=value)
        assert lookup("infisical", "A", **GIVEN) == [value]


def test_what_is_read_while_it_is_written_does_not_count(server: Scripted, lookup: Lookup, tmp_path: Path) -> None:
    listed(logged_in(server), A="1")
    send, cache = server.send, RunCache(str(tmp_path))

    def write_meanwhile(request: Any) -> Any:
        answer = send(request)
        cache.forget("p1")
        return answer

    server.send = write_meanwhile  # type: ignore[method-assign]
    assert lookup("infisical", "A", **GIVEN) == ["1"]
    server.send = send  # type: ignore[method-assign]
    listed(server, A="2")
    assert lookup("infisical", "A", **GIVEN) == ["2"]


def test_a_token_that_was_revoked_in_mid_run_is_replaced_without_a_word(server: Scripted, lookup: Lookup) -> None:
    listed(logged_in(server), A="1")
    assert lookup("infisical", "A", **GIVEN) == ["1"]
    server.refuse(LIST, 401, "UnauthorizedError", "No identity access token found")
    listed(logged_in(server), A="2")
    assert lookup("infisical", "/db/A", **GIVEN) == ["2"]


def test_a_missing_permission_is_told_and_no_login_wasted(server: Scripted, lookup: Lookup) -> None:
    logged_in(server).refuse(LIST, 403, "PermissionDenied", "You are not allowed to read on secrets")
    with pytest.raises(AnsibleError, match="May this identity read /db in dev"):
        lookup("infisical", "/db/A", **GIVEN)


def test_a_reference_that_is_left_is_told_by_the_secret_s_name(
    server: Scripted, lookup: Lookup, warnings: list[str]
) -> None:
    listed(logged_in(server), A="x${canary}", B="$HOME ${}")
    assert lookup("infisical", "A", "B", **GIVEN) == ["x${canary}", "$HOME ${}"]
    assert len(warnings) == 1
    assert warnings[0].startswith("The value of A still holds ${...}")
    assert "canary" not in warnings[0]


@given(st.lists(st.sampled_from(["$", "{", "}", "${", "a", "\n", "dev.db.NAME"])).map("".join))
def test_what_looks_like_a_reference_is_warned_of_and_nothing_else(value: str) -> None:
    said: list[str] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(controller._display, "warning", said.append)
        controller.warn_of_reference("A", value)
    ends = [part.partition("}") for part in value.split("${")[1:]]
    assert bool(said) == any(name and "{" not in name and closed for name, closed, _rest in ends)


def test_references_that_are_wanted_are_not_warned_of(server: Scripted, lookup: Lookup, warnings: list[str]) -> None:
    listed(logged_in(server), A="x${B}")
    lookup("infisical", "A", **GIVEN, expand_references=False)
    assert warnings == []


def test_without_the_run_s_directory_each_task_asks_and_it_is_said(
    server: Scripted, lookup: Lookup, warnings: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(constants, "DEFAULT_LOCAL_TMP", "/nowhere")
    monkeypatch.setattr(process_cache, "of_this_process", process_cache.ProcessCache())
    listed(logged_in(server), A="1")
    assert lookup("infisical", "A", "A", **GIVEN) == ["1", "1"]
    assert lookup("infisical", "A", **GIVEN) == ["1"]
    assert "since the run's directory cannot be used: /nowhere: No such file" in warnings[0]
    assert len(set(warnings)) == 1


def test_without_cryptography_it_works_as_well(
    server: Scripted, lookup: Lookup, warnings: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "cryptography.hazmat.primitives.ciphers.aead", None)
    monkeypatch.setattr(process_cache, "of_this_process", process_cache.ProcessCache())
    listed(logged_in(server), A="1")
    assert lookup("infisical", "A", **GIVEN) == ["1"]
    assert "cryptography is missing" in warnings[0]


def test_an_older_server_is_found_out_once_for_a_run(server: Scripted, lookup: Lookup) -> None:
    logged_in(server).unknown(LIST)
    found = {"secrets": [{"secretKey": "A", "secretValue": "1"}]}
    older = "GET /api/v3/secrets/raw"
    server.on(older, found, query={"workspaceId": "p1", "include_imports": "true"}).on(older, found)
    assert lookup("infisical", "A", **GIVEN) == ["1"]
    assert lookup("infisical", "/db/A", **GIVEN) == ["1"]


def test_a_value_is_marked_so_that_it_is_never_templated(monkeypatch: pytest.MonkeyPatch) -> None:
    marked = controller.untemplated({"A": trust_as_template("{{ 1 + 1 }}")})
    templar = Templar(loader=DataLoader(), variables={"found": marked["A"]})
    assert templar.template(trust_as_template("{{ found }}")) == "{{ 1 + 1 }}"
    monkeypatch.setitem(sys.modules, "ansible.utils.unsafe_proxy", None)
    controller._mark.cache_clear()
    assert controller.untemplated("x") == "x"
    controller._mark.cache_clear()
