# SPDX-License-Identifier: GPL-3.0-or-later
"""from_dotenv reads what Docker Compose reads; what to_dotenv writes, Compose and a shell read alike."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.omakase.homelab.plugins.filter.dotenv import from_dotenv, to_dotenv
from ansible_collections.omakase.homelab.plugins.module_utils._files.dotenv import updated
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

NAMES = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,12}", fullmatch=True)
# What an environment can carry; the characters that mean something to a parser are drawn more often.
TEXTS = st.text(st.one_of(st.sampled_from("'\"\\$`#={} \n\r\t"), st.characters(exclude_characters="\0", codec="utf-8")))


def _compose() -> list[str]:
    """Return the command of a Docker Compose of our time; empty where this machine has none."""
    for command in (["docker", "compose"], ["docker-compose"]):
        if shutil.which(command[0]):
            version = subprocess.run([*command, "version", "--short"], capture_output=True, text=True, check=False)
            if version.returncode == 0 and not version.stdout.startswith("1."):
                return command
    return []


COMPOSE = _compose()

# The examples of https://docs.docker.com/compose/how-tos/environment-variables/variable-interpolation/#env-file-syntax
DOCUMENTED = [
    ("VAR=VAL", "VAL"),
    ('VAR="VAL"', "VAL"),
    ("VAR='VAL'", "VAL"),
    ("VAR: VAL", "VAL"),
    ("VAR = VAL  ", "VAL"),
    ("VAR=VAL # comment", "VAL"),
    ("VAR=VAL# not a comment", "VAL# not a comment"),
    ('VAR="VAL # not a comment"', "VAL # not a comment"),
    ('VAR="VAL" # comment', "VAL"),
    ("VAR='$OTHER'", "$OTHER"),
    ("VAR='${OTHER}'", "${OTHER}"),
    (r"VAR='Let\'s go!'", "Let's go!"),
    (r'VAR="{\"hello\": \"json\"}"', '{"hello": "json"}'),
    (r'VAR="some\tvalue"', "some\tvalue"),
    (r"VAR='some\tvalue'", r"some\tvalue"),
    (r"VAR=some\tvalue", r"some\tvalue"),
    ("VAR='two\nlines'", "two\nlines"),
    ("OTHER=else\nVAR=$OTHER-${OTHER}", "else-else"),
    ('OTHER=else\nVAR="${OTHER}"', "else"),
    ("VAR=${OTHER:-default}", "default"),
    ("VAR=${OTHER-default}", "default"),
    ("OTHER=\nVAR=${OTHER-default}", ""),
    ("OTHER=x\nVAR=${OTHER:+replacement}", "replacement"),
    ("VAR=$$OTHER", "$OTHER"),
]


@pytest.mark.parametrize(("text", "value"), DOCUMENTED)
def test_reads_what_compose_documents(text: str, value: str) -> None:
    assert from_dotenv(text)["VAR"] == value


@pytest.mark.parametrize(
    ("text", "variables"),
    [
        ("", {}),
        ("# A=1\n\n  # B=2\n", {}),
        ("A=1\nA=2\n", {"A": "2"}),
        ("export A=1\n", {"A": "1"}),
        ("A=\nB=2", {"A": "", "B": "2"}),
        ("\ufeffA=1\r\nB=2\r\n", {"A": "1", "B": "2"}),
        ("TAKEN_FROM_THE_ENVIRONMENT\nA=1\n", {"A": "1"}),
        ("A='x\nB=2'\nC=3", {"A": "x\nB=2", "C": "3"}),
        ('A="x" # why\nB=2', {"A": "x", "B": "2"}),
        ("DB.HOST=db\nB-2=b", {"DB.HOST": "db", "B-2": "b"}),
        ('A="costs \\$5"', {"A": "costs $5"}),
        ("A=pa$1word", {"A": "pa$1word"}),
        ("A=x=y:z", {"A": "x=y:z"}),
    ],
)
def test_reads_files_as_people_write_them(text: str, variables: dict[str, str]) -> None:
    assert from_dotenv(text) == variables


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("A=1\nnot an assignment\n", 2),
        ("A=1\n\nB='never closed\nC=3", 3),
        ("A=1\nB=${\n", 2),
        ("A=${B:?must be given}\n", 1),
        ("=value\n", 1),
    ],
)
def test_refuses_what_compose_refuses_and_names_the_line_alone(text: str, line: int) -> None:
    with pytest.raises(AnsibleFilterError, match=rf"^from_dotenv: line {line} [a-zA-Z= ]+\.$"):
        from_dotenv(text)


@given(st.dictionaries(NAMES, TEXTS))
@example({"A": "ends in a backslash\\", "B": "next"})
@example({"A": "it's \\' and \"that\" $HOME"})
def test_values_come_back_as_they_were(variables: dict[str, str]) -> None:
    assert from_dotenv(_written(variables)) == _writable(variables)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(variables=st.dictionaries(NAMES.map("V_{}".format), TEXTS, max_size=20))
def test_a_shell_reads_the_same(variables: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "env").write_text(_written(variables), encoding="utf-8", newline="")
    show = f"{sys.executable} -c 'import json, os; print(json.dumps(dict(os.environ)))'"
    shell = ["env", "-i", "LC_ALL=C.UTF-8", "sh", "-euc", f"set -a; . ./env; {show}"]
    shown = json.loads(subprocess.run(shell, cwd=tmp_path, capture_output=True, check=True).stdout)
    assert {name: shown[name] for name in _writable(variables)} == _writable(variables)


@pytest.mark.skipif(not COMPOSE, reason="Docker Compose is not on this machine")
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(variables=st.dictionaries(NAMES.map("V_{}".format), TEXTS, min_size=1, max_size=20))
def test_docker_compose_reads_the_same(variables: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "env").write_text(_written(variables), encoding="utf-8", newline="")
    (tmp_path / "compose.yml").write_text("services: {one: {image: none, env_file: env}}", encoding="utf-8")
    command = [*COMPOSE, "--file", str(tmp_path / "compose.yml"), "config", "--format", "json"]
    answer = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    shown = answer["services"]["one"].get("environment") or {}
    # Compose doubles the dollars again, so that its answer is a Compose file.
    assert {name: value.replace("$$", "$") for name, value in shown.items()} == _writable(variables)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("plain-Value_1/2:3@4%5+6,7=8", "A=plain-Value_1/2:3@4%5+6,7=8\n"),
        ("", "A=\n"),
        (True, "A=true\n"),
        (False, "A=false\n"),
        (587, "A=587\n"),
        ("two words", "A='two words'\n"),
        ('cost$ `x` "y"', "A='cost$ `x` \"y\"'\n"),
        ("it's", 'A="it\'s"\n'),
        ("C:\\", 'A="C:\\\\"\n'),
    ],
)
def test_quotes_only_what_needs_it(value: object, text: str) -> None:
    assert to_dotenv({"A": value}) == text


def test_keeps_the_order_given() -> None:
    assert to_dotenv({"B": "1", "A": "2"}) == "B=1\nA=2\n"


@pytest.mark.parametrize("value", ["it's a `canary`", "`canary`\\", "canary\0", None, ["canary"], {"canary": 1}])
def test_refuses_a_value_that_no_file_can_carry_without_showing_it(value: object) -> None:
    with pytest.raises(AnsibleFilterError, match="GIVEN") as refusal:
        to_dotenv({"GIVEN": value})
    assert "canary" not in str(refusal.value)


@pytest.mark.parametrize("name", ["", "1A", "A B", "A-B", "A=B", "A\n", "É"])
def test_refuses_a_name_that_a_shell_would_not_take(name: str) -> None:
    with pytest.raises(AnsibleFilterError, match="is not a name for a variable"):
        to_dotenv({name: "x"})


def _writable(variables: dict[str, str]) -> dict[str, str]:
    """Return those that a file can carry, see the test of refusals."""
    return {name: value for name, value in variables.items() if not _refused(value)}


def _refused(value: str) -> bool:
    return "`" in value and ("'" in value or value.endswith("\\"))


def _written(variables: dict[str, str]) -> str:
    return to_dotenv(_writable(variables))


@given(st.dictionaries(NAMES, TEXTS), st.dictionaries(NAMES, TEXTS))
def test_an_update_sets_its_variables_and_keeps_the_others(before: dict[str, str], changes: dict[str, str]) -> None:
    before, changes = _writable(before), _writable(changes)
    text = updated(f"# mine\n{to_dotenv(before)}# the end\n", changes)
    assert from_dotenv(text) == {**before, **changes}
    assert text.startswith("# mine\n") and "# the end\n" in text
    assert updated(text, changes) == text


def test_an_update_gives_a_name_without_a_value_one_and_no_second_line() -> None:
    assert updated("A\nB=2\n", {"A": "1"}) == "A=1\nB=2\n"
