# SPDX-License-Identifier: GPL-3.0-or-later
"""What the documentation names is there: links, headings, playbooks, messages."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from docs import demo_image, messages, site
from lab import demo, settings
from tests.meta.repository import PLAYBOOKS, ROOT, complain, files, read
from tests.meta.test_workflows import TARGETS

PAGES = [path for path in files(".md") if path.parts[len(ROOT.parts)] not in ("changelogs", "tests")]
GUIDES = sorted((ROOT / "docs" / "guides").glob("*.md"))
each_page = pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))


def prose(page: Path) -> str:
    """The page without its code."""
    return re.sub(r"```.*?```|`[^`\n]*`", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)


def headings(page: Path) -> set[str]:
    """The anchors of the page's headings, as GitHub and the site make them."""
    titles = re.findall(r"^#+ +(.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title.lower()).strip().replace(" ", "-") for title in titles}


@each_page
def test_every_link_leads_to_a_file_and_a_heading_that_are_there(page: Path) -> None:
    found = []
    for link in re.findall(r"\]\(([^)\s]+)\)|(?:src|href)=\"([^\"]+)\"", prose(page)):
        where, _, anchor = (link[0] or link[1]).partition("#")
        if re.match(r"[a-z]+:", where):
            continue
        target = (page.parent / where).resolve() if where else page
        if not target.exists() or (anchor and target.suffix == ".md" and anchor not in headings(target)):
            found.append("".join(link))
    complain("They lead nowhere:", found)


@each_page
def test_every_playbook_and_every_target_of_make_that_it_names_is_there(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert set(re.findall(r"playbooks/(\w+)\.yml", text)) <= set(PLAYBOOKS)
    assert set(re.findall(r"[`\n&;]make ([a-z-]+)", text)) <= TARGETS


@pytest.fixture(scope="module")
def every_message() -> str:
    return messages.page()


def test_the_messages_of_the_troubleshooting_guide_are_those_of_the_sources(every_message: str) -> None:
    page = every_message.replace("`", "")
    rows = re.findall(r"^\| `(.+?)` \|", (ROOT / "docs/guides/troubleshooting.md").read_text("utf-8"), re.MULTILINE)
    assert len(rows) > 10
    complain("Nothing says this:", [row for row in rows if not _said(row, page)])


def _said(row: str, page: str) -> bool:
    # A row has an ellipsis, or a name, where the source has a placeholder.
    parts = [re.escape(part) for part in row.split("…")]
    return re.search(r"(…|\{\w+\})".join(parts), page) is not None


def test_messages_of_roles_and_of_plugins_are_on_the_page(every_message: str) -> None:
    assert "omakase_repository is empty. Set it to the address of your Omakase repository" in every_message
    assert "- {inventory_hostname}: The Infisical CLI is missing." in every_message
    assert "there is no node '…'; this cluster has …." in every_message
    assert "## Infisical: lookups and modules" in every_message


@pytest.mark.parametrize(
    "words",
    [
        "is damaged: its manifest was changed",  # an error without a full stop
        "MB free and {work} needs",  # handed back to be raised elsewhere
        "does not take a connection",  # a finding
        "Too few nodes of the cluster are online",  # of a table
        "names of your own follow the rule",  # a variable that a check names
        "has no hostnames",
    ],
)
def test_a_message_is_on_the_page_however_it_is_made(every_message: str, words: str) -> None:
    assert words in every_message


def test_messages_are_read_from_tasks_checks_and_code() -> None:
    tasks = [{"ansible.builtin.fail": {"msg": "Too {{ a }} or {{ b | int }} of it."}}, {"block": [{"fail_msg": "No."}]}]
    assert list(messages.of_yaml(tasks)) == ["Too {a} or … of it.", "No."]
    source = 'raise TeaError(f"There is no {pot} in {cup.name}.", "Make one.")\nraise ValueError\n'
    assert list(messages.of_python(source)) == ["There is no {pot} in …. Make one."]
    source = '"""A docstring."""\nDOCUMENTATION = "None. Of it."\nTABLE = {1: "It is cold: boil it again."}\n'
    assert list(messages.of_python(source)) == ["It is cold: boil it again."]
    source = (
        'def f():\n    """Another."""\n    yield problem("tea", "Some leaks", "Mend it.")\n    yield f"{pot} is hot."\n'
    )
    assert list(messages.of_python(source)) == ["Some leaks Mend it.", "{pot} is hot."]


def test_the_site_s_navigation_has_every_guide_and_only_what_is_there() -> None:
    def listed(entry: Any) -> Iterator[str]:
        if isinstance(entry, str):
            yield entry
        for item in entry.values() if isinstance(entry, dict) else entry if isinstance(entry, list) else []:
            yield from listed(item)

    shown = set(listed(read(ROOT / "docs" / "mkdocs.yml")["nav"]))
    made = {"messages.md", *(f"plugins/{kind}.md" for kind in site.KINDS)}
    gathered = {path.relative_to(ROOT).as_posix() for path in site.pages()}
    assert shown - made <= gathered
    assert {path.relative_to(ROOT).as_posix() for path in GUIDES} <= shown


SUMMARY = demo._SUMMARY.format(key=settings.SSH_KEY, known_hosts=settings.KNOWN_HOSTS, python=".venv/bin/").splitlines()
RUN = ["[   0.1 s] The lab", "ok", "", demo_image.FIRST, "      1.5 s  The lab & <more>", *SUMMARY]


def words(picture: str) -> str:
    """What is written in a picture."""
    return "".join(ElementTree.fromstring(picture).itertext()).replace("\xa0", " ")  # noqa: S314


def test_the_picture_of_the_demo_is_its_end_as_text_for_light_and_dark_without_anything_from_elsewhere() -> None:
    picture = demo_image.drawn(RUN)
    assert "0.1 s" not in words(picture), "it begins with the times of the stages"
    assert [line for line in RUN[3:] if line.strip() not in words(picture)] == []
    for colours in (demo_image.LIGHT, demo_image.DARK):
        assert all(demo_image._hex(colour) in picture for colour in colours)
    assert not re.search(r"<script|@font-face|href|url\((?!#)", picture)


def test_the_picture_in_the_readme_is_of_the_demo_of_today() -> None:
    shown = words(demo_image.TARGET.read_text(encoding="utf-8"))
    books = [read(ROOT / "playbooks" / f"{name}.yml") for name in ("provision", "infisical", "proxy", "omakase")]
    plays = [play["name"] for book in books for play in book]
    complain(
        "Run `make demo-image` again; the picture lacks:",
        [line for line in [*plays, *SUMMARY] if line.strip() not in shown],
    )
