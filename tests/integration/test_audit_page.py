# SPDX-License-Identifier: GPL-3.0-or-later
"""The audit's page in real Chromium: light and dark, wide and narrow, and on paper."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.omakase.homelab.plugins.filter.audit import audit_report

from tests.support.browser import Browser
from tests.unit.plugins.filter.test_audit import HOSTS, PROJECT, secret

LONG = "A_VERY_LONG_NAME_THAT_GOES_ON_" * 4 + "KEY"
NOWHERE = "WITHOUTANYPLACETOBREAKIT" * 4


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report with many secrets, and with names that are hard to lay out."""
    many = [
        secret(f"SERVICE{number}_DB_PASSWORD", updated=f"2026-0{number % 9 + 1}-01T00:00:00Z") for number in range(60)
    ]
    project = {**PROJECT, "secrets": [*PROJECT["secrets"], *many, secret(LONG), secret(NOWHERE, "prod")]}
    path = tmp_path_factory.mktemp("audit") / "audit.html"
    path.write_text(audit_report(HOSTS, project, today="2026-11-25")["html"])
    return path


@pytest.mark.parametrize("width", [1280, 360])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_fits_is_readable_and_says_nothing_to_the_console(
    chromium: Browser, page: Path, width: int, scheme: str, tmp_path: Path
) -> None:
    chromium.open(page, width, scheme)
    chromium.screenshot(tmp_path / f"{width}-{scheme}.png")
    assert chromium.value("document.documentElement.scrollWidth <= innerWidth")
    assert chromium.value(CUT_OFF) == []
    assert (tmp_path / f"{width}-{scheme}.png").stat().st_size > 10_000
    dark = chromium.value("getComputedStyle(document.body).backgroundColor") == "rgb(20, 23, 26)"
    assert dark is (scheme == "dark")
    assert chromium.hard_to_read() == []
    assert (chromium.said, set(chromium.asked)) == ([], {page.as_uri()})


def test_on_paper_it_is_light_even_where_the_screen_is_dark(chromium: Browser, page: Path) -> None:
    chromium.open(page, 1280, "dark")
    chromium.media("dark", "print")
    assert chromium.value("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert chromium.value("getComputedStyle(document.querySelector('nav')).display") == "none"


def test_the_keyboard_reaches_the_findings_first(chromium: Browser, page: Path) -> None:
    chromium.open(page, 360, "light")
    for kind in ("keyDown", "keyUp"):
        chromium.call("Input.dispatchKeyEvent", type=kind, key="Tab", code="Tab", windowsVirtualKeyCode=9)
    assert chromium.value("document.activeElement.getAttribute('href')") == "#findings"
    assert chromium.value("document.activeElement.getBoundingClientRect().left >= 0")


# Cells whose content is wider than they are
CUT_OFF = """
[...document.querySelectorAll('td, th, dd, li, caption')].filter(one => one.scrollWidth > one.clientWidth + 1)
    .map(one => one.textContent.trim().slice(0, 60))
"""
