# SPDX-License-Identifier: GPL-3.0-or-later
"""Ages against periods, names against the rule, secrets against environments and stacks."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from ansible_collections.omakase.homelab.plugins.module_utils._doctor.findings import Finding
from ansible_collections.omakase.homelab.plugins.plugin_utils._audit import checks

TODAY = date(2026, 11, 25)


def row(name: str, environment: str = "dev", days: int | None = 0, period: int = 0, **more: Any) -> dict[str, Any]:
    updated = "" if days is None else f"{TODAY - timedelta(days=days)}T10:00:00.000Z"
    plain = {"credential": True, "empty": False, "known": False}
    return {
        "project": "",
        "environment": environment,
        "path": "/",
        "name": name,
        "updated": updated,
        "period": period,
        **plain,
        **more,
    }


def ages(*rows: dict[str, Any]) -> dict[str, Finding]:
    return {finding.check: finding for finding in checks.ages(checks.aged(rows, TODAY), TODAY)}


def test_one_is_overdue_the_day_after_it_was_due() -> None:
    assert ages(row("A_DB_PASSWORD", days=90, period=90))["overdue"].state == "ok"
    late = ages(row("A_DB_PASSWORD", days=91, period=90))["overdue"]
    assert (late.state, late.evidence) == ("warning", "dev:/A_DB_PASSWORD: since 1 day, due every 90")


def test_one_that_is_late_by_a_whole_period_more_is_a_problem() -> None:
    late = ages(row("A_DB_PASSWORD", days=181, period=90), row("B_DB_PASSWORD", days=100, period=90))["overdue"]
    assert late.state == "problem"
    assert [line.partition(":/")[2] for line in late.evidence.splitlines()] == [
        "A_DB_PASSWORD: since 91 days, due every 90",
        "B_DB_PASSWORD: since 10 days, due every 90",
    ]


def test_credentials_without_a_period_or_an_age_are_named_and_settings_are_not() -> None:
    found = ages(row("A_DB_PASSWORD"), row("B_DB_PASSWORD", days=None, period=90), row("TZ", credential=False))
    assert found["no rotation period"].evidence == "dev:/A_DB_PASSWORD"
    assert found["age unknown"].evidence == "dev:/B_DB_PASSWORD"
    assert found["overdue"].state == "ok"


def test_the_first_that_is_due_comes_first_and_tells_its_day() -> None:
    first, second, third = checks.aged(
        [row("C_KEY"), row("B_KEY", days=1, period=90), row("A_KEY", days=80, period=90)], TODAY
    )
    assert [one.name for one in (first, second, third)] == ["A_KEY", "B_KEY", "C_KEY"]
    assert first.as_result(TODAY) == {
        "project": "", "environment": "dev", "path": "/", "name": "A_KEY", "age_days": 80, "period_days": 90,
        "due": "2026-12-05", "overdue_days": 0,
    }  # fmt: skip


def test_a_name_off_the_rule_is_told_unless_the_catalogue_knows_it() -> None:
    found = checks.names([row("NEXTCLOUD_DB_PASSWORD"), row("mypassword"), row("API_KEY"), row("TZ", known=True)])
    assert (found.state, found.evidence) == ("warning", "API_KEY\nmypassword")


def test_what_another_environment_lacks_is_told_and_an_unused_one_lacks_nothing() -> None:
    rows = [row("A_KEY"), row("B_KEY", path="/db"), row("A_KEY", "prod")]
    found = checks.between_environments(rows, {"": ["dev", "staging", "prod"]})
    assert (found.state, found.evidence) == ("warning", "/db/B_KEY: not in prod")
    assert checks.between_environments([], {"": ["dev"]}).state == "ok"


def test_what_one_project_has_another_one_does_not_lack() -> None:
    rows = [row("A_KEY"), row("A_KEY", "prod"), row("B_KEY", project="photos"), row("C_KEY", "live", project="photos")]
    found = checks.between_environments(rows, {"": ["dev", "prod"], "photos": ["dev", "live"]})
    assert found.evidence.splitlines() == ["photos /B_KEY: not in live", "photos /C_KEY: not in dev"]
    assert checks.aged([row("A_DB_KEY", project="photos")], TODAY)[0].place == "photos dev:/A_DB_KEY"


def stack(*rows: dict[str, Any]) -> list[Finding]:
    reads = [
        {"kind": "compose", "service": "db", "file": "compose.yml", "expressions": ["${A_KEY:?err}"], "enabled": True},
        {"kind": "compose", "service": "web", "file": "compose.yml", "expressions": ["${B_KEY:-x}"], "enabled": True},
    ]
    host = {"project": {"reads": reads, "provided": ["C_KEY"]}, "environment": {"names": []}}
    return checks.stack(rows, "services", host, "dev", [])


def test_what_the_stack_needs_and_the_environment_lacks_is_a_problem() -> None:
    missing, unused = stack(row("B_KEY"), row("A_KEY", "prod"))
    assert (missing.state, missing.evidence, unused.state) == ("problem", "A_KEY, read by db", "ok")


def test_what_nothing_reads_is_unused() -> None:
    missing, unused = stack(row("A_KEY"), row("D_KEY"))
    assert (missing.state, unused.state, unused.evidence) == ("ok", "warning", "D_KEY")
