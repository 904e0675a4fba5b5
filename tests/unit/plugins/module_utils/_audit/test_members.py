# SPDX-License-Identifier: GPL-3.0-or-later
"""Machine identities: rights that nobody uses, credentials without an end, and those that were never used."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.omakase.homelab.plugins.module_utils._audit import members
from ansible_collections.omakase.homelab.plugins.module_utils._audit.members import Known
from ansible_collections.omakase.homelab.plugins.module_utils._infisical import access
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.identities import ClientSecret

USED = ClientSecret("s1", "omakase host", usable=True, ttl=90000, uses=3)


def known(**changes: Any) -> Known:
    given: dict[str, Any] = {
        "name": "web",
        "roles": ("no-access",),
        "client_id": "c1",
        "token_ttl": 3600,
        "secrets": (USED,),
    }
    return Known(**{**given, **changes})


def may(*environments: str) -> access.Rules:
    return access.rules([{"environments": list(environments) or None, "path": "/", "write": False}])


def told(one: Known, uses: dict[str, list[str]] | None = None) -> list[str]:
    found = members.findings([one], uses or {}, ["dev", "prod"])
    assert {finding.check for finding in found} == {"identity web"}
    return [finding.evidence for finding in found if finding.state != "ok"]


def test_one_that_uses_what_it_may_is_in_order() -> None:
    (finding,) = members.findings([known(rules=may("dev"))], {"c1": ["dev"]}, ["dev", "prod"])
    assert (finding.state, finding.evidence) == ("ok", "may dev:/ read")


def test_environments_that_no_host_reads_are_rights_too_many() -> None:
    sentence = "may read prod too, and is used for dev alone"
    assert told(known(rules=may("dev", "prod")), {"c1": ["dev"]}) == [sentence]
    assert told(known(rules=may()), {"c1": ["dev"]}) == [sentence]
    assert told(known(roles=("member",)), {"c1": ["dev"]}) == [sentence]
    assert told(known(rules=may("dev", "prod")), {"c1": ["dev", "prod"]}) == []


def test_of_one_that_no_host_of_ours_uses_no_right_is_too_many() -> None:
    assert told(known(rules=may("dev", "prod")), {"c2": ["dev"]}) == []


def test_one_that_administers_the_project_is_warned_of_and_the_manager_is_not() -> None:
    assert "administers the project" in told(known(roles=("admin",)))[0]
    assert told(known(roles=("admin",), organization_role="admin")) == []


def test_a_second_administrator_of_the_organisation_is_a_problem() -> None:
    one = known(organization_role="admin")
    assert members.administrators([one]) == []
    (finding,) = members.administrators([one, known(name="ci", organization_role="admin")])
    assert (finding.state, finding.evidence) == ("problem", "ci, web administer the organisation")


def test_what_never_ends_is_named() -> None:
    endless = ClientSecret("s2", "laptop", usable=True, uses=1)
    sentence = "without an end: client secret 'laptop' (of unknown age)"
    assert told(known(secrets=(USED, endless))) == [sentence]
    assert told(known(token_ttl=2592000)) == ["its tokens live 30 days"]
    assert told(known(token_ttl=0)) == ["its tokens live for ever"]


@pytest.mark.parametrize(
    ("age", "sentences"),
    [
        (0, []),
        (89, []),
        (90, ["due every 90 days: client secret 'host' (90 days old)"]),
        (None, ["due every 90 days: client secret 'host' (of unknown age)"]),
    ],
)
def test_one_that_the_playbook_replaces_is_judged_by_its_age(age: int | None, sentences: list[str]) -> None:
    one = known(secrets=(ClientSecret("s1", "host", usable=True, uses=3, age_in_days=age),))
    found = members.findings([one], {}, ["dev"], rotated=members.Rotated(["web"]))
    assert [finding.evidence for finding in found if finding.state == "warning"] == sentences
    assert all("playbooks/rotate.yml" in finding.advice for finding in found if finding.state == "warning")


def test_one_that_no_playbook_replaces_is_to_get_an_end_however_young_it_is() -> None:
    one = known(secrets=(ClientSecret("s1", "host", usable=True, uses=3, age_in_days=1),))
    (finding,) = members.findings([one], {}, ["dev"], rotated=members.Rotated(["omakase-deployment"]))
    assert finding.evidence == "without an end: client secret 'host' (1 day old)"
    assert "client_secret_ttl" in finding.advice and "rotate.yml" not in finding.advice


def test_what_was_never_used_is_named() -> None:
    idle = ClientSecret("s2", "old laptop", usable=True, ttl=90000)
    assert told(known(secrets=(idle,))) == ["never used: client secret 'old laptop'"]
    assert told(known(secrets=(USED, idle))) == ["never used: client secret 'old laptop'"]
    assert told(known(secrets=())) == ["has no client secret that is valid"]


def test_one_whose_login_is_not_told_is_named_and_its_rights_are_judged() -> None:
    one = known(roles=("admin",), client_id="", token_ttl=None, secrets=(), told=False)
    untold, rights = members.findings([one], {}, ["dev"])
    assert (untold.check, untold.evidence) == ("identities", "how they log in is not told: web")
    assert "administers the project" in rights.evidence


def test_of_another_kind_of_login_nothing_is_known() -> None:
    assert told(known(token_ttl=None, secrets=())) == []
