# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes what is generated in the roles' READMEs: the example, and the reference of the variables. Run by `make docs`.

The rest of a README is written by hand. The example is the playbook that the role's Molecule scenario converges, so
that it is known to work; the reference says in a table what meta/argument_specs.yml says to Ansible.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from antsibull_docs_parser import dom
from antsibull_docs_parser.md import MDFormatter, to_md
from antsibull_docs_parser.parser import Context, parse

ROOT = Path(__file__).resolve().parents[1]
EXAMPLE = "<!-- molecule/{role}/converge.yml, put here by `make docs` -->\n"
EXAMPLE_END = "<!-- end of the example -->\n"
REFERENCE = "<!-- everything below is made from meta/argument_specs.yml by `make docs` -->\n"

Option = Mapping[str, Any]


class MissingMarkerError(Exception):
    """A README has no place for what is generated."""


def generated(role: str) -> str:
    """The role's README as it should be: what is written by hand, with example and reference of today."""
    spec = _read(ROOT / "roles" / role / "meta" / "argument_specs.yml")["argument_specs"]["main"]
    example = (ROOT / "molecule" / role / "converge.yml").read_text(encoding="utf-8")
    return fill(readme(role).read_text(encoding="utf-8"), role, example, spec.get("options") or {})


def readme(role: str) -> Path:
    """Where a role's README is."""
    return ROOT / "roles" / role / "README.md"


def roles() -> list[str]:
    """Every role of the collection."""
    return sorted(path.parents[1].name for path in ROOT.glob("roles/*/meta/argument_specs.yml"))


def fill(text: str, role: str, example: str, options: Mapping[str, Option]) -> str:
    """The text with the example between its markers, and the reference below its own.

    Raises MissingMarkerError, which names the marker.
    """
    start = EXAMPLE.format(role=role)
    for marker in (start, EXAMPLE_END, REFERENCE):
        if text.count(marker) != 1:
            raise MissingMarkerError(f"roles/{role}/README.md needs this line once: {marker}")
    opening, _, rest = text.partition(start)
    _, _, rest = rest.partition(EXAMPLE_END)
    closing, _, _ = rest.partition(REFERENCE)
    code = f"```yaml\n{example.removeprefix('---').lstrip()}```\n"
    return "".join([opening, start, code, EXAMPLE_END, closing, REFERENCE, reference(options)])


def reference(options: Mapping[str, Option]) -> str:
    """The tables of all variables, those of dictionaries with known keys after that of the role."""
    return "\n" + "\n".join(section("Variables", options, 2))


def section(title: str, options: Mapping[str, Option], level: int) -> Iterator[str]:
    """The lines of a table, and of one more for each option that has options of its own."""
    yield f"{'#' * level} {title}\n"
    yield "| name | type | default | |\n|---|---|---|---|"
    for name, option in options.items():
        yield f"| `{name}` | {_type(option)} | {_default(option)} | {_description(option)} |"
    yield ""
    for name, option in options.items():
        below = option.get("options") or option.get("suboptions") or option.get("contains")
        if below:
            where = "Each entry of" if option["type"] == "list" else "Keys of"
            yield from section(f"{where} `{name}`", below, 3)


def _type(option: Option) -> str:
    kind = str(option.get("type", "str"))
    return f"list of {option['elements']}" if kind == "list" and "elements" in option else kind


def _default(option: Option) -> str:
    if option.get("required"):
        return "required"
    if "default" not in option:
        return ""
    if isinstance(option["default"], str):
        return _code(option["default"]) if option["default"] else "empty"
    flow = yaml.safe_dump(option["default"], default_flow_style=True, sort_keys=False, width=sys.maxsize)
    return _code(flow.removesuffix("\n").removesuffix("\n..."))


def _description(option: Option) -> str:
    text = described(option["description"])
    choices = [_code(str(choice)) for choice in option.get("choices", [])]
    return text if all(choice in text for choice in choices) else f"{text} One of {', '.join(choices)}."


def described(said: str | list[str]) -> str:
    """Ansible's markup as Markdown, on one line."""
    paragraphs = parse([said] if isinstance(said, str) else said, Context(), errors="exception")
    return to_md(paragraphs, formatter=_Cell(), par_sep=" ")


def _code(text: str) -> str:
    """Code in a cell of a table."""
    return "`" + text.replace("|", r"\|") + "`"


class _Cell(MDFormatter):
    """Ansible's markup as short Markdown that stays readable as a text."""

    def format_text(self, part: dom.TextPart) -> str:
        return part.text.replace("|", r"\|").replace("<", "&lt;").replace("*", r"\*").replace("\n", " ")

    def format_code(self, part: dom.CodePart) -> str:
        return _code(part.text)

    def format_option_value(self, part: dom.OptionValuePart) -> str:
        return _code(part.value)

    def format_option_name(self, part: dom.OptionNamePart, url: str | None) -> str:
        return _code(part.name if part.value is None else f"{part.name}: {part.value}")

    def format_env_variable(self, part: dom.EnvVariablePart) -> str:
        return _code(part.name)

    def format_module(self, part: dom.ModulePart, url: str | None) -> str:
        return _code(part.fqcn)

    def format_plugin(self, part: dom.PluginPart, url: str | None) -> str:
        name = part.plugin.fqcn
        return f"[{name}](../{name.rpartition('.')[2]}/README.md)" if part.plugin.type == "role" else _code(name)


def _read(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def main() -> int:
    """Write every README; exit status 1 when one has no place for it."""
    try:
        for role in roles():
            readme(role).write_text(generated(role), encoding="utf-8")
    except MissingMarkerError as problem:
        print(problem, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
