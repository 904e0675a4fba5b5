# Copyright: (c) 2026, The omakase.homelab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The target's edge: an Ansible module's parameters in, its result or failure out."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any, Protocol

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.omakase.homelab.plugins.module_utils._files.turns import alone_in_account
from ansible_collections.omakase.homelab.plugins.module_utils._infisical import auth, option_table, options, projects
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.client import (
    Client,
    ErasOfProcess,
    LoginTokens,
)
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.errors import InfisicalError
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.exchange import Exchange
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.model import Scope
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.paths import normal_path

_HIDDEN = "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER"


class Partial(Protocol):
    """What a module has done so far."""

    def as_dict(self) -> dict[str, Any]:
        """The results of the module that its user sees, should it stop here."""


class Target:
    """What a module of this collection needs of Ansible."""

    def __init__(self, module: AnsibleModule) -> None:
        self.module = module
        self.params: dict[str, Any] = module.params
        self.check_mode: bool = module.check_mode
        self._hidden_list = ""

    def exchange(self) -> Exchange:
        """The way to the server, without a login."""
        return options.exchange(self.params)

    def client(self) -> Client:
        """A client that logs in with its first call."""
        way = self.exchange()
        return Client(way, LoginTokens(auth.choose(self.params), way), ErasOfProcess())

    def project_id(self, client: Client) -> str:
        """The project that project_id or project_slug names. Raises InfisicalError where both are empty."""
        given: str = self.params["project_id"] or ""
        slug: str = self.params["project_slug"] or ""
        if not given and not slug:
            raise InfisicalError("No project was given.", "Give project_id or project_slug: what was given is empty.")
        return given or projects.id_of(client, slug)

    def scope(self, client: Client) -> Scope:
        """The folder that the options of SCOPE name."""
        return Scope(self.project_id(client), self.params["environment"], normal_path(self.params["path"]))

    @contextmanager
    def failures(self, partial: Partial | None = None) -> Iterator[None]:
        """Turns the client's error into the module's failure, which tells what was done before it."""
        try:
            yield
        except InfisicalError as error:
            done = partial.as_dict() if partial else {}
            self.module.fail_json(msg=str(error), **dict(done, **self._invocation()))

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Lets the modules of one account on one host in one after the other, those of another playbook's run included.

        Infisical takes two identities of one name, and two client secrets of one description: of two runs at once,
        the second has to find what the first has made.
        """
        with nullcontext() if self.check_mode else alone_in_account():
            yield

    def finish(self, changed: bool, **result: Any) -> None:
        """Ends the module."""
        self.module.exit_json(changed=changed, **dict(result, **self._invocation()))

    def hide_values(self, option: str) -> None:
        """Keeps the values of a list out of the output by never showing them, not by searching the output for them.

        ansible-core would replace every occurrence of each value: a secret with the value ONE would turn the name
        KEY_ONE into stars. So the arguments are shown as _invocation says, and results hold names alone.
        """
        values = {item["value"] for item in self.params[option] if item["value"] is not None}
        self.module.no_log_values.difference_update(values)
        self._hidden_list = option

    def _invocation(self) -> dict[str, Any]:
        """The module's arguments as they may be shown."""
        if not self._hidden_list:
            return {}  # ansible-core's own way will do
        arguments = dict(self.params)
        for name, spec in option_table.AUTH.items():
            if spec.get("no_log") and arguments[name] is not None:
                arguments[name] = _HIDDEN
        arguments[self._hidden_list] = [
            item if item["value"] is None else dict(item, value=_HIDDEN) for item in arguments[self._hidden_list]
        ]
        return {"invocation": {"module_args": arguments}}
