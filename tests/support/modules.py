# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs a module of this collection in this process."""

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
    """What the module printed, with a scripted server. `failed` says whether it did."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(options, "UrlTransport", lambda _connection: server)
        return printed_by(module_name, {"url": URL, "_ansible_check_mode": check, "_ansible_diff": True, **params})


def printed_by(module_name: str, arguments: dict[str, Any]) -> dict[str, Any]:
    """What the module printed, with whatever server the arguments name."""
    module = importlib.import_module(f"{BASE}.{module_name}")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(basic, "_ANSIBLE_ARGS", json.dumps({"ANSIBLE_MODULE_ARGS": arguments}).encode())
        patch.setattr(basic, "_ANSIBLE_PROFILE", "legacy", raising=False)
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
