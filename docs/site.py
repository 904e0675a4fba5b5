# SPDX-License-Identifier: GPL-3.0-or-later
"""Gathers what the documentation's site is built from, in build/docs, at the same relative paths. Run by `make docs`.

Pages are the Markdown of this repository as it is, so that their links work here and there; the reference of plugins
and the page of messages are made from the sources.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from docs import messages
from docs.role_readmes import ROOT, described, section

TARGET = ROOT / "build" / "docs"
# Pages, what they show, and the files of configuration that they point to
SHIPPED = (
    "*.md",
    "LICENSE",
    "requirements.yml",
    "docs/**/*.md",
    "docs/**/*.svg",
    "docs/**/*.png",
    "docs/*.js",
    "docs/*.css",
    "roles/*/README.md",
    "lab/**/README.md",
    "molecule/README.md",
    "bench/*.md",
    "bench/*.svg",
    "inventories/**/*.yml",
    "playbooks/*.yml",
    "roles/*/vars/main/*.yml",
    "molecule/default/*.yml",
    ".config/molecule/*.yml",
)
KINDS = {"module": "modules", "lookup": "lookup", "filter": "filter", "callback": "callback"}


def gather(target: Path = TARGET) -> None:
    """Write the folder anew."""
    shutil.rmtree(target, ignore_errors=True)
    for path in pages():
        copy = target / path.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, copy)
    made = {"messages.md": messages.page(), **{f"plugins/{kind}.md": _reference(kind) for kind in KINDS}}
    for name, text in made.items():
        (target / name).parent.mkdir(exist_ok=True)
        (target / name).write_text(text, encoding="utf-8")


def pages() -> list[Path]:
    """The files of this repository that the site has."""
    return sorted({path for pattern in SHIPPED for path in ROOT.glob(pattern)})


def _reference(kind: str) -> str:
    command = [str(Path(sys.executable).parent / "ansible-doc"), "-t", kind, "--json", *_names(kind)]
    told = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout  # noqa: S603
    title = {"module": "Modules", "lookup": "Lookups", "filter": "Filters", "callback": "Callbacks"}[kind]
    text = "".join(_plugin(name, entry) for name, entry in sorted(json.loads(told).items()))
    # Links to roles are made for the READMEs of roles.
    return f"# {title}\n" + text.replace("](../", "](../roles/")


def _names(kind: str) -> list[str]:
    suffix = "*.yml" if kind == "filter" else "*.py"
    stems = [path.stem for path in (ROOT / "plugins" / KINDS[kind]).glob(suffix)]
    return [f"omakase.homelab.{stem}" for stem in sorted(stems)]


def _plugin(name: str, entry: Mapping[str, Any]) -> str:
    return "\n".join(_lines(name, entry))


def _lines(name: str, entry: Mapping[str, Any]) -> Iterator[str]:
    doc = entry["doc"]
    yield f"\n## {name}\n"
    yield f"{described(doc['short_description'])}.\n"
    yield from (f"- {described(said)}" for said in _listed(doc["description"]))
    if doc.get("options"):
        yield from ("", *section("Options", doc["options"], 3))
    examples = entry.get("examples")
    if examples:
        text = examples if isinstance(examples, str) else yaml.safe_dump(examples, sort_keys=False)
        yield from ("### Examples", "", "```yaml", text.strip(), "```")
    if entry.get("return"):
        yield from ("", *section("Returns", entry["return"], 3))
    yield ""


def _listed(said: str | list[str]) -> list[str]:
    return [said] if isinstance(said, str) else said


if __name__ == "__main__":
    gather()
