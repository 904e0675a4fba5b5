# SPDX-License-Identifier: GPL-3.0-or-later
"""Which secrets are created, changed, deleted and left alone."""

from __future__ import annotations

import pytest
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.errors import InfisicalError
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.model import Secret
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.plan import Digest
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.secret_plan import (
    SecretPlan,
    Wanted,
    as_json,
    check,
    plan_secrets,
    stored_form,
)
from hypothesis import given
from hypothesis import strategies as st

RECIPE = {"kind": "hex", "length": 8, "alphabet": None}
NAMES = st.sampled_from(["A", "B", "C"])
WANTED = st.lists(
    st.builds(
        Wanted,
        name=NAMES,
        value=st.sampled_from(["", "1", "2"]),
        comment=st.none() | st.sampled_from(["", "x"]),
        absent=st.booleans(),
    ),
    unique_by=lambda secret: secret.name,
)
FOUND = st.dictionaries(NAMES, st.sampled_from(["", "1", "2"])).map(
    lambda values: {name: Secret(name, value) for name, value in values.items()}
)


def performed(steps: SecretPlan, found: dict[str, Secret]) -> dict[str, Secret]:
    """What the folder holds afterwards."""
    after = {name: secret for name, secret in found.items() if secret not in steps.delete}
    for wanted, here in steps.update:
        comment = here.comment if wanted.comment is None else wanted.comment
        after[here.name] = Secret(here.name, wanted.value or "", comment=comment)
    for wanted in steps.create:
        after[wanted.name] = Secret(wanted.name, wanted.value or "", comment=wanted.comment or "")
    return after


@given(WANTED, FOUND, st.booleans())
def test_a_second_run_does_nothing(wanted: list[Wanted], found: dict[str, Secret], overwrite: bool) -> None:
    after = performed(plan_secrets(wanted, found, overwrite), found)
    assert not plan_secrets(wanted, after, overwrite)


@given(WANTED, FOUND, st.booleans())
def test_every_secret_is_in_one_list(wanted: list[Wanted], found: dict[str, Secret], overwrite: bool) -> None:
    steps = plan_secrets(wanted, found, overwrite)
    listed = [secret.name for secret in steps.create] + [here.name for here in steps.delete] + steps.unchanged
    listed += [here.name for _wanted, here in steps.update]
    assert sorted(listed) == sorted(secret.name for secret in wanted)


@given(WANTED, FOUND)
def test_without_overwrite_no_existing_value_is_touched(wanted: list[Wanted], found: dict[str, Secret]) -> None:
    steps = plan_secrets(wanted, found, overwrite=False)
    assert steps.update == []
    assert not {secret.name for secret in steps.create} & set(found)


@given(WANTED, FOUND)
def test_with_overwrite_what_is_wanted_is_there(wanted: list[Wanted], found: dict[str, Secret]) -> None:
    after = performed(plan_secrets(wanted, found, overwrite=True), found)
    for secret in wanted:
        assert (after[secret.name].value == secret.value) if not secret.absent else secret.name not in after


@given(WANTED, FOUND)
def test_a_diff_never_holds_a_value(wanted: list[Wanted], found: dict[str, Secret]) -> None:
    marked = [Wanted(item.name, f"canary-{item.value}", absent=item.absent) for item in wanted]
    held = {name: Secret(name, f"canary-{secret.value}") for name, secret in found.items()}
    assert "canary" not in str(plan_secrets(marked, held, True).as_diff(Digest()))


@given(st.text())
def test_what_the_server_has_trimmed_stays_as_it_is(value: str) -> None:
    assert stored_form(stored_form(value)) == stored_form(value)


@pytest.mark.parametrize(
    "value", ["", "x", "a b", "line\nline\n", "\n", "'\"$`\\ {{ x }} ${Y}", "日本", "007", "\x1cx\x85"]
)
def test_a_value_that_survives_is_accepted(value: str) -> None:
    check([Wanted("A", value)])


@pytest.mark.parametrize("value", [" x", "x ", "x\n\n", "\nx", "x \n", "\u00a0x", "x\ufeff", " ", "\r\n", "x\t"])
def test_a_value_that_the_server_would_trim_is_refused_and_not_told(value: str) -> None:
    with pytest.raises(InfisicalError, match="The value of A begins or ends with blanks") as caught:
        check([Wanted("A", value)])
    assert "x" not in str(caught.value)


@pytest.mark.parametrize("name", ["", " ", "A:B", " A", "A\n"])
def test_a_name_that_the_server_would_refuse_is_refused(name: str) -> None:
    with pytest.raises(InfisicalError, match="not valid"):
        check([Wanted(name, "x")])


def test_a_name_twice_is_refused() -> None:
    with pytest.raises(InfisicalError, match="listed twice"):
        check([Wanted("A", "x"), Wanted("A", "y")])


def test_a_recipe_is_checked_and_used_for_missing_secrets_alone() -> None:
    with pytest.raises(InfisicalError, match="length"):
        check([Wanted("A", recipe=dict(RECIPE, length=0))])
    missing = plan_secrets([Wanted("A", recipe=RECIPE)], {}, overwrite=True)
    assert [secret.name for secret in missing.create] == ["A"]
    assert "generated" in str(missing.as_diff(Digest()))
    assert plan_secrets([Wanted("A", recipe=RECIPE)], {"A": Secret("A", "old")}, overwrite=True).unchanged == ["A"]


def test_a_hidden_value_cannot_be_compared() -> None:
    hidden = {"A": Secret("A", "<hidden>", hidden=True)}
    with pytest.raises(InfisicalError, match="may not be read"):
        plan_secrets([Wanted("A", "x")], hidden, overwrite=True)
    assert plan_secrets([Wanted("A", "x")], hidden, overwrite=False).unchanged == ["A"]


@pytest.mark.parametrize(
    "wanted",
    [
        Wanted("A", "1", comment="new"),
        Wanted("A", "1", tags=("t",)),
        Wanted("A", "1", metadata=(("k", "v"),)),
        Wanted("A", "2"),
    ],
)
def test_whatever_differs_is_a_change(wanted: Wanted) -> None:
    steps = plan_secrets([wanted], {"A": Secret("A", "1", comment="old")}, overwrite=True)
    assert len(steps.update) == 1
    assert steps.as_diff(Digest())["before"]["A"]["comment"] == "old"


def test_a_comment_is_compared_as_the_server_keeps_it() -> None:
    assert not plan_secrets([Wanted("A", "1", comment=" c ")], {"A": Secret("A", "1", comment="c")}, overwrite=True)


def test_the_json_has_what_was_given_and_nothing_else() -> None:
    assert as_json(Wanted("A"), None, {}) == {"secretKey": "A"}
    everything = Wanted("A", "1", comment="c", tags=("t",), metadata=(("k", "v"),))
    assert as_json(everything, "1", {"t": "id"}) == {
        "secretKey": "A",
        "secretValue": "1",
        "secretComment": "c",
        "tagIds": ["id"],
        "secretMetadata": [{"key": "k", "value": "v"}],
    }
