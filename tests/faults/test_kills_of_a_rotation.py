# SPDX-License-Identifier: GPL-3.0-or-later
"""A rotation is killed at random moments: old or new value always works, and the next run comes to its end."""

from __future__ import annotations

import json
from functools import partial

import pytest
from ansible_collections.omakase.homelab.plugins.filter.dotenv import from_dotenv

from tests.faults import kills
from tests.faults.kills import CONTROLLER, HOST, POWER, Kill, Kills
from tests.faults.playbook import LIMIT
from tests.roles.playbook import Run, succeeded
from tests.roles.test_rotate import CREDENTIALS, ENV, JOURNAL, Rotating, rotating
from tests.support.soak import Soak

pytestmark = [pytest.mark.lab, pytest.mark.soak]
ADDRESS = "198.18.0.137"
ROLES = {"postgres": "POSTGRES_PASSWORD", "authelia": "AUTHELIA_DB_PASSWORD"}
ROTATED = [*ROLES.values(), "SONARR_API_KEY"]
IDENTITIES = ["omakase-deployment", "omakase-dev"]
NAMES = ["-e", f"rotate_names={','.join([*ROTATED, *IDENTITIES, 'omakase-management'])}"]
__all__ = ["rotating"]


def client(rotating: Rotating, name: str) -> dict[str, str]:
    """What the Infisical host keeps of an identity."""
    found: dict[str, str] = json.loads(rotating.site.host.file(f"{CREDENTIALS}/{name}.json").content_string)
    return found


def client_secrets(rotating: Rotating, name: str) -> int:
    """How many client secrets of the identity are valid."""
    kept, manager = client(rotating, name), client(rotating, "management")
    listed = rotating.site.server.request(
        "GET",
        f"/api/v1/auth/universal-auth/identities/{kept['identity_id']}/client-secrets",
        None,
        rotating.site.server.log_in(manager["client_id"], manager["client_secret"]),
    )
    assert listed.status == 200, listed
    return sum(not found["isClientSecretRevoked"] for found in listed.body["clientSecretData"])


def known(secrets: dict[str, str], name: str) -> set[str]:
    """Its value, and what the journal has of it."""
    journal = json.loads(secrets[JOURNAL])["changes"] if JOURNAL in secrets else []
    return {secrets[name]} | {change[key] for change in journal if change["name"] == name for key in ("old", "new")}


# What was exchanging containers may have died in between, and left the database's stopped: the next run starts it, and
# it is its password that is asked for here. What was left half-way need not become healthy.
_SETTLED = "timeout 60 sh -c 'while docker ps | grep -Eq \"starting|unhealthy\"; do sleep 0.5; done' || true"
_ALL_UP = f"docker start $(docker ps --all --quiet) && {_SETTLED}"


def something_works(rotating: Rotating, before: dict[str, str], kill: Kill) -> None:
    """At no moment neither the old nor the new value works, and what works is on record."""
    # Where the controller died, the task on the host goes on.
    rotating.site.host.check_output(_SETTLED if kill.how == CONTROLLER else _ALL_UP)
    secrets = rotating.secrets()  # by the deployment's client secret, as the Infisical host keeps it
    for role, name in ROLES.items():
        works = any(rotating.logs_in(role, value) for value in known(secrets, name))
        # A task on the host may have gone on since they were read.
        works = works or any(rotating.logs_in(role, value) for value in known(rotating.secrets(), name))
        assert works, f"{kill}: nobody knows the password of {role}"
    for name in before:
        assert name in secrets and (name in ROTATED or secrets[name] == before[name]), f"{kill} lost {name}"
    management = client(rotating, "management")
    rotating.site.server.log_in(management["client_id"], management["client_secret"])
    env = from_dotenv(rotating.site.host.file(ENV).content_string)
    rotating.site.server.log_in(env["INFISICAL_CLIENT_ID"], env["INFISICAL_CLIENT_SECRET"])


def rotated(rotating: Rotating) -> None:
    process = rotating.start(*NAMES)
    process.wait(timeout=LIMIT)
    output = rotating.log.read_text()
    succeeded(Run(process.returncode, output))


def test_a_killed_rotation_is_finished_by_the_next_one(rotating: Rotating, soak: Soak) -> None:
    rounds = Kills(soak, "rotate")
    rounds.whole(partial(rotated, rotating))
    for kill in rounds.drawn(soak.count(100), [CONTROLLER, HOST, *[CONTROLLER, HOST] * 3, POWER]):
        before, machine = rotating.secrets(), rotating.site.machine
        hit = kills.on_controller(machine, kill, rotating.start(*NAMES))
        something_works(rotating, before, kill)
        rounds.whole(partial(rotated, rotating))
        it_is_over(rotating, before, kill)
        rounds.count(kill, hit)
    rounds.sum_up()


def it_is_over(rotating: Rotating, before: dict[str, str], kill: Kill) -> None:
    """Every name has one value, which is new where it was asked for, in force and in use; and one client secret."""
    after = rotating.secrets()
    assert JOURNAL not in after, kill
    assert {name for name in {*before, *after} if before.get(name) != after.get(name)} <= {*ROTATED}, kill
    for role, name in ROLES.items():
        assert before[name] != after[name], f"{kill}: {name} was not rotated"
        assert rotating.logs_in(role, after[name]) and not rotating.logs_in(role, before[name]), kill
    assert all(after[name] in rotating.environment_of("app") for name in ROTATED if name != "POSTGRES_PASSWORD"), kill
    states = rotating.site.host.check_output("docker ps --format '{{.Names}} {{.Status}}'").splitlines()
    assert len(states) == 4 and all("(healthy)" in state for state in states), (kill, states)
    for name in (*IDENTITIES, "management"):
        assert client_secrets(rotating, name) == 1, f"{kill}: client secrets of {name} are doubled"
    assert client(rotating, "omakase-dev")["client_secret"] in rotating.site.host.file(ENV).content_string
    places = f"{CREDENTIALS} {ENV.rpartition('/')[0]}"
    half = rotating.site.host.check_output(f"find {places} -name '.new-*' -o -name '.ansible_tmp*'")
    assert half == "", f"{kill} left {half}"
