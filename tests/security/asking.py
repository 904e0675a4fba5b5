# SPDX-License-Identifier: GPL-3.0-or-later
"""A process of its own that asks servers, and measures what their answers cost it.

`python -m tests.security.asking` reads questions, a line of JSON each, and prints an answer for each: what came back,
seconds, and the most memory that was in use meanwhile, in MB.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from ansible import constants
from ansible.errors import AnsibleError
from ansible.parsing.dataloader import DataLoader
from ansible.plugins.loader import init_plugin_loader, lookup_loader
from ansible.template import Templar

ROOT = Path(__file__).resolve().parents[2]


def asked(plugin: str, options: dict[str, Any]) -> Any:
    """The lookup's values, or the module's result; an error as text."""
    if plugin != "lookup":
        from tests.support.modules import printed_by

        result = printed_by(plugin, options)
        return result["msg"] if result.get("failed") else result
    loader = DataLoader()
    found = lookup_loader.get("omakase.homelab.infisical", loader=loader, templar=Templar(loader=loader, variables={}))
    try:
        return found.run(["NAME"], variables={}, **options)
    except AnsibleError as error:
        return str(error)


def measured(plugin: str, options: dict[str, Any]) -> dict[str, Any]:
    Path("/proc/self/clear_refs").write_text("5")  # the peak is counted anew
    began = time.monotonic()
    said = asked(plugin, options)
    status = Path("/proc/self/status").read_text()
    peak = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM:"))
    return {"said": said, "seconds": time.monotonic() - began, "megabytes": peak // 1024}


def main() -> None:
    init_plugin_loader([str(ROOT / "collections")])
    with tempfile.TemporaryDirectory() as directory:
        constants.DEFAULT_LOCAL_TMP = directory
        for question in sys.stdin:
            print(json.dumps(measured(**json.loads(question))), flush=True)


if __name__ == "__main__":
    main()
