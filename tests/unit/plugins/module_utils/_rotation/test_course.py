# SPDX-License-Identifier: GPL-3.0-or-later
"""A rotation ends with all new values or all old ones, wherever it is killed and whatever fails."""

from __future__ import annotations

import dataclasses
import json
from itertools import count

import pytest
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.errors import InfisicalError
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.model import Secret
from ansible_collections.omakase.homelab.plugins.module_utils._rotation import course
from ansible_collections.omakase.homelab.plugins.module_utils._rotation.journal import (
    JOURNAL,
    MARIADB,
    WENT_BACK,
    Change,
    Journal,
    Place,
    truly_dated,
)

from tests.unit.plugins.module_utils._rotation.double import Homelab, KilledError, run

OLD = {"API_KEY": "old-key", "AUTHELIA": "old-a", "NEXTCLOUD": "old-n"}
NEW = {"API_KEY": "new-key", "AUTHELIA": "new-a", "NEXTCLOUD": "new-n"}
PLACES = {"AUTHELIA": Place("postgres", "authelia"), "NEXTCLOUD": Place("mariadb", "nextcloud", MARIADB)}
CHANGES = [Change(name, OLD[name], NEW[name], PLACES.get(name), "long ago") for name in OLD]
# What can fail: a step of the rotation, or the services with a new value.
TROUBLES: list[tuple[set[str], set[str]]] = [
    (set(), set()),
    ({"alter nextcloud"}, set()),
    ({"write API_KEY, AUTHELIA, NEXTCLOUD"}, set()),
    (set(), {"new-a"}),
]


def homelab(**changes: object) -> Homelab:
    fresh = Homelab(dict(OLD), {place: OLD[name] for name, place in PLACES.items()})
    return dataclasses.replace(fresh, **changes)  # type: ignore[arg-type]


def is_wholly(found: Homelab, values: dict[str, str]) -> bool:
    passwords = {name: found.takes(place) for name, place in PLACES.items()}
    expected = {name: {values[name]} for name in PLACES}
    own = {name: value for name, value in found.secrets.items() if name != WENT_BACK}
    return own == values and found.services == values and passwords == expected


def test_databases_come_before_secrets_and_secrets_before_services() -> None:
    found = homelab()
    assert run(found, CHANGES) == "rotated"
    assert is_wholly(found, NEW)
    assert found.steps == [
        f"create {JOURNAL}",
        "alter authelia",
        "alter nextcloud",
        "write API_KEY, AUTHELIA, NEXTCLOUD",
        "start",
        "keep one of nextcloud",
        f"delete {JOURNAL}",
    ]


@pytest.mark.parametrize(("breaks", "sick_with"), TROUBLES[1:])
def test_what_fails_goes_back_as_a_whole(breaks: set[str], sick_with: set[str]) -> None:
    found = homelab(breaks=breaks, sick_with=sick_with)
    assert run(found, CHANGES) == "back"
    assert is_wholly(found, OLD)


@pytest.mark.parametrize(("breaks", "sick_with"), TROUBLES)
def test_a_kill_before_any_step_is_finished_or_undone_by_the_next_run(breaks: set[str], sick_with: set[str]) -> None:
    for kill in count():
        found = homelab(breaks=breaks, sick_with=sick_with, kill_before=kill)
        try:
            run(found, CHANGES)
        except KilledError:
            found.kill_before = None
            run(found, CHANGES if JOURNAL not in found.secrets and is_wholly(found, OLD) else [])
        else:
            break
        assert is_wholly(found, OLD if breaks or sick_with else NEW), (kill, found.steps)
    assert kill >= 6


def test_two_kills_in_a_row_are_survived_as_well() -> None:
    for breaks, sick_with in TROUBLES:
        for first in range(12):
            for second in range(first, first + 12):
                found = homelab(breaks=breaks, sick_with=sick_with)
                for kill in (first, second, None):
                    found.kill_before = kill
                    try:
                        run(found, CHANGES if JOURNAL not in found.secrets and is_wholly(found, OLD) else [])
                    except KilledError:
                        continue
                assert JOURNAL not in found.secrets
                assert is_wholly(found, OLD if breaks or sick_with else NEW), (first, second, found.steps)


def test_a_rotation_that_was_turned_back_is_not_taken_forward_by_the_next_run() -> None:
    found = homelab(sick_with={"new-a"}, kill_before=6)  # the journal is turned back, and nothing more
    with pytest.raises(KilledError):
        run(found, CHANGES)
    found.kill_before, found.sick_with = None, set()
    assert run(found, []) == "back"
    assert is_wholly(found, OLD)


def test_what_went_back_keeps_its_true_age_until_it_is_written_again() -> None:
    found = homelab(sick_with={"new-a"})
    for _time in range(2):
        assert run(found, CHANGES) == "back"
        assert found.updated["AUTHELIA"] != "long ago", "the server calls it new"
        assert {truly_dated(found.read())[name].updated for name in OLD} == {"long ago"}
    found.update({"API_KEY": "by-hand"})
    assert truly_dated(found.read())["API_KEY"].updated == found.updated["API_KEY"]
    found.sick_with = set()
    changes = [dataclasses.replace(change, old=found.secrets[change.name]) for change in CHANGES]
    assert run(found, changes) == "rotated" and WENT_BACK not in found.secrets


def test_a_record_that_somebody_broke_is_as_good_as_none() -> None:
    for text in ("", "[1]", '{"A": 1}', "{"):
        secrets = {"A": Secret("A", "x", updated="now"), WENT_BACK: Secret(WENT_BACK, text)}
        assert truly_dated(secrets) == secrets


def test_a_second_run_at_the_same_time_is_refused() -> None:
    found = homelab()
    course.begin(found, Journal(tuple(CHANGES)))
    with pytest.raises(InfisicalError, match="already exist"):
        course.begin(found, Journal(tuple(CHANGES)))


def test_a_value_that_somebody_wrote_meanwhile_stays_and_the_database_follows_it() -> None:
    found = homelab(kill_before=3)
    with pytest.raises(KilledError):
        run(found, CHANGES)
    found.secrets["AUTHELIA"] = "by-hand"
    del found.secrets["API_KEY"]
    found.kill_before = None
    journal = course.found_journal(found.read())
    assert journal is not None
    settled = course.settle(found, found, journal, found.read())
    assert (settled.names, settled.left_alone) == (["NEXTCLOUD"], ["API_KEY", "AUTHELIA"])
    assert found.passwords[PLACES["AUTHELIA"]] == found.secrets["AUTHELIA"] == "by-hand"
    assert "API_KEY" not in found.secrets


@pytest.mark.parametrize("name", PLACES)
def test_what_somebody_wrote_in_the_last_moment_is_followed_by_the_next_run(name: str) -> None:
    found = homelab(kill_before=5)
    with pytest.raises(KilledError):
        run(found, CHANGES)
    journal = course.found_journal(found.read())
    assert journal is not None
    found.kill_before, found.secrets[name] = None, "by-hand"
    with pytest.raises(InfisicalError, match=f"{name} was changed by somebody in the last moment"):
        course.finish(found, found, journal, found.read())
    run(found, [])
    assert is_wholly(found, {**NEW, name: "by-hand"})


def test_a_journal_of_a_time_without_other_databases_is_read() -> None:
    place = {"service": "postgres", "role": "authelia"}
    change = {"name": "A", "old": "o", "new": "n", "place": place, "since": ""}
    journal = Journal.from_text(json.dumps({"back": False, "changes": [change]}))
    assert journal.changes[0].place == Place("postgres", "authelia")


def test_a_journal_survives_the_way_over_the_server_and_shows_no_value() -> None:
    journal = Journal(tuple(CHANGES)).turned_back()
    assert course.found_journal({JOURNAL: Secret(JOURNAL, journal.as_text())}) == journal
    assert not any(value in repr(journal) for value in (*OLD.values(), *NEW.values()))


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"back": false, "changes": [{"name": "canary-value"}]}'])
def test_what_is_no_journal_is_refused_without_being_shown(text: str) -> None:
    with pytest.raises(InfisicalError, match="is not a journal") as refusal:
        course.found_journal({JOURNAL: Secret(JOURNAL, text)})
    assert "canary" not in str(refusal.value)
