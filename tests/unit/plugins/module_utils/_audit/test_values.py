# SPDX-License-Identifier: GPL-3.0-or-later
"""Values are judged, and never told."""

from __future__ import annotations

import random
import secrets
from base64 import urlsafe_b64encode

import pytest
from ansible_collections.omakase.homelab.plugins.module_utils._audit import values
from ansible_collections.omakase.homelab.plugins.module_utils._audit.values import Found
from ansible_collections.omakase.homelab.plugins.module_utils._doctor.findings import Finding
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.model import Secret

STRONG = "q7Rk2mXw9ZbT4nVc8LpD"


def found(name: str, value: str, environment: str = "dev", path: str = "/", hidden: bool = False) -> Found:
    return Found(environment, Secret(name, value, path, hidden=hidden))


def judged(*secrets_: Found, settings: tuple[str, ...] = ()) -> dict[str, Finding]:
    return {finding.check: finding for finding in values.findings(secrets_, settings)}


def test_strong_values_that_differ_are_in_order() -> None:
    report = judged(found("GRAFANA_DB_PASSWORD", STRONG), found("SONARR_API_KEY", secrets.token_hex(16)))
    assert {finding.state for finding in report.values()} == {"ok"}


@pytest.mark.parametrize(
    "value",
    ["changeme", "Change-Me!", "GRAFANA_DB_PASSWORD", "please-change-this-now-1", "<your api key>",
     "your-secret-key-here",
     "6c1fe4e407b8911c104518103505b218", "Super_Secret_Password", "s3cr3t.example.com-and-more"],
)  # fmt: skip
def test_what_a_manual_gives_is_an_example(value: str) -> None:
    finding = judged(found("GRAFANA_DB_PASSWORD", value))["example values"]
    assert (finding.state, finding.evidence) == ("problem", "dev:/GRAFANA_DB_PASSWORD")


@pytest.mark.parametrize(
    "value", ["Xk4!pQ9z", "482910573829", "aaaaaaaaaaaaaaaaaaaa", "abcdefghijklmnopqrst", "xyQ7xyQ7xyQ7xyQ7"]
)
def test_what_is_short_or_monotonous_is_weak(value: str) -> None:
    finding = judged(found("GRAFANA_DB_PASSWORD", value, path="/db"))["weak values"]
    assert (finding.state, finding.evidence) == ("problem", "dev:/db/GRAFANA_DB_PASSWORD")


def test_random_values_as_our_roles_make_them_are_never_called_weak() -> None:
    chance = random.Random(1)  # noqa: S311  # one in millions is called so
    made = [chance.randbytes(16).hex() for _ in range(300)]
    made += [urlsafe_b64encode(chance.randbytes(24)).decode() for _ in range(300)]
    assert [value for value in made if values.is_weak(value) or values.is_example("X_Y_KEY", value)] == []


@pytest.mark.parametrize(
    ("name", "credential"),
    [("POSTGRES_PASSWORD", True), ("AUTHELIA_JWT_SECRET", True), ("B2_ACCOUNT_KEY", True), ("TELEGRAM_BOT_TOKEN", True),
     ("AWS_ACCESS_KEY_ID", False), ("TOKEN_URL", False), ("PUID", False), ("KEYCLOAK_HOST", False)],
)  # fmt: skip
def test_a_credential_is_known_by_its_name(name: str, credential: bool) -> None:
    assert values.is_credential(name) is credential
    assert not values.is_credential(name, [name])


def test_what_is_no_credential_is_not_judged() -> None:
    report = judged(
        found("TRAEFIK_API_USER", "admin"), found("TZ", ""), found("PLAIN_KEY", "test"), settings=("PLAIN_KEY",)
    )
    assert {finding.state for finding in report.values()} == {"ok"}


def test_equal_values_are_told_as_names() -> None:
    other = STRONG[::-1]
    report = judged(
        found("A_DB_PASSWORD", STRONG),
        found("B_DB_PASSWORD", STRONG),
        found("C_API_KEY", other),
        found("C_API_KEY", other, "prod", "/web"),
    )
    assert report["same value twice"].evidence == "dev:/A_DB_PASSWORD and dev:/B_DB_PASSWORD"
    assert report["same value in two environments"].evidence == "dev:/C_API_KEY and prod:/web/C_API_KEY"


def test_a_reference_is_no_value_of_its_own() -> None:
    report = judged(found("A_DB_PASSWORD", "${X}"), found("B_DB_PASSWORD", "${X}"))
    assert {finding.state for finding in report.values()} == {"ok"}


def test_empty_and_hidden_ones_are_named() -> None:
    report = judged(found("A_DB_PASSWORD", ""), found("B_DB_PASSWORD", "<hidden>", hidden=True))
    assert report["empty values"].evidence == "dev:/A_DB_PASSWORD"
    assert report["hidden values"].evidence == "dev:/B_DB_PASSWORD"
    assert report["example values"].state == "ok"
