# Copyright: (c) 2026, The omakase.homelab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A client secret in a file of the target: readable by its owner alone, whole or not there."""

from __future__ import annotations

import json
import os
from contextlib import suppress

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.errors import InfisicalError

FIELDS = ("client_id", "client_secret", "client_secret_id", "identity_id", "description")


class KeptSecret:
    """The file at a path. Raises InfisicalError if it could not be written later."""

    def __init__(self, module: AnsibleModule, path: str) -> None:
        self.path = path
        directory = os.path.dirname(self.path) or "."
        if os.path.isdir(self.path):
            raise InfisicalError(f"The client secret cannot be kept: {self.path} is a directory.", "Name a file in it.")
        # In check mode an earlier task may only have said that it would make the directory.
        if not module.check_mode and not os.access(directory, os.W_OK | os.X_OK):
            raise InfisicalError(
                f"The client secret cannot be kept: {directory} is not a directory that can be written.",
                "Make it first, since the server shows a client secret only once.",
            )

    def read(self) -> dict[str, str] | None:
        """The fields of the file; None if it is missing, or not whole, and then as good as lost."""
        try:
            with open(self.path, encoding="utf-8") as file:
                content = json.load(file)
        except (OSError, ValueError):
            return None
        if not isinstance(content, dict) or not all(isinstance(content.get(name), str) for name in FIELDS):
            return None
        return {name: content[name] for name in FIELDS}

    def exists(self) -> bool:
        return os.path.exists(self.path)

    def is_private(self) -> bool:
        """Whether nobody but its owner may read it."""
        return not os.stat(self.path).st_mode & 0o077

    def make_private(self) -> None:
        os.chmod(self.path, 0o600)

    def write(self, content: dict[str, str]) -> None:
        """All or nothing, mode 0600."""
        write_private(self.path, json.dumps(content, indent=2, sort_keys=True) + "\n")

    def delete(self) -> None:
        os.unlink(self.path)


def write_private(path: str, text: str) -> None:
    """All or nothing, mode 0600. What a killed run has left of it, or somebody else has laid there, goes first."""
    temporary = os.path.join(os.path.dirname(path), f".new-{os.path.basename(path)}")
    with suppress(FileNotFoundError):
        os.unlink(temporary)
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    # Not by atomic_move, which gives it the owner and the mode of a file that was there
    os.replace(temporary, path)
