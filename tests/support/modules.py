# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs a module of this collection in this process, with a scripted server."""

from __future__ import annotations

import importlib
import json
from typing import Any

import pytest
from ansible.module_utils import basic
from ansible_collections.omakase.homelab.plugins.module_utils._infisical import options

from tests.support.scripted import URL, Scripted

BASE = "ansible_collections.omakase.homelab.plugins.modules"


def run_module(module_name: str, server: Scripted, /, check: bool = False, **params: Any) -> dict[str, Any]:
    """What the module printed. `failed` says whether it did; the server's url and a token are given."""
    module = importlib.import_module(f"{BASE}.{module_name}")
    given = {"url": URL, "_ansible_check_mode": check, "_ansible_diff": True, **params}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(basic, "_ANSIBLE_ARGS", json.dumps({"ANSIBLE_MODULE_ARGS": given}).encode())
        patch.setattr(basic, "_ANSIBLE_PROFILE", "legacy", raising=False)
        patch.setattr(options, "UrlTransport", lambda _connection: server)
        printed: list[dict[str, Any]] = []
        patch.setattr(basic.AnsibleModule, "_return_formatted", _printer(printed))
        with pytest.raises(SystemExit):
            module.main()
    return printed[0]


def _printer(printed: list[dict[str, Any]]) -> Any:
    """In place of printing: the result after ansible-core has taken out what may not be logged."""

    def keep(module: basic.AnsibleModule, kwargs: dict[str, Any]) -> None:
        result = dict(kwargs)
        result.setdefault("invocation", {"module_args": module.params})
        printed.append(basic.remove_values(result, module.no_log_values))

    return keep
