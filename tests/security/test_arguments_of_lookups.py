# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever a lookup is given, it ends with values or an error that names the option, before it asks anybody."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest
from ansible import constants
from ansible.config.manager import ensure_type
from ansible.errors import AnsibleError
from ansible.parsing.dataloader import DataLoader
from ansible.plugins.loader import fragment_loader, lookup_loader
from ansible.template import Templar
from ansible.utils.plugin_docs import get_docstring
from ansible_collections.omakase.homelab.plugins.module_utils._infisical import options
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.option_table import AUTH
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.transport import Answer, Request
from ansible_collections.omakase.homelab.plugins.plugin_utils._infisical import controller, run_cache
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from tests.meta.repository import COLLECTION, ROOT, plugins
from tests.security.conftest import Deaf
from tests.support.arguments import ANYTHING, NAMES, TEXTS, Arguments, Spec, arguments
from tests.support.soak import ROUNDS, SEED

LOOKUPS = [name.rpartition(".")[2] for name in plugins("lookup")]
# With these alone a lookup gets as far as the server.
ENOUGH = {
    "url": "https://vault.test",
    "client_id": "id",
    "client_secret": "canary-secret",
    "project_id": "p1",
    "retries": 0,
}
TERMS = st.sampled_from(["NAME", "/app/NAME", "/app", "/"])
# What is said of terms, which are no option.
OF_TERMS = (
    "A term is not a string",
    "No name of a secret was given",
    "is not the name of a secret",
    "path of a folder",
)
Given = tuple[list[Any], Arguments, Arguments]
SHORT, LONG = 25, max(1, 10 * ROUNDS)
QUIET = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large]


def documented(name: str) -> Spec:
    """The lookup's options as its documentation has them; of the secret ones we know by the modules' table."""
    path = ROOT / "plugins" / "lookup" / f"{name}.py"
    docs = get_docstring(str(path), fragment_loader, collection_name=COLLECTION, plugin_type="lookup")[0]
    options = {option: spec for option, spec in docs["options"].items() if not option.startswith("_")}
    return {option: {**spec, "no_log": AUTH.get(option, {}).get("no_log", False)} for option, spec in options.items()}


SPECS = {name: documented(name) for name in LOOKUPS}


class Willing(Deaf):
    """A server that lets everybody in, and has the secret NAME in every folder."""

    def send(self, request: Request) -> Answer:
        super().send(request)
        secrets = [{"secretKey": "NAME", "secretValue": "x"}]
        told = {"accessToken": "t", "project": {"id": "p1", "slug": "p", "name": "p"}, "secrets": secrets}
        return Answer(200, {}, json.dumps(told).encode())


@pytest.fixture
def willing(deaf: Deaf, monkeypatch: pytest.MonkeyPatch) -> Willing:
    server = Willing()
    monkeypatch.setattr(options, "UrlTransport", lambda _connection: server)
    return server


@pytest.fixture
def run(willing: Willing, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The directory of the run, where a lookup keeps what it has read."""
    tmp_path.chmod(0o700)
    monkeypatch.setattr(constants, "DEFAULT_LOCAL_TMP", str(tmp_path))
    return tmp_path


def given_to(name: str) -> st.SearchStrategy[Given]:
    """Terms, arguments and variables: as they come, or with all that it needs; one in ten is no option."""
    spec = SPECS[name]
    terms = st.lists(TERMS | NAMES | TEXTS | ANYTHING, max_size=3) | st.lists(TERMS, min_size=1, max_size=3)
    found = arguments(spec)
    few = st.tuples(found, st.sets(st.sampled_from(sorted(spec)), max_size=2)).map(
        lambda drawn: {option: value for option, value in drawn[0].items() if option in drawn[1]}
    )
    known = found | found.map(lambda wild: {**ENOUGH, **wild}) | few.map(lambda wild: {**ENOUGH, **wild})
    none = st.sampled_from(["urls", "secret", "NAME"]).map(lambda option: {**ENOUGH, option: "x"})
    direct = st.integers(0, 9).flatmap(lambda chance: none if chance == 9 else known)
    variables = few.map(lambda wild: {f"infisical_{option}": value for option, value in wild.items()})
    return st.tuples(terms, direct, variables)


def refused(name: str, direct: Mapping[str, Any], variables: Mapping[str, Any]) -> set[str]:
    """The options that by their documentation are none, or hold what they do not take."""
    spec = SPECS[name]
    wrong = {option for option in direct if option not in spec}
    for option, described in spec.items():
        value = direct.get(option)
        value = variables.get(f"infisical_{option}") if value is None else value
        if value is None:
            continue
        try:
            converted = ensure_type(value, described["type"])
        except (TypeError, ValueError, OverflowError):
            wrong.add(option)
            continue
        if "choices" in described and converted not in described["choices"]:
            wrong.add(option)
    return wrong


def judge(name: str, found: Given, server: Willing, directory: Path) -> str:
    """What it said, if it failed."""
    terms, direct, variables = found
    wrong = refused(name, direct, variables)
    server.sent.clear()
    controller._options_before.clear()
    shutil.rmtree(directory / run_cache.DIRECTORY, ignore_errors=True)
    loader = DataLoader()
    templar = Templar(loader=loader, variables=variables)
    plugin = lookup_loader.get(f"{COLLECTION}.{name}", loader=loader, templar=templar)
    said = ""
    try:
        assert isinstance(plugin.run(terms, variables=variables, **direct), list)
    except AnsibleError as error:
        said = str(error)
        assert said.strip()
    assert "canary" not in said
    assert [path.name for path in directory.iterdir() if path.name != run_cache.DIRECTORY] == []
    if wrong:
        assert names_one(said, wrong), f"{wrong}: {said}"
    if said and not server.sent:
        assert names_one(said, SPECS[name]) or any(words in said for words in OF_TERMS), said
    if server.sent:
        assert not wrong
        assert not said or said.startswith("There is no secret "), f"asked, and then refused: {said}"
    return said


def names_one(said: str, options: Iterable[str]) -> bool:
    return any(re.search(rf"\b{option}\b", said) for option in options)


@pytest.mark.parametrize("name", LOOKUPS)
def test_arguments_of_any_kind_end_in_words(name: str, willing: Willing, run: Path) -> None:
    phases = [Phase.generate]

    @settings(max_examples=SHORT, derandomize=True, phases=phases, suppress_health_check=QUIET, database=None)
    @given(given_to(name))
    def judged(found: Given) -> None:
        judge(name, found, willing, run)

    judged()


@pytest.mark.soak
@pytest.mark.parametrize("name", LOOKUPS)
def test_thousands_of_arguments_end_in_words(name: str, willing: Willing, run: Path) -> None:
    @seed(SEED)
    @settings(max_examples=LONG, suppress_health_check=QUIET, database=None)
    @given(given_to(name))
    def judged(found: Given) -> None:
        judge(name, found, willing, run)

    judged()


@pytest.mark.parametrize(
    ("name", "terms", "direct", "says"),
    [
        ("infisical", ["NAME", "/"], {}, "'/' is not the name of a secret"),
        ("infisical_secrets", ["/", "app"], {}, "'app' is not the path of a folder"),
        ("infisical", ["NAME"], {"auth_method": "oidc", "auth_identity_id": "i", "jwt_path": "n\0ul"}, "in jwt_path"),
    ],
)
def test_what_was_found_stays_found(
    name: str, terms: list[Any], direct: Arguments, says: str, willing: Willing, run: Path
) -> None:
    assert says in judge(name, (terms, {**ENOUGH, **direct}, {}), willing, run)
    assert willing.sent == []
