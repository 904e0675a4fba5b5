# SPDX-License-Identifier: GPL-3.0-or-later
"""The documentation's site, built as by `make docs` and opened from the disk in real Chromium."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urldefrag

import pytest
import yaml

from docs.site import gather
from tests.meta.repository import ROOT, complain, run
from tests.support.browser import Browser

MKDOCS = ".venv-docs"  # where `make docs` installs what builds the site
# What a page of each kind is made of, such as tables, examples, pictures
KINDS = ("index", "docs/audit", "docs/guides/troubleshooting", "plugins/lookup", "roles/docker/index")


@dataclass(frozen=True)
class Seen:
    """A page as it was once in the window. wide: what reaches over its edge; broken: pictures that do not show."""

    name: str
    scheme: str
    said: list[str]
    asked: list[str]
    background: str
    wide: list[str]
    broken: list[str]
    links: list[str]
    anchors: list[str]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a fresh site; what stands in build/ stays."""
    folder = tmp_path_factory.mktemp("documentation")
    gather(folder / "docs")
    config = {"INHERIT": str(ROOT / "docs/mkdocs.yml"), "docs_dir": "docs", "site_dir": "site"}
    (folder / "mkdocs.yml").write_text(yaml.safe_dump(config))
    run("make", "--silent", f"{MKDOCS}/.ready")
    command = (f"{MKDOCS}/bin/mkdocs", "build", "--strict", "--config-file", str(folder / "mkdocs.yml"))
    run(*command, env={"NO_MKDOCS_2_WARNING": "true"})
    return folder / "site"


@pytest.fixture(scope="module")
def pages(site: Path) -> list[Path]:
    """All but that for a web server which finds nothing: its addresses begin at the server's root."""
    return [path for path in sorted(site.rglob("*.html")) if path.name != "404.html"]


@pytest.fixture(scope="module")
def seen(chromium: Browser, site: Path, pages: list[Path]) -> list[Seen]:
    """Every page, wide and light, then narrow and dark."""
    return [
        look(chromium, site, page, width, scheme)
        for width, scheme in ((1280, "light"), (390, "dark"))
        for page in pages
    ]


def look(chromium: Browser, site: Path, page: Path, width: int, scheme: str) -> Seen:
    chromium.said.clear()
    chromium.asked.clear()
    chromium.open(page, width, scheme)
    found = json.loads(chromium.value(LOOK))
    return Seen(str(page.relative_to(site)), scheme, list(chromium.said), list(chromium.asked), **found)


def test_every_page_opens_without_a_word_to_the_console_and_a_request_to_elsewhere(
    seen: list[Seen], site: Path
) -> None:
    assert len(seen) > 2 * 30
    complain("Said on the console:", [f"{page.name}: {line}" for page in seen for line in page.said])
    local = (site.as_uri(), "data:")
    complain("Asked for:", [f"{page.name}: {url}" for page in seen for url in page.asked if not url.startswith(local)])


def test_every_picture_shows(seen: list[Seen]) -> None:
    complain("These do not:", [f"{page.name}: {picture}" for page in seen for picture in page.broken])


def test_no_page_is_wider_than_the_window(seen: list[Seen]) -> None:
    complain("These are:", [f"{page.name} ({page.scheme}): {what}" for page in seen for what in page.wide])


def test_pages_are_light_or_dark_as_the_system_is(seen: list[Seen]) -> None:
    colours = {scheme: {page.background for page in seen if page.scheme == scheme} for scheme in ("light", "dark")}
    assert colours["light"] == {"rgb(255, 255, 255)"}
    assert len(colours["dark"]) == 1 and colours["dark"] != colours["light"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_has_contrast(chromium: Browser, site: Path, scheme: str) -> None:
    found = []
    for kind in KINDS:
        chromium.open(site / f"{kind}.html", 1280, scheme)
        found += [f"{kind}: {text}" for text in chromium.hard_to_read("article")]
    complain("Less than 4.5:1:", found)


def test_every_link_within_the_site_leads_to_a_file_and_a_heading_that_are_there(seen: list[Seen], site: Path) -> None:
    anchors = {page.name: set(page.anchors) for page in seen}
    found = set()
    for page in seen:
        for link in page.links:
            address, anchor = urldefrag(link)
            if not address.startswith("file:"):
                continue
            target = Path(unquote(address.removeprefix("file://")))
            name = str(target.relative_to(site)) if target.is_relative_to(site) else ""
            if not name or not target.is_file() or (anchor and unquote(anchor) not in anchors[name]):
                found.add(f"{page.name}: {link}")
    complain("They lead nowhere:", sorted(found))


@pytest.mark.parametrize(
    ("words", "page"),
    [("maxkeys", "docs/guides/troubleshooting.html"), ("infisical_listen_port", "roles/infisical/index.html")],
)
def test_the_search_finds_a_name_and_a_part_of_one(chromium: Browser, site: Path, words: str, page: str) -> None:
    chromium.open(site / "index.html", 1280, "light")
    chromium.value("document.querySelector('[data-md-component=search-query]').focus()")
    chromium.call("Input.insertText", text=words)
    found = chromium.value(RESULTS)
    assert any(urldefrag(link)[0] == (site / page).as_uri() for link in found), found


# Scrolling is for a page's own parts, such as tables: the window of each page is as wide as the page.
LOOK = """
JSON.stringify({
  background: getComputedStyle(document.body).backgroundColor,
  wide: document.documentElement.scrollWidth <= innerWidth ? [] : [...document.querySelectorAll('article *')]
    .filter(one => one.getBoundingClientRect().right > innerWidth + 1).map(one => one.outerHTML.slice(0, 100)),
  broken: [...document.images].filter(one => !one.naturalWidth).map(one => one.src),
  links: [...document.links].map(one => one.href),
  anchors: [...document.querySelectorAll('[id]')].map(one => one.id),
})
"""
# What the search has found, as soon as it has, or nothing after half a minute
RESULTS = """
new Promise(found => {
  const end = Date.now() + 30000;
  const look = () => {
    const links = [...document.querySelectorAll('a.md-search-result__link')]
      .map(one => one.href.replace(/[?]h=[^#]*/, ''));
    links.length || Date.now() > end ? found(links) : setTimeout(look, 50);
  };
  look();
})
"""
