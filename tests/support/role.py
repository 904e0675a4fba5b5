# SPDX-License-Identifier: GPL-3.0-or-later
"""A role's variables and templates, evaluated by Ansible's own engine without a host."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ansible.parsing.dataloader import DataLoader
from ansible.plugins.loader import init_plugin_loader
from ansible.template import Templar
from ansible.utils.collection_loader import AnsibleCollectionConfig

from tests.meta.repository import COLLECTION, ROOT

EXPRESSION = "{{ %s }}"


class Role:
    """A role's variables, and over them what a test says, facts and registered results included."""

    def __init__(self, name: str, given: Mapping[str, Any]) -> None:
        if not AnsibleCollectionConfig.collection_finder:
            init_plugin_loader([str(ROOT / "collections")])
        self.folder = ROOT / "roles" / name
        self.loader = DataLoader()
        self.loader.set_basedir(str(self.folder))
        texts = [self._yaml(str(path.relative_to(self.folder))) for path in sorted(self._vars())]
        read = [self._yaml("defaults/main.yml"), {name: value for text in texts for name, value in text.items()}]
        places = {
            "ansible_collection_name": COLLECTION,
            "ansible_search_path": [str(self.folder)],
            "ansible_managed": "x",
        }
        self.variables = {**places, **read[0], **read[1], **given}

    def _vars(self) -> list[Path]:
        """The files of vars that Ansible reads by itself."""
        main = self.folder / "vars" / "main.yml"
        return [main] if main.exists() else list((self.folder / "vars" / "main").glob("*.yml"))

    def value(self, expression: str) -> Any:
        """What an expression is with these variables."""
        return self.text(EXPRESSION % expression)

    def text(self, text: str) -> Any:
        """What a text of one of the role's tasks is with them."""
        return self._templar().template(self._trusted(text))

    def rendered(self, template: str) -> str:
        """The text of one of the role's templates."""
        return str(self.value(f"lookup('ansible.builtin.template', '{template}')"))

    def _templar(self) -> Templar:
        return Templar(loader=self.loader, variables=self.variables)

    def _yaml(self, path: str) -> dict[str, Any]:
        text = (self.folder / path).read_text(encoding="utf-8")
        loaded: dict[str, Any] = self.loader.load(self._trusted(text), file_name=str(self.folder / path))
        return loaded

    @staticmethod
    def _trusted(text: str) -> str:
        """Only what is marked as ours is evaluated, since ansible-core 2.19."""
        try:
            from ansible.template import trust_as_template
        except ImportError:
            return text
        marked: str = trust_as_template(text)
        return marked


def problems(role: Role, variable: str) -> list[str]:
    """What a preflight would say, a sentence for each thing that is wrong, each on one line."""
    return [" ".join(str(sentence).split()) for sentence in role.value(f"{variable} | list")]
