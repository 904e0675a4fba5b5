# SPDX-License-Identifier: GPL-3.0-or-later
"""What comes from elsewhere is pinned, is checked when it comes, and is found by what keeps it up to date."""

from __future__ import annotations

import importlib.metadata
import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement

from lab.images import IMAGES
from tests.meta.repository import ROLES, ROOT, files, read

RENOVATE = json.loads((ROOT / "renovate.json").read_text(encoding="utf-8"))
PIN = re.compile(r"^([a-z0-9][\w.-]*)(?:\[[\w,]+\])?==([\w.]+)", re.M)
EXTRAS = r"^([a-z0-9][\w.-]*)(?:\[([\w,]+)\])?=="
# What this checkout runs with, what builds the site, and the programs of others that tests run
LISTS = tuple(ROOT / folder / "requirements.txt" for folder in ("", "docs", "tests"))
LOCK = (ROOT / "requirements.lock").read_text(encoding="utf-8")
each_list = pytest.mark.parametrize("wanted", LISTS, ids=lambda path: path.parent.name)
# What names an image, what a tag looks like, and whose images nobody else can update
IMAGE = re.compile(r"^ *(?:\w+_)?image: ['\"]?([a-z0-9][\w./-]*):\w", re.M)
TAG = r"(v?\d[\w.-]*|[a-z]+-\d{8}|linux)"
OF_THE_LAB = "omakase-molecule/"


@each_list
def test_every_requirement_is_pinned(wanted: Path) -> None:
    lines = wanted.read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if line and not line.startswith("#") and not PIN.match(line)] == []


@each_list
def test_all_that_is_required_is_installed_from_a_lock_with_hashes(wanted: Path) -> None:
    required = dict(PIN.findall(wanted.read_text(encoding="utf-8")))
    lock = wanted.with_suffix(".lock").read_text(encoding="utf-8")
    locked = {name.lower(): version for name, version in PIN.findall(lock)}
    assert {name: locked.get(name.lower()) for name in required} == required, "run `make lock`"
    entries = re.split(r"\n(?=[a-z0-9])", re.sub(r"^ *#.*\n", "", lock, flags=re.M).strip())
    assert len(entries) > len(required)
    assert [entry.split()[0] for entry in entries if not re.search(r"--hash=sha256:[0-9a-f]{64}\b", entry)] == []


def test_make_installs_nothing_without_hashes() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert len(re.findall(r"pip install", makefile)) == makefile.count("--require-hashes -r $<") + len(
        re.findall(r"pip install .* uv==[\d.]+$", makefile, re.M)
    )


def test_the_lock_has_the_extras_that_packages_want_of_each_other() -> None:
    """Without them pip takes the newest release for the one with the extra, and refuses it for its missing hash."""
    locked = {name.lower(): {*extras.split(",")} - {""} for name, extras in re.findall(EXTRAS, LOCK, re.M)}
    wanted = [
        (requirement.name.lower(), requirement.extras)
        for name, extras in locked.items()
        for requirement in map(Requirement, _requires(name))
        if requirement.extras
        and (not requirement.marker or any(requirement.marker.evaluate({"extra": extra}) for extra in {"", *extras}))
    ]
    assert ("coverage", {"toml"}) in wanted
    assert [(name, extras) for name, extras in wanted if not extras <= locked[name]] == []


def _requires(package: str) -> list[str]:
    """Of what is for other systems or Pythons nothing is installed here."""
    try:
        return importlib.metadata.requires(package) or []
    except importlib.metadata.PackageNotFoundError:
        return []


@pytest.mark.parametrize("manager", RENOVATE["customManagers"], ids=lambda manager: manager["description"])
def test_an_updater_finds_its_pins_in_every_kind_of_place(manager: dict[str, Any]) -> None:
    for pattern in manager["managerFilePatterns"]:
        found = [pin for path in _matching(pattern) for pin in _pins(manager, path)]
        assert found, f"{pattern} finds nothing"
        assert all(pin.get("depName", manager.get("depNameTemplate")) and pin["currentValue"] for pin in found)


def test_no_pin_of_an_image_is_out_of_the_updater_s_sight() -> None:
    places = _matching("/^(roles|lab|molecule|playbooks)//")
    pulled = [image.reference for image in IMAGES if not image.reference.startswith(OF_THE_LAB)]
    names = {reference.removeprefix("library/").partition(":")[0] for reference in pulled}
    names |= {name for path in places for name in IMAGE.findall(_text(path)) if not name.startswith(OF_THE_LAB)}
    names |= {"debian", "ubuntu"}  # what Molecule's machines are made of
    pinned = re.compile(rf"(?:(?<![\w@/.-])|(?<=\blibrary/))({'|'.join(sorted(names))}):{TAG}")
    blind, found = [], set()
    for path in places:
        managers = [
            one for one in RENOVATE["customManagers"] if any(path in _matching(p) for p in one["managerFilePatterns"])
        ]
        seen = {
            (pin.get("depName", manager.get("depNameTemplate")), pin["currentValue"])
            for manager in managers
            for pin in _pins(manager, path)
        }
        for hit in pinned.finditer(_text(path)):
            found.add(hit[1])
            if (hit[1], hit[2]) not in seen:
                blind.append(f"{_relative(path)}: {hit[0]}")
    assert blind == []
    assert found == names


def test_the_updater_knows_each_other_kind_of_pin() -> None:
    """By the names that it has for them itself."""
    places = {
        "ansible-galaxy": "requirements.yml",
        "github-actions": ".github/workflows/molecule.yml",
        "pip-compile": "requirements.lock",
    }
    assert {name: (ROOT / path).is_file() for name, path in places.items()} == dict.fromkeys(places, True)
    assert sorted(RENOVATE["enabledManagers"]) == sorted([*places, "custom.regex"])


def test_no_image_of_a_role_floats() -> None:
    for role in ROLES:
        for name, value in (read(ROOT / "roles" / role / "defaults" / "main.yml") or {}).items():
            if name.endswith("_image") and isinstance(value, str) and value and name != "infisical_image":
                assert re.search(r":(?!latest)[\w.-]+(@sha256:[0-9a-f]{64})?$", value), f"{name}: {value}"


@cache
def _all_files() -> list[Path]:
    return files()


def _relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@cache
def _matching(pattern: str) -> list[Path]:
    """Files by a pattern of Renovate's, which stands between slashes."""
    return [path for path in _all_files() if re.search(pattern[1:-1], _relative(path))]


@cache
def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace")


def _pins(manager: dict[str, Any], path: Path) -> Iterator[dict[str, str]]:
    for expression in manager["matchStrings"]:
        for hit in re.finditer(expression.replace("(?<", "(?P<"), _text(path)):
            yield hit.groupdict()
