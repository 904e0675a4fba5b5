# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes inventories/schema.json, by which an editor knows the variables of an inventory. Run by `make docs`.

It is made from the roles' argument specs and from the options that the lookups take from variables. Names of your own
are no concern of it; a name that begins like one of a role and is none is taken for a slip of the pen.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from docs.role_readmes import ROOT, described, roles

LOOKUP = "omakase.homelab.infisical"
TYPES = {
    "bool": "boolean",
    "dict": "object",
    "float": "number",
    "int": "integer",
    "list": "array",
    "path": "string",
    "str": "string",
}
# Whatever its type, a value may be a template.
TEMPLATE = {"type": "string", "pattern": r"\{\{"}

Option = Mapping[str, Any]
Schema = dict[str, Any]


def path() -> Path:
    """Where the schema is, beside the inventories, so that a copy of one finds it as well."""
    return ROOT / "inventories" / "schema.json"


def generated() -> str:
    """The schema of today, as text."""
    options = {name: option for role in roles() for name, option in _options(role).items()}
    return json.dumps(schema({**_lookup_variables(), **options}, roles()), indent=1, ensure_ascii=False) + "\n"


def schema(options: Mapping[str, Option], prefixes: Iterable[str]) -> Schema:
    """A schema of files of variables: the options, and no other name that begins with one of the prefixes."""
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "Variables of an inventory for omakase.homelab; made by `make docs`",
        "type": ["object", "null"],
        "properties": {name: _value(option) for name, option in sorted(options.items())},
        # A pattern holds for what has a property of its own as well, so it exempts those.
        "patternProperties": {f"^(?!({'|'.join(sorted(options))})$)({'|'.join(prefixes)})_": False},
    }


def _value(option: Option) -> Schema:
    said = {"description": described(option["description"])}
    if option.get("default") not in (None, "", [], {}):
        said["default"] = option["default"]
    if option["type"] == "raw":
        return said
    plain: Schema = {"type": TYPES[option["type"]]}
    if option.get("choices"):
        # An option that may be left empty has "" as its default.
        plain["enum"] = list(dict.fromkeys([*option["choices"], *([""] if option.get("default") == "" else [])]))
    if option["type"] == "list":
        plain["items"] = _items(option)
    elif option.get("options"):
        plain |= _members(option["options"])
    if plain == {"type": "string"}:
        return said | plain
    return said | {"anyOf": [plain, TEMPLATE]}


def _items(option: Option) -> Schema:
    if option.get("options"):
        return {"anyOf": [{"type": "object"} | _members(option["options"]), TEMPLATE]}
    kind = option.get("elements", "raw")
    return {} if kind == "raw" else {"anyOf": [{"type": TYPES[kind]}, TEMPLATE]}


def _members(options: Mapping[str, Option]) -> Schema:
    return {
        "properties": {name: _value(option) for name, option in options.items()},
        "required": [name for name, option in options.items() if option.get("required")],
        "additionalProperties": False,
    }


def _options(role: str) -> dict[str, Option]:
    spec = yaml.safe_load((ROOT / "roles" / role / "meta" / "argument_specs.yml").read_text(encoding="utf-8"))
    return spec["argument_specs"]["main"].get("options") or {}


def _lookup_variables() -> dict[str, Option]:
    """The options of the lookups, by the variables from which they are taken."""
    command = [str(Path(sys.executable).parent / "ansible-doc"), "-t", "lookup", "--json", LOOKUP]
    told = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout  # noqa: S603
    options = json.loads(told)[LOOKUP]["doc"]["options"]
    return {source["name"]: option for option in options.values() for source in option.get("vars", [])}


def main() -> None:
    """Write it."""
    path().write_text(generated(), encoding="utf-8")


if __name__ == "__main__":
    main()
