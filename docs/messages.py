# SPDX-License-Identifier: GPL-3.0-or-later
"""A page of every message with which a role, a playbook or a plugin refuses or fails; `make docs` builds it.

The messages say themselves what to do. The page is for whoever has one of them before him, perhaps only a part, and
looks for the rest and for what it comes from. It is read from the sources, so that none is missing.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import yaml

from docs.role_readmes import ROOT

OPENING = """# Every message

Each message with which a run refuses or fails, by what says it. `{name}` stands for the value of a variable, and `…`
for something that is known only then. Look for a few words in a row that have no name, number or path of yours in them.
What to do is in the message itself; more about the frequent ones: [troubleshooting](docs/guides/troubleshooting.md).
"""
# A word on its own is no message.
FEWEST_WORDS = 4
_KNOWN = re.compile(r"[a-z].* .*[a-z]", re.DOTALL)  # two words that are in every such message


def page() -> str:
    """The page, as Markdown."""
    return OPENING + "".join(_sections())


def _sections() -> Iterator[str]:
    for role in sorted(ROOT.glob("roles/*")):
        said = [text for file in _yaml_files(role) for text in of_yaml(yaml.safe_load(file.read_text("utf-8")))]
        yield from _section(f"The role {role.name}", said)
    said = [
        text for file in _yaml_files(ROOT / "playbooks") for text in of_yaml(yaml.safe_load(file.read_text("utf-8")))
    ]
    yield from _section("Playbooks", said)
    for folder, title in _packages():
        said = [text for file in sorted(folder.glob("*.py")) for text in of_python(file.read_text("utf-8"))]
        yield from _section(title, said)


def _section(title: str, messages: Iterable[str]) -> Iterator[str]:
    listed = [text for text in dict.fromkeys(messages) if len(text.split()) >= FEWEST_WORDS and _KNOWN.search(text)]
    if listed:
        yield f"\n## {title}\n\n"
        yield "".join(f"- {_markdown(text)}\n" for text in listed)


def _packages() -> list[tuple[Path, str]]:
    titles = {
        "_apt": "Package sources",
        "_backup": "The program infisical-backup",
        "_checkout": "The checkout",
        "_compose": "Compose files",
        "_doctor": "The doctor",
        "_audit": "The audit",
        "_files": "Files of secrets",
        "_host": "What is read from a host",
        "_infisical": "Infisical: lookups and modules",
        "_omakase": "The catalogue of secrets",
        "_proxmox": "Proxmox",
        "_rotation": "Rotation",
        "_untrusted": "Answers of a server",
    }
    folders = [*ROOT.glob("plugins/module_utils/_*"), *ROOT.glob("plugins/plugin_utils/_*")]
    parts = [(folder, titles[folder.name]) for folder in folders if folder.is_dir() and folder.name in titles]
    where = {"module_utils": "", "plugin_utils": ", on this computer"}
    named = [(folder, title + where[folder.parent.name]) for folder, title in parts]
    own = [(ROOT / "plugins" / kind, f"Plugins: {kind}") for kind in ("action", "filter", "lookup", "modules")]
    return sorted(named, key=lambda part: part[1]) + own


def _yaml_files(folder: Path) -> list[Path]:
    return sorted(file for file in folder.rglob("*.yml") if file.parent.name not in ("meta", "templates"))


def of_yaml(node: Any) -> Iterator[str]:
    """The messages of tasks that fail, of checks (`say`), and of variables that hold a sentence, which such name."""
    if isinstance(node, list):
        for item in node:
            yield from of_yaml(item)
    elif isinstance(node, dict):
        for key, value in node.items():
            if key in ("say", "fail_msg") and isinstance(value, str):
                yield _of_template(value)
            elif key in ("ansible.builtin.fail", "ansible.builtin.wait_for") and "msg" in value:
                yield _of_template(value["msg"])
            elif str(key).startswith("__") and isinstance(value, str):
                yield from _as_sentence(_of_template(value))
            else:
                yield from of_yaml(value)


def of_python(source: str) -> Iterator[str]:
    """What is raised, found or given to fail_json, and all else that is a sentence, in the order of the source.

    Documentation is none of it: docstrings, and the blocks that modules have for ansible-doc.
    """
    tree = ast.parse(source)
    told: set[ast.AST] = {
        node.value
        for node in ast.walk(tree)
        if isinstance(node, (ast.Expr, ast.Assign))
        and _text(node.value)
        and (node in tree.body or isinstance(node, ast.Expr))
    }
    for node in ast.walk(tree):
        if node in told:
            continue
        parts = _message(node)
        if parts:
            yield " ".join(" ".join(_text(part).strip() for part in parts).split())
        elif isinstance(node, (ast.Constant, ast.JoinedStr, ast.BinOp)):
            parts = [node]
            yield from _as_sentence(_text(node))
        # What a message is made of is no message by itself.
        told |= {child for part in parts for child in ast.walk(part)}


def _message(node: ast.AST) -> list[ast.expr]:
    """The texts that a failure or a finding is made of; none where it is neither."""
    if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call):
        given = list(node.exc.args)
    elif isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") in ("problem", "advice", "told"):
        given = [node.value]
    elif isinstance(node, ast.Call) and getattr(node.func, "id", "") in ("problem", "warning"):
        given = node.args[1:]
    elif isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "fail_json":
        given = [keyword.value for keyword in node.keywords if keyword.arg == "msg"]
    else:
        given = []
    return [part for part in given if _text(part)]


def _as_sentence(text: str) -> Iterator[str]:
    said = " ".join(text.split())
    if re.search(r"^[\w{`'…/].*[.?:…]$", said):
        yield said


def _text(part: ast.AST) -> str:
    if isinstance(part, ast.Constant) and isinstance(part.value, str):
        return part.value
    if isinstance(part, ast.JoinedStr):
        return "".join(_text(value) for value in part.values)
    if isinstance(part, ast.FormattedValue):
        return _placeholder(part.value)
    if isinstance(part, ast.BinOp) and isinstance(part.op, (ast.Add, ast.Mod)):
        return _text(part.left).replace("%s", "…") + (_text(part.right) if isinstance(part.op, ast.Add) else "")
    return ""


def _placeholder(value: ast.expr) -> str:
    return f"{{{value.id}}}" if isinstance(value, ast.Name) else "…"


def _of_template(text: str) -> str:
    named = re.sub(r"\{\{\s*([a-z]\w*)\s*}}", r"{\1}", text)
    return " ".join(re.sub(r"\{\{.*?}}|\{%.*?%}", "…", named, flags=re.DOTALL).split())


def _markdown(text: str) -> str:
    """Text, with what Markdown would take for its own made harmless; code stays code."""
    parts = text.split("`")
    plain = [re.sub(r"([*<\[\]])", r"\\\1", part) if number % 2 == 0 else part for number, part in enumerate(parts)]
    return "`".join(plain)
