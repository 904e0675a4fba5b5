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
    listed = [text for text in dict.fromkeys(messages) if len(text.split()) >= FEWEST_WORDS]
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
    """The messages of tasks that fail, of checks (`say`), and of variables that say what to do (`__role_cure_…`)."""
    if isinstance(node, list):
        for item in node:
            yield from of_yaml(item)
    elif isinstance(node, dict):
        for key, value in node.items():
            if (key in ("say", "fail_msg") or "_cure_" in str(key)) and isinstance(value, str):
                yield _of_template(value)
            elif key in ("ansible.builtin.fail", "ansible.builtin.wait_for") and "msg" in value:
                yield _of_template(value["msg"])
            else:
                yield from of_yaml(value)


def of_python(source: str) -> Iterator[str]:
    """The sentences that are raised, yielded, returned, or given to fail_json, in the order of the source."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call):
            yield from _sentence(*node.exc.args)
        elif isinstance(node, (ast.Yield, ast.Return)) and node.value is not None:
            yield from _sentence(node.value)
        elif isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") in ("problem", "advice"):
            yield " ".join(_text(node.value).split())
        elif isinstance(node, ast.Call) and getattr(node.func, "attr", "") in ("fail_json", "append"):
            given = [keyword.value for keyword in node.keywords if keyword.arg == "msg"]
            yield from _sentence(*(given or (node.args if node.func.attr == "append" else [])))  # type: ignore[attr-defined]


def _sentence(*parts: ast.expr) -> Iterator[str]:
    """The text of the parts that are texts; nothing if none of them is."""
    texts = [_text(part) for part in parts]
    said = " ".join(text.strip() for text in texts if text)
    if said and re.search(r"[.?:…]$", said):
        yield " ".join(said.split())


def _text(part: ast.expr) -> str:
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
