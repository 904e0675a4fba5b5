# SPDX-License-Identifier: GPL-3.0-or-later
"""Every command and example of the documentation can be typed: program, options, files, variables, values are there.

Commands are read by the programs' own parsers, plays by Ansible; nothing is changed. That they also do what the pages
say is for other tests, which CONTRIBUTING.md lists.
"""

from __future__ import annotations

import argparse
import importlib
import re
import shlex
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.cli.galaxy import GalaxyCLI
from ansible.cli.playbook import PlaybookCLI
from ansible.config.manager import ConfigManager

from lab import __main__ as lab
from plugins.module_utils._backup import cli as backup
from tests.meta.repository import COLLECTION, INVENTORIES, PLAYBOOKS, ROLES, ROOT, complain, files, plugins, read, run
from tests.meta.test_docs import PAGES, each_page
from tests.meta.test_inventory_schema import SCHEMA, wrong
from tests.support.role import Role

BLOCK = re.compile(r"^ *```(\w*)\n(.*?)^ *```", re.MULTILINE | re.DOTALL)
# Where playbooks/init.yml writes an inventory; a guide may name any new one.
WRITTEN = re.compile(r"\binventories/(home|new)(/\.vault_password)?$")
# Other people's programs: what they take is not ours to know.
FOREIGN = {
    ".",
    "age-keygen",
    "ansible-navigator",
    "antsibull-changelog",
    "cat",
    "cd",
    "git",
    "mv",
    "pipx",
    "pveum",
    "restic",
    "rsync",
    "scp",
    "sha256sum",
    "ssh-copy-id",
    "ssh-keygen",
    "ssh-keyscan",
    "systemctl",
    "unset",
}

Problems = Iterator[str]


def commands(page: Path) -> list[str]:
    """The lines of blocks of a shell, and what else stands in the page as code and begins like a command of ours."""
    text = page.read_text(encoding="utf-8").replace("\\\n", " ")
    blocks = [line.strip() for kind, block in BLOCK.findall(text) if kind == "sh" for line in block.splitlines()]
    rest = BLOCK.sub("", text)
    shown = re.findall(r"`([^`\n]+)`", rest) + re.findall(r"^    (\S.*)$", rest, re.MULTILINE)
    return [
        *blocks,
        *(code for code in shown if re.match(rf"(time |\.venv/bin/|\w+=\S+ )*({'|'.join(CHECKS)}) ", code)),
    ]


def problems(line: str) -> Problems:
    """What stands against a line: each of its commands is looked at."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    words: list[str] = []
    for word in [*lexer, ";"]:
        if word not in ("&&", ";", "|"):
            words.append(word)
        elif words:
            yield from _of_command(words)
            words = []


def _of_command(words: list[str]) -> Problems:
    words = words[: words.index(">")] if ">" in words else words
    while words and (words[0] == "time" or re.match(r"\w+=", words[0])):
        yield from [] if words[0] == "time" else _export(words[:1])
        words = words[1:]
    program = words[0].removeprefix(".venv/bin/")
    if program in CHECKS:
        try:
            yield from CHECKS[program](words[1:])
        except SystemExit:  # of a parser, which has said why
            yield f"{program} does not take {shlex.join(words[1:])}"
    elif program not in FOREIGN:
        yield f"nobody here knows {program}"


def _playbook(words: list[str]) -> Problems:
    command = PlaybookCLI(["ansible-playbook", *words])
    command.init_parser()
    given = command.parser.parse_args(words)
    # The playbooks of an installed collection go by its name.
    paths = [re.sub(rf"^{re.escape(COLLECTION)}\.(\w+)$", r"playbooks/\1.yml", path) for path in given.args]
    yield from (f"there is no {path}" for path in paths if not (ROOT / path).is_file())
    for path in [*(given.inventory or []), *given.vault_password_files]:
        if not WRITTEN.search(path) and not (ROOT / path).exists():
            yield f"there is no {path}"
    yield from (f"no task has the tag {tag}" for tag in set(given.tags) - {"all"} - _tags())
    for name, _, value in (pair.partition("=") for pair in given.extra_vars):
        if name == "init_kind" and value not in INVENTORIES:
            yield f"there is no inventory {value}"
        if name not in _variables():
            yield f"no playbook knows the variable {name}"


@cache
def _tags() -> set[str]:
    text = "".join(path.read_text(encoding="utf-8") for path in files(".yml", under="roles"))
    return {tag for listed in re.findall(r"tags: \[(.+?)\]", text) for tag in listed.split(", ")}


@cache
def _variables() -> set[str]:
    """Those of the roles, of every entry point, and those that a playbook or its questions name."""
    text = "".join(path.read_text(encoding="utf-8") for path in files(".yml", under="playbooks"))
    return {*_of_roles(), *re.findall(r"\b(?:init|rotate|audit|doctor)_\w+", text)}


def _of_roles() -> set[str]:
    specs = [read(ROOT / "roles" / role / "meta" / "argument_specs.yml")["argument_specs"] for role in ROLES]
    return {name for spec in specs for entry in spec.values() for name in entry.get("options") or {}}


def _galaxy(words: list[str]) -> Problems:
    command = GalaxyCLI(["ansible-galaxy", *words])
    command.init_parser()
    given = command.parser.parse_args(words)
    if given.requirements and not (ROOT / given.requirements).is_file():
        yield f"there is no {given.requirements}"


def _doc(words: list[str]) -> Problems:
    _, kind, name = words
    if name not in plugins(kind):
        yield f"there is no {kind} {name}"


def _make(words: list[str]) -> Problems:
    yield from _dry_run(tuple(words))
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    names = [word.partition("=")[0] for word in words if "=" in word]
    yield from (f"the Makefile knows no {name}" for name in names if name not in makefile)


@cache
def _dry_run(words: tuple[str, ...]) -> list[str]:
    done = run("make", "--dry-run", "--no-print-directory", *words, check=False)
    return [done.stderr] if done.returncode else []


def _python(words: list[str]) -> Problems:
    if words[0] == "-m":
        yield from {"lab": _lab, "pytest": _pytest}[words[1]](words[2:])
        return
    script = ROOT / words[0]
    if not script.is_file():
        yield f"there is no {words[0]}"
    elif hasattr(module := importlib.import_module(f"bench.{script.stem}"), "CASES"):
        yield from (f"{words[0]} has no case {case}" for case in words[1:] if case not in module.CASES)


def _lab(words: list[str]) -> Problems:
    stood_for = {"VMID": "110"}
    lab._parser().parse_args([stood_for.get(word, word) for word in words])
    yield from ()


def _pytest(words: list[str]) -> Problems:
    parser = argparse.ArgumentParser(exit_on_error=True)
    parser.add_argument("-k", default="")
    parser.add_argument("-m", default="")
    parser.add_argument("--collect-only", action="store_true")
    parser.add_argument("paths", nargs="+")
    given = parser.parse_args(words)
    marks = set(given.m.split()) - {"and", "or", "not"}
    for path in given.paths:
        found = [ROOT / path] if (ROOT / path).is_file() else sorted((ROOT / path).rglob("test_*.py"))
        text = "".join(file.read_text(encoding="utf-8") for file in found)
        if not text or given.k not in text or any(f"mark.{mark}" not in text for mark in marks):
            yield f"pytest would find nothing: {path}"


def _docker(words: list[str]) -> Problems:
    if words[:2] != ["save", "--output"]:
        return
    images = Role("infisical", {"infisical_nodes": []}).value("__infisical_images.values() | list")
    if words[3:] != images:
        yield f"the role's images are {' '.join(images)}"


def _molecule(words: list[str]) -> Problems:
    verb, flag, scenario = words
    if verb not in ("converge", "destroy", "login", "verify") or flag != "-s":
        yield f"molecule does not take {shlex.join(words)}"
    if not (ROOT / "molecule" / scenario / "molecule.yml").is_file():
        yield f"there is no scenario {scenario}"


def _backup(words: list[str]) -> Problems:
    backup._parser().parse_args(words)
    yield from ()


def _command_of_the_host(words: list[str]) -> Problems:
    # omakase-infisical hands its arguments to `infisical`, whose stand-in is held to the vendor's by tests/contract.
    text = (ROOT / "lab/stand_ins/infisical_cli/infisical").read_text(encoding="utf-8")
    if f'"{words[0]}": Command(' not in text:
        yield f"infisical has no command {words[0]}"


def _export(words: list[str]) -> Problems:
    yield from (f"nothing reads {word}" for word in words if word.partition("=")[0] not in _environment())


@cache
def _environment() -> set[str]:
    """The names of environment variables that Ansible or a test reads."""
    settings = ConfigManager().get_configuration_definitions().values()
    ansible = {entry["name"] for setting in settings for entry in setting.get("env", [])}
    text = "".join(path.read_text(encoding="utf-8") for path in files(".py", under="tests/support"))
    return {*ansible, *re.findall(r"OMAKASE_\w+", text)}


CHECKS: dict[str, Callable[[list[str]], Problems]] = {
    "ansible-doc": _doc,
    "ansible-galaxy": _galaxy,
    "ansible-playbook": _playbook,
    "docker": _docker,
    "export": _export,
    "infisical-backup": _backup,
    "make": _make,
    "molecule": _molecule,
    "omakase-infisical": _command_of_the_host,
    "pytest": _pytest,
    "python": _python,
}


@each_page
def test_every_command_can_be_typed(page: Path) -> None:
    complain(
        "These fail as they stand there:", [f"{line}: {said}" for line in commands(page) for said in problems(line)]
    )


@each_page
def test_every_block_says_its_language(page: Path) -> None:
    assert {language for language, _block in BLOCK.findall(page.read_text(encoding="utf-8"))} <= {"sh", "yaml", "ini"}


def test_every_setting_of_ansible_on_a_page_is_that_of_this_checkout() -> None:
    ours = (ROOT / "ansible.cfg").read_text(encoding="utf-8")
    blocks = [
        block
        for page in PAGES
        for language, block in BLOCK.findall(page.read_text(encoding="utf-8"))
        if language == "ini"
    ]
    assert blocks
    complain("Not in ansible.cfg:", [line for block in blocks for line in block.splitlines() if line not in ours])


def test_every_playbook_that_a_page_tells_to_run_is_run_by_a_test() -> None:
    told = {name for page in PAGES for line in commands(page) for name in re.findall(r"playbooks/\w+\.yml", line)}
    tests = "".join(
        path.read_text(encoding="utf-8") for path in files(".py", under="tests") if "meta" not in path.parts
    )
    complain("No test runs this:", [name for name in sorted(told) if name not in tests])


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("ansible-playbook playbooks/sites.yml", "there is no playbooks/sites.yml"),
        ("ansible-playbook site.yml --vault-file x", "ansible-playbook does not take"),
        ("ansible-playbook -i inventories/house site.yml", "there is no inventories/house"),
        ("ansible-playbook site.yml --tags infisical_startt", "no task has the tag infisical_startt"),
        ("ansible-playbook playbooks/init.yml -e init_kind=swarm", "there is no inventory swarm"),
        ("ansible-playbook playbooks/rotate.yml -e rotate_name=A", "no playbook knows the variable rotate_name"),
        ("ansible-galaxy collection install -r requirement.yml", "there is no requirement.yml"),
        ("ansible-doc -t lookup omakase.homelab.infisicle", "there is no lookup"),
        ("make clean && make demos", "demos"),
        ("make molecule SCENARIOS=docker", "the Makefile knows no SCENARIOS"),
        ("python -m lab machin x 198.18.0.9", "python does not take"),
        ("python -m pytest tests/roles/test_dokcer.py", "pytest would find nothing"),
        ("pytest -m soak tests/faults -k restores_all", "pytest would find nothing"),
        ("python bench/backup.py disasters", "has no case disasters"),
        (
            "docker save --output x.tar infisical/infisical:v0.1 postgres:16-alpine redis:7-alpine",
            "the role's images are",
        ),
        ("infisical-backup prove ARCHIVE", "infisical-backup does not take"),
        ("molecule converge -s dokcer", "there is no scenario dokcer"),
        ("omakase-infisical exports", "infisical has no command exports"),
        ("export ANSIBLE_INVENTORIES=x", "nothing reads ANSIBLE_INVENTORIES"),
        ("OMAKASE_SOAK_ROUND_S=20 make soak", "nothing reads OMAKASE_SOAK_ROUND_S"),
        ("helm install infisical", "nobody here knows helm"),
    ],
)
def test_a_command_that_would_fail_is_found(line: str, said: str) -> None:
    assert said in "\n".join(problems(line))


def examples(page: Path) -> Iterator[Any]:
    """What the page's YAML holds: blocks, and `name: value` in a line."""
    text = page.read_text(encoding="utf-8")
    blocks = [block for language, block in BLOCK.findall(text) if language == "yaml"]
    rest = BLOCK.sub("", text)
    blocks += re.findall(r"(?:^    \w+:.*\n(?:^    .*\n)*)", rest, re.MULTILINE)
    blocks += re.findall(r"`((?:ansible|" + "|".join(ROLES) + r")_\w+: [^`\n]+)`", rest)
    return (yaml.safe_load(block) for block in blocks)


def variables(example: Any) -> dict[str, Any]:
    """Those that it sets: by itself, or as those of its plays."""
    if isinstance(example, dict):
        return example
    return {name: value for play in example for name, value in (play.get("vars") or {}).items()}


@each_page
def test_variables_of_an_example_are_those_of_the_roles(page: Path) -> None:
    assert [place for example in examples(page) for place in wrong(variables(example))] == []


def test_plays_of_an_example_are_ones_that_ansible_takes(tmp_path: Path) -> None:
    plays = [
        example for page in PAGES for example in examples(page) if isinstance(example, list) and "hosts" in example[0]
    ]
    assert len(plays) > len(ROLES)
    paths = [tmp_path / f"{number}.yml" for number in range(len(plays))]
    for path, play in zip(paths, plays, strict=True):
        path.write_text(yaml.safe_dump(play), encoding="utf-8")
    run("ansible-playbook", "--syntax-check", "-i", "localhost,", *map(str, paths))


@each_page
def test_variables_and_files_that_it_names_are_there(page: Path) -> None:
    names = {name.rpartition(".")[2] for kind in ("modules", "lookup", "filter", "action") for name in plugins(kind)}
    known = {*SCHEMA["properties"], *_variables(), *names, *ROLES, *PLAYBOOKS}
    named = re.findall(r"`([^`\n]+)`", page.read_text(encoding="utf-8"))
    ours = re.compile(rf"(?:{'|'.join(ROLES)})_\w+")
    found = [name for name in named if ours.fullmatch(name) and name not in known]
    folders = "bench|docs|inventories|lab|molecule|playbooks|plugins|roles|tests"
    for name in named:
        if re.fullmatch(rf"(?:{folders})/[\w./-]+", name) and not WRITTEN.match(name) and not (ROOT / name).exists():
            found.append(name)
        if re.fullmatch(r"group_vars/\w+/\w+\.yml", name) and not list(ROOT.glob(f"inventories/*/{name}")):
            found.append(name)
    complain("There is nothing of that name:", found)
