# SPDX-License-Identifier: GPL-3.0-or-later
"""The source file of a repository, and what other source files lose."""

from __future__ import annotations

from ansible_collections.omakase.homelab.plugins.module_utils._apt.sources import MAIN_LIST, Repository, plan

DOCKER = Repository(
    "docker", "https://download.docker.com/linux/debian", ["trixie"], ["stable"], ["https://dead.example/docker"]
)
KEY = "/etc/apt/keyrings/docker.asc"
SOURCE = DOCKER.source(KEY)
LIST = "/etc/apt/sources.list.d/other.list"
SOURCES = "/etc/apt/sources.list.d/other.sources"


def test_the_source_names_its_key() -> None:
    assert SOURCE == (
        "Types: deb\n"
        "URIs: https://download.docker.com/linux/debian\n"
        "Suites: trixie\n"
        "Components: stable\n"
        "Signed-By: /etc/apt/keyrings/docker.asc\n"
    )


def test_a_flat_repository_has_no_components() -> None:
    assert "Components" not in Repository("flat", "http://x.test", ["./"], []).source(KEY)


def test_nothing_changes_where_all_is_as_wanted() -> None:
    files = {DOCKER.path: SOURCE, LIST: "deb https://deb.debian.org/debian trixie main\n", SOURCES: "Types: deb\n\n\n"}
    assert plan(DOCKER, files, KEY) == {}


def test_a_list_of_the_same_repository_alone_goes() -> None:
    text = "# Docker\ndeb [arch=amd64 signed-by=/x] https://download.docker.com/linux/debian/ trixie stable\n"
    assert plan(DOCKER, {DOCKER.path: SOURCE, LIST: text}, KEY) == {LIST: None}


def test_of_other_lists_only_the_lines_of_replaced_repositories_go() -> None:
    kept = (
        "deb https://download.docker.com/linux/debian-like trixie main\ndeb http://deb.debian.org/debian trixie main\n"
    )
    text = kept + "deb-src https://dead.example/docker/deb/debian trixie main\n"
    assert plan(DOCKER, {DOCKER.path: SOURCE, LIST: text}, KEY) == {LIST: kept}


def test_the_main_list_stays_even_if_nothing_is_left_in_it() -> None:
    text = "deb https://dead.example/docker trixie main\n"
    assert plan(DOCKER, {DOCKER.path: SOURCE, MAIN_LIST: text}, KEY) == {MAIN_LIST: ""}


def test_of_deb822_files_only_the_paragraphs_of_the_same_repository_go() -> None:
    debian = "Types: deb\nURIs: http://deb.debian.org/debian\nSuites: trixie\n"
    rival = "Types: deb\nURIs:\n https://download.docker.com/linux/debian\nSuites: trixie\n"
    assert plan(DOCKER, {DOCKER.path: SOURCE, SOURCES: rival}, KEY) == {SOURCES: None}
    assert plan(DOCKER, {DOCKER.path: SOURCE, SOURCES: f"{rival}\n{debian}"}, KEY) == {SOURCES: debian}


def test_a_paragraph_with_other_addresses_too_is_left_alone() -> None:
    shared = "Types: deb\nURIs: https://download.docker.com/linux/debian https://mirror.test/debian\n"
    assert plan(DOCKER, {DOCKER.path: SOURCE, SOURCES: shared}, KEY) == {}
