# Copyright: (c) 2026, The omakase.homelab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Loads what every lookup needs, in a way that lets Python keep the compiled code.

ansible-core's importer of collections compiles a file anew in each process that it forks, for every task on every
host: more than all else that a lookup does when the run's cache answers it. A plugin's own file it loads as here,
and Python keeps the code in __pycache__. What is not listed here is imported as always.
"""

from __future__ import annotations

import os
import sys
from importlib.util import module_from_spec, spec_from_file_location

# Each after those that it needs itself
_NEEDED = (
    "module_utils._untrusted.words",
    "module_utils._infisical.errors",
    "module_utils._infisical.address",
    "module_utils._infisical.paths",
    "module_utils._infisical.resolved",
    "module_utils._infisical.option_table",
    "module_utils._infisical.auth_core",
    "module_utils._infisical.auth",
    "plugin_utils._infisical.definitions",
    "plugin_utils._infisical.seal",
    "plugin_utils._infisical.run_cache",
    "plugin_utils._infisical.vault",
    "plugin_utils._infisical.controller",
    "plugin_utils._infisical.lookups",
)
_PLUGINS = __name__.rsplit(".", 2)[0]
_DIRECTORY = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def _load(name: str) -> None:
    full = f"{_PLUGINS}.{name}"
    spec = spec_from_file_location(full, os.path.join(_DIRECTORY, *name.split(".")) + ".py")
    if full in sys.modules or spec is None or spec.loader is None:
        return
    sys.modules[full] = module = module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[full]
        raise


for _name in _NEEDED:
    _load(_name)
