# SPDX-License-Identifier: GPL-3.0-or-later
"""The linters, each with its settings in this repository and without a skip list."""

from __future__ import annotations

from tests.meta.repository import run


def test_ruff_finds_nothing() -> None:
    run("ruff", "check", "--output-format", "concise", ".")


def test_strict_mypy_finds_nothing() -> None:
    run("mypy")
    run("mypy", "docs", "molecule")


def test_yamllint_finds_nothing() -> None:
    run("yamllint", "--strict", "-c", ".config/yamllint.yml", ".")


def test_the_production_profile_of_ansible_lint_finds_nothing() -> None:
    run("ansible-lint", "-c", ".config/ansible-lint.yml", "--nocolor")


def test_the_changelog_fragments_are_well_formed() -> None:
    run("antsibull-changelog", "lint")
