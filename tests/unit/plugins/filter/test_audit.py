# SPDX-License-Identifier: GPL-3.0-or-later
"""The audit's report: a table, data, and a page that is whole, needs nothing else, and escapes what it shows."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from typing import Any

import pytest
from ansible_collections.omakase.homelab.plugins.filter.audit import audit_report

VOID = {"meta", "link", "wbr", "line"}
HOSTILE = "<script>alert('x')</script>&\"_KEY"


def secret(
    name: str, environment: str = "dev", updated: str = "2026-11-01T00:00:00.000Z", period: int = 90
) -> dict[str, Any]:
    rest = {"credential": True, "empty": False, "known": True}
    return {
        "project": "",
        "environment": environment,
        "path": "/",
        "name": name,
        "updated": updated,
        "period": period,
        **rest,
    }


def finding(check: str, state: str, evidence: str = "x") -> dict[str, str]:
    return {"check": check, "state": state, "evidence": evidence, "advice": "" if state == "ok" else "Mend it."}


PROJECT: dict[str, Any] = {
    "environments": ["dev", "prod"],
    "secrets": [
        secret("A_DB_PASSWORD"),
        secret("B_DB_PASSWORD", updated="2026-01-01T00:00:00.000Z"),
        secret("B_DB_PASSWORD", "prod", period=180),
        secret("C_API_TOKEN", updated="", period=0),
        secret(HOSTILE),
    ],
    "findings": [finding("weak values", "problem", f"dev:/A_DB_PASSWORD\ndev:/{HOSTILE}"), finding("examples", "ok")],
}
HOSTS = [("vault", {"findings": [finding("private files", "ok")]}, {"findings": [finding("port 5432", "problem")]})]


def reported(hosts: Any = HOSTS, project: dict[str, Any] = PROJECT, stacks: Any = ()) -> dict[str, Any]:
    return audit_report(hosts, project, stacks, today="2026-11-25")


class Page(HTMLParser):
    """Fails on tags that are not closed; keeps them with their attributes, and text by the tag that it stands in."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.text: list[tuple[str, str]] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append((self.open[-1] if self.open else "", data))

    def all(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes in self.tags if name == tag]

    def said(self) -> str:
        return " ".join("".join(text for tag, text in self.text if tag != "style").split())


def test_the_table_has_project_and_hosts_and_names_what_is_not_well() -> None:
    report = reported()
    assert report["lines"][0].split() == ["project", "problem", "weak", "values", "dev:/A_DB_PASSWORD"]
    assert report["problems"] == ["project: weak values", "project: overdue", "vault: port 5432"]
    assert report["warnings"] == [
        "project: no rotation period",
        "project: age unknown",
        "project: missing in an environment",
    ]


def test_the_data_is_json_with_findings_and_ages() -> None:
    data = json.loads(json.dumps(reported()["json"]))
    assert data["date"] == "2026-11-25"
    assert data["counts"] == {"problem": 3, "warning": 3, "ok": 3}
    assert data["findings"][0] == {"host": "project", **PROJECT["findings"][0]}
    assert data["secrets"][0]["name"] == "B_DB_PASSWORD"
    assert data["secrets"][0]["overdue_days"] == 238


def test_a_host_that_could_not_be_looked_at_is_a_problem() -> None:
    silent = {"unreachable": True, "msg": "Connection refused"}
    report = reported([("a", silent, silent), ("b", {"msg": "no such option"}, {}), ("c", {}, {})], {})
    assert report["problems"] == ["a: SSH", "b: audit"]
    assert "the host does not answer" in report["html"]


def test_a_project_that_could_not_be_judged_is_a_problem() -> None:
    assert reported([], {"msg": "The lookup failed"})["problems"] == ["project: audit"]


def test_what_the_stacks_read_is_told_of_their_host() -> None:
    host: dict[str, Any] = {"project": {"reads": [], "provided": []}, "environment": {"names": []}}
    report = reported(stacks=[("vault", host, "prod", []), ("other", {"msg": "failed"}, "dev", [])])
    assert "vault: unused secrets" in report["warnings"]


@pytest.mark.parametrize("project", [PROJECT, {}, {"environments": [], "secrets": [], "findings": []}])
def test_the_page_is_whole_and_needs_nothing_else(project: dict[str, Any]) -> None:
    html = reported(project=project)["html"]
    page = Page(html)
    assert html.startswith("<!DOCTYPE html>")
    assert page.all("script") == page.all("img") == page.all("iframe") == []
    assert page.all("link") == [{"rel": "icon", "href": "data:,"}]
    assert "://" not in html
    assert "url(" not in html
    assert "@import" not in html
    assert [one for _tag, one in page.tags if any(name.startswith("on") for name in one)] == []


def test_names_are_escaped_and_break_between_words() -> None:
    html = reported()["html"]
    assert "<script" not in html
    assert f"dev:/{HOSTILE}" in Page(html).said()
    assert "dev:/<wbr>A_<wbr>DB_<wbr>PASSWORD" in html


def test_the_page_is_for_keyboard_and_screen_readers() -> None:
    page = Page(reported()["html"])
    assert page.all("html") == [{"lang": "en"}]
    for landmark in ("header", "nav", "main", "footer"):
        assert len(page.all(landmark)) == 1
    names = {one["id"] for _tag, one in page.tags if "id" in one}
    assert {one["href"][1:] for one in page.all("a")} <= names
    labels = " ".join(one["aria-labelledby"] for _tag, one in page.tags if "aria-labelledby" in one)
    assert set(labels.split()) <= names
    assert len(page.all("caption")) == len(page.all("table")) == 4
    assert {one.get("scope") for one in page.all("th")} == {"col", "row"}
    (picture,) = page.all("svg")
    assert picture["role"] == "img"


def test_the_calendar_has_what_is_overdue_and_the_next_twelve_months() -> None:
    page = Page(reported()["html"])
    heads = [text for tag, text in page.text if tag == "h3"]
    assert heads[:2] == ["Overdue", "November 2026"]
    assert (heads[-1], len(heads)) == ("October 2027", 13)
    days = [one["datetime"] for one in page.all("time")]
    assert {"2026-04-01", "2027-01-30", "2027-04-30"} <= set(days)
    assert "Without a date, since no period or no age is known: dev:/C_API_TOKEN." in page.said()


def test_the_plot_has_a_mark_for_each_age_that_is_known() -> None:
    page = Page(reported()["html"])
    assert len([one for one in page.all("circle") if one["class"] == "dot"]) == 3
    assert len([one for one in page.all("path") if one["class"] == "dot-late"]) == 1
    assert "dev:/B_DB_PASSWORD, 328 days, overdue" in page.said()


def test_the_same_day_gives_the_same_page() -> None:
    assert reported() == reported()
