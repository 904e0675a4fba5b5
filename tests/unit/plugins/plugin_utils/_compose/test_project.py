# SPDX-License-Identifier: GPL-3.0-or-later
"""What the Compose files of a checkout add up to, and how it compares with a project's secrets."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.omakase.homelab.plugins.filter.compose import variable_table
from ansible_collections.omakase.homelab.plugins.plugin_utils._compose.digest import digest

ROOT = "/home/omakase/omakase"


def read(texts: dict[str, str], **given: Any) -> dict[str, Any]:
    found = {"tracked": list(texts), "values": {}, "root": ROOT, "profiles": [], "wanted": [], **given}
    return digest(texts, **found)


def table(
    texts: dict[str, str], secrets: dict[str, str], ignored: list[str] | None = None, **given: Any
) -> dict[str, Any]:
    return variable_table(read(texts, **given)["reads"], secrets, ignored=ignored or [])


def rows(texts: dict[str, str], secrets: dict[str, str], **given: Any) -> dict[str, str]:
    lines = [line.split(maxsplit=2) for line in table(texts, secrets, **given)["lines"][1:]]
    return {name: f"{state}: {readers}" for state, name, readers in lines}


def test_everything_that_compose_merges_is_read() -> None:
    texts = {
        "compose.yml": "include:\n- a/compose.yml\n- {path: [b/compose.yml, b/more.yml], env_file: b/local.env}\n",
        "compose.override.yml": "services: {one: {image: 'x:${OVERRIDE}'}}\n",
        "a/compose.yml": "services: {one: {extends: {file: ../c/base.yml, service: base}, env_file: [one.env]}}\n",
        "a/one.env": "# ${COMMENT}\nA=1\nB=${A}${IN_ENV_FILE}\nC='${LITERAL}'\n",
        "b/compose.yml": "services: {two: {environment: [PASSED, 'GIVEN=${LOCAL}']}}\n",
        "b/more.yml": "services: {two: {environment: {ALSO_PASSED: , X: '{{env \"GO\"}}'}}}\n"
        "networks: {n: {name: '${NET}'}}\n",
        "b/local.env": "LOCAL=1\n",
        "c/base.yml": "services: {base: {image: '${BASE:?err}'}, unused: {image: '${NOT_EXTENDED}'}}\n",
        "unrelated.yml": "services: {x: {image: '${UNRELATED}'}}\n",
    }
    found = read(texts)
    assert found["names"] == ["ALSO_PASSED", "BASE", "GO", "IN_ENV_FILE", "LOCAL", "NET", "OVERRIDE", "PASSED"]
    assert (found["provided"], found["absent"], found["problem"]) == (["LOCAL"], [], "")
    assert rows(texts, {"BASE": "x"}) == {
        "GO": "missing: two", "IN_ENV_FILE": "missing: one", "LOCAL": "missing: two", "NET": "missing: b/more.yml",
        "OVERRIDE": "missing: one", "ALSO_PASSED": "default: two", "PASSED": "default: two",
    }  # fmt: skip


def test_compose_file_says_which_files_count_and_what_is_absent_is_named() -> None:
    texts = {"compose.yml": "services: {a: {image: '${A}'}}", "prod.yml": "services: {a: {image: '${B}'}}"}
    found = read(texts, values={"COMPOSE_FILE": "prod.yml:local.yml"})
    assert (found["names"], found["absent"]) == (["B"], ["local.yml"])


def test_the_one_table_tells_missing_empty_defaulted_and_unused_and_no_value() -> None:
    texts = {"compose.yml": "services: {a: {image: '${A} ${B} ${C:-d} ${D} ${E:?}'}, b: {image: '${A} ${C:-e}'}}"}
    found = table(
        texts,
        {
            "B": "",
            "D": "canary-value",
            "E": "",
            "F": "canary-value",
            "COMPOSE_PROJECT_NAME": "x",
            "OMAKASE_ROTATION_WENT_BACK": "x",
        },
    )
    assert found["lines"] == [
        "state    variable  read by",
        "missing  A         a, b",
        "blank    E         a",
        "empty    B         a",
        "default  C         a, b",
        "unused   F         -",
    ]
    assert found["refused"] == ["A", "E"]


def test_a_service_that_is_off_needs_only_what_compose_refuses_to_do_without() -> None:
    texts = {"compose.yml": "services: {a: {profiles: [extra], image: '${SOFT} ${HARD:?err}'}}"}
    assert rows(texts, {}) == {"HARD": "missing: a", "SOFT": "default: a"}
    for given in ({"profiles": ["extra"]}, {"values": {"COMPOSE_PROFILES": "other,extra"}}, {"profiles": ["*"]}):
        assert rows(texts, {}, **given)["SOFT"] == "missing: a"


def test_names_in_mounted_files_are_compared_unless_the_service_is_given_them() -> None:
    service = "{environment: {OWN: x}, volumes: [./conf:/conf:ro, '${DATA_DIR}/x:/x'], configs: [extra]}"
    texts = {
        "compose.yml": f"services: {{a: {service}}}\nconfigs: {{extra: {{file: extra.toml}}}}\n",
        "conf/a.yml": "x: ${OWN} ${IN_PROJECT} ${NOWHERE} ${lower} $1 ${OPTIONAL:-x}\n",
        "conf/script.conf": "#!/bin/sh\necho ${SHELLS_OWN}\n",
        "conf/dashboard.json": '{"datasource": "${DS_PROMETHEUS}"}',
        "extra.toml": "y = '{{ env \"FROM_GO\" }}'\n",
        "elsewhere.yml": "z: ${NOT_MOUNTED}\n",
    }
    assert rows(texts, {"IN_PROJECT": "x", "DATA_DIR": "/srv"}, values={"DATA_DIR": "/srv"}) == {
        "FROM_GO": "missing: extra.toml", "NOWHERE": "missing: conf/a.yml",
        "IN_PROJECT": "unfilled: conf/a.yml", "OPTIONAL": "default: conf/a.yml",
    }  # fmt: skip
    assert table(texts, {"DATA_DIR": ""}, ignored=["FROM_*", "NOWHERE", "IN_*"])["refused"] == []


def test_a_template_is_compared_restarts_who_mounts_it_and_must_not_be_tracked() -> None:
    texts = {
        "compose.yml": "services: {a: {volumes: [./conf:/c]}, b: {volumes: [{type: bind, source: conf/x.yml}]}, c: {}}",
        "conf/x.yml.tmpl": "p: ${GIVEN} ${GONE}\n",
        "conf/tracked.yml": "",
    }
    wanted = [
        {"src": "conf/x.yml.tmpl", "dest": "conf/x.yml", "format": "dollar", "owner": "101"},
        {"src": "none.j2", "dest": "conf/tracked.yml", "services": ["c"]},
    ]
    found = read(texts, wanted=wanted)
    assert rows(texts, {"GIVEN": "x"}, wanted=wanted) == {"GONE": "missing: conf/x.yml.tmpl"}
    assert [entry["services"] for entry in found["templates"]] == [["a", "b"], ["c"]]
    assert [entry["tracked"] for entry in found["templates"]] == [False, True]
    assert found["absent"] == ["none.j2"]
    assert found["templates"][0]["file"] == {
        "path": f"{ROOT}/conf/x.yml", "template": texts["conf/x.yml.tmpl"], "format": "dollar",
        "owner": "101", "group": None, "mode": None,
    }  # fmt: skip


def test_a_service_that_takes_all_of_env_is_known() -> None:
    texts = {"compose.yml": "services: {a: {env_file: .env}, b: {env_file: [{path: ./b.env}]}}", "b.env": "X=1\n"}
    found = read(texts)["services"]
    assert (found["a"]["takes_env"], found["b"]["takes_env"]) == (True, False)


@pytest.mark.parametrize(
    ("text", "problem"),
    [("a: [canary", "compose.yml is no YAML"), ("include: [compose.yml]", "compose.yml includes itself")],
)
def test_files_that_compose_cannot_read_are_named_and_not_shown(text: str, problem: str) -> None:
    found = read({"compose.yml": text})
    assert problem in found["problem"] and "canary" not in found["problem"] and found["names"] == []


def test_the_services_that_a_variable_reaches_are_known_by_way_of_templates_too() -> None:
    texts = {
        "compose.yml": "services: {a: {image: '${A}', volumes: [./conf:/c]}, b: {image: '${A}${B}', profiles: [off]}}",
        "conf/x.tmpl": "${T}\n",
    }
    wanted = [{"src": "conf/x.tmpl", "dest": "conf/x", "format": "dollar"}]
    assert read(texts, wanted=wanted)["readers"] == {"A": ["a"], "T": ["a"]}
