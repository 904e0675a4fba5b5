# SPDX-License-Identifier: GPL-3.0-or-later
"""What the doctor found, as a table."""

from __future__ import annotations

from ansible_collections.omakase.homelab.plugins.filter.doctor import doctor_report

WELL = {"check": "DNS", "state": "ok", "evidence": "vault is 192.0.2.1", "advice": ""}
SICK = {"check": "container db", "state": "problem", "evidence": "Exited (1)\nno space left", "advice": "Make room."}


def test_columns_stand_below_each_other_and_advice_below_its_finding() -> None:
    report = doctor_report([("vault", {"findings": [WELL]}), ("services", {"findings": [SICK]})])
    assert report["lines"] == [
        "vault     ok       DNS           vault is 192.0.2.1",
        "services  problem  container db  Exited (1)",
        "                                 no space left",
        "                                 -> Make room.",
    ]
    assert report["problems"] == ["services: container db"]


def test_a_host_that_says_nothing_is_a_problem() -> None:
    silent = {"unreachable": True, "msg": "Connection refused"}
    failed = {"failed": True, "msg": "url is no address"}
    assert doctor_report([("a", silent), ("b", failed)])["problems"] == ["a: SSH", "b: examination"]


def test_nothing_examined_is_an_empty_table() -> None:
    assert doctor_report([]) == {"lines": [], "problems": []}
