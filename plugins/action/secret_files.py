# Copyright: (c) 2026, The omakase.homelab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Renders the templates of secret_files on the controller; the module of the same name writes them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ansible.errors import AnsibleError
from ansible.plugins.action import ActionBase
from ansible_collections.omakase.homelab.plugins.plugin_utils._compose import templates
from ansible_collections.omakase.homelab.plugins.plugin_utils._compose.interpolation import UnfilledError

try:
    from ansible.template import trust_as_template
except ImportError:  # before ansible-core 2.19
    trust_as_template = None


class ActionModule(ActionBase):  # type: ignore[misc]  # ansible-core has no types
    """The module gets contents and no templates, and never the values."""

    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        super().run(tmp, task_vars)
        args = dict(self._task.args)
        values, files = args.pop("values", None) or {}, args.get("files") or []
        try:
            if not isinstance(values, Mapping):
                raise AnsibleError("values is no dictionary: give values by name.")
            if not isinstance(files, Sequence) or not all(isinstance(file, Mapping) for file in files):
                raise AnsibleError("files is no list of dictionaries: give each file its path and what it holds.")
            files = [self._rendered(dict(file), values.get) for file in files]
        except AnsibleError as error:
            return {"failed": True, "msg": str(error), "changed_paths": []}
        result: dict[str, Any] = self._execute_module(module_args={**args, "files": files}, task_vars=task_vars)
        result.pop("invocation", None)
        return result

    def _rendered(self, file: dict[str, Any], value: Callable[[str], Any]) -> dict[str, Any]:
        template, kind = file.pop("template", None), file.pop("format", "jinja")
        if template is None:
            return file
        try:
            if kind == "jinja":
                return {**file, "content": self._jinja(str(template))}
            return {**file, "content": templates.fill(kind, str(template), lambda name: _text(value(name)))}
        except UnfilledError as error:
            raise AnsibleError(f"{file.get('path')} cannot be rendered: {error} has no value.") from None
        except AnsibleError as error:
            raise AnsibleError(f"{file.get('path')} cannot be rendered: {error}") from None

    def _jinja(self, template: str) -> str:
        """As Ansible's own template module does: backslashes stay, and so does the newline at the end."""
        if trust_as_template is None:
            # A text is a template, but for the type that marks those of a host. template() would make data of JSON.
            content = str(self._templar.do_template("".join(template), escape_backslashes=False))
        else:
            content = str(self._templar.template(trust_as_template(template), escape_backslashes=False))
        return content if not template.endswith("\n") or content.endswith("\n") else content + "\n"


def _text(value: Any) -> str | None:
    return None if value is None else str(value)
