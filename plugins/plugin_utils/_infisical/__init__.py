# Copyright: (c) 2026, The omakase.homelab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Importing this package first lets Python keep the compiled code of what the lookups import after it.

ansible-core's importer of collections compiles a file anew in each process that it forks, for every task on every
host: more than all else that a lookup does when the run's cache answers it. Python's own importer keeps the code in
__pycache__, as it does for ansible-core itself and for the file of a plugin.
"""

from __future__ import annotations

import functools
import sys
from importlib.abc import MetaPathFinder
from importlib.machinery import SOURCE_SUFFIXES, FileFinder, ModuleSpec, SourceFileLoader
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import ModuleType

_PLUGINS = __name__.rsplit(".", 2)[0]
_OURS = (f"{_PLUGINS}.module_utils.", f"{_PLUGINS}.plugin_utils.")


class _Finder(MetaPathFinder):
    """Python's own importer for this collection's files; whatever else it is asked for, it leaves to the next."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if not path or not fullname.startswith(_OURS):
            return None
        spec = _of_directory(path[0]).find_spec(fullname)
        # A directory without __init__.py is a package of ansible-core's making.
        return spec if spec and spec.loader else None


@functools.cache
def _of_directory(path: str) -> FileFinder:
    return FileFinder(path, (SourceFileLoader, SOURCE_SUFFIXES))


sys.meta_path.insert(0, _Finder())
