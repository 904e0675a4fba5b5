#!/usr/bin/python
# Copyright: (c) 2026, The omakase.homelab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Module: a file of secrets, written without a copy on the controller."""

from __future__ import annotations

DOCUMENTATION = r"""
module: private_file
short_description: Write a file of secrets without leaving a copy on the controller
version_added: 1.0.0
author: The omakase.homelab authors (@omakase-homelab)
description:
  - Writes C(content) in one step, in a file that is never readable by others, not even while it is written.
  - Unlike M(ansible.builtin.copy) and M(ansible.builtin.template), which keep what they transfer in a temporary file on
    the controller, it takes the content over the connection alone. Where pipelining is off, Ansible itself makes such a
    file of the module's arguments, so turn it on with C(ansible_pipelining).
  - Shows no content, neither in a result nor in a difference.
extends_documentation_fragment: [ansible.builtin.files]
options:
  path:
    description: The file. Its directory must exist.
    type: path
    required: true
  content:
    description: The whole content.
    type: str
    required: true
  replaces:
    description:
      - SHA-256 of what was read there before, or an empty string where there was nothing.
      - A file that holds something else by now is left as it is, and the module fails. So of two runs that both made
        new keys, one does not replace the other's.
    type: str
  mode:
    description: The file's mode.
    type: raw
    default: "0600"
attributes:
  check_mode:
    description: Compares, and changes nothing.
    support: full
  diff_mode:
    description: Says that the content differs, and never how.
    support: none
"""

EXAMPLES = r"""
- name: Keep a key that was read on another host
  omakase.homelab.private_file:
    path: /etc/service/key
    content: "{{ key_read.content | b64decode }}"
  vars:
    ansible_pipelining: true

- name: Change a line of it, unless somebody else has changed the file meanwhile
  omakase.homelab.private_file:
    path: /etc/service/key
    content: "{{ key_read.content | b64decode | replace('port=80', 'port=8080') }}"
    replaces: "{{ key_read.content | b64decode | hash('sha256') }}"
  vars:
    ansible_pipelining: true
"""

RETURN = r"""
checksum:
  description: SHA-256 of the content.
  returned: success
  type: str
"""

import hashlib
import os
import tempfile
from contextlib import nullcontext

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.omakase.homelab.plugins.module_utils._files.turns import alone


def found(path: str) -> bytes | None:
    """What the file holds; None where there is none."""
    try:
        with open(path, "rb") as file:
            return file.read()
    except FileNotFoundError:
        return None


def write(module: AnsibleModule, path: str, content: bytes) -> None:
    """Put the content in the file's place, with its owner and mode from the first moment on."""
    # mkstemp makes it readable by its owner alone.
    handle, draft = tempfile.mkstemp(prefix=".private_file-", dir=os.path.dirname(path) or ".")
    module.add_cleanup_file(draft)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    module.set_fs_attributes_if_different(module.load_file_common_arguments(module.params, path=draft), False)
    os.rename(draft, path)


def refuse_another(module: AnsibleModule, path: str, content: bytes | None) -> None:
    """Fail where the file is not the one that was read before. content: what it holds now."""
    expected = module.params["replaces"]
    if expected is not None and expected != (hashlib.sha256(content).hexdigest() if content else ""):
        module.fail_json(
            msg=f"{path} was written by somebody else since it was read, as by another run at the same time. "
            "It was left as it is: run again once that one is over."
        )


def replaced(module: AnsibleModule, path: str, content: bytes) -> bool:
    """Whether the file's content differed; it is written unless this is only a plan."""
    present = found(path)
    if present == content:
        return False
    refuse_another(module, path, present)
    if not module.check_mode:
        write(module, path, content)
    return True


def main() -> None:
    """Compare, and write what differs."""
    module = AnsibleModule(
        argument_spec={
            "path": {"type": "path", "required": True},
            "content": {"type": "str", "required": True, "no_log": True},
            "replaces": {"type": "str"},
            "mode": {"type": "raw", "default": "0600"},
        },
        add_file_common_args=True,
        supports_check_mode=True,
    )
    path, content = module.params["path"], module.params["content"].encode()
    try:
        with nullcontext() if module.check_mode else alone(os.path.dirname(path) or "."):
            changed = replaced(module, path, content)
        if os.path.exists(path):
            changed = module.set_fs_attributes_if_different(module.load_file_common_arguments(module.params), changed)
    except OSError as error:
        module.fail_json(msg=f"{path} cannot be written: {error.strerror}.")
    except ValueError as error:
        module.fail_json(msg=f"path is not a path: {path!r} ({error}).")
    module.exit_json(changed=changed, checksum=hashlib.sha256(content).hexdigest())


if __name__ == "__main__":
    main()
