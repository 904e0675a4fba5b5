#!/usr/bin/python
# Copyright: (c) 2026, The omakase.homelab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Module: a checkout that never loses what somebody did in it."""

from __future__ import annotations

DOCUMENTATION = r"""
module: kept_checkout
short_description: Check a git repository out, and never lose what somebody did in it
version_added: 1.0.0
author: The omakase.homelab authors (@omakase-homelab)
description:
  - Brings a checkout to a branch, tag or commit of its origin, also where the origin has rewritten its history.
  - Unlike M(ansible.builtin.git), which resets a branch, it refuses to leave commits behind that are nowhere else,
    and to overwrite changed files, files that git does not know, and files that git ignores.
    It names what is in the way.
  - Commits on top of the wanted branch, and changes to files that the new revision leaves alone, are kept.
  - Logs in through the environment of git, never by its command line or configuration.
options:
  url:
    description: Address of the repository, without a password in it.
    type: str
    required: true
  directory:
    description: Where it is checked out. Made if it is missing.
    type: path
    required: true
  revision:
    description: Branch, tag, or commit.
    type: str
    required: true
  user:
    description: User that owns the checkout, and that git runs as.
    type: str
    required: true
  username:
    description: Name to log in with over HTTPS.
    type: str
    default: ""
  password:
    description: Password or token to log in with over HTTPS.
    type: str
    default: ""
  key_file:
    description: Private SSH key on the host.
    type: path
  known_hosts_file:
    description: File with the server's SSH host key. Left out, those that the user has.
    type: path
attributes:
  check_mode:
    description: Asks the origin, and writes nothing. That files are in the way shows only in a real run.
    support: full
  diff_mode:
    description: Shows the commits.
    support: full
"""

EXAMPLES = r"""
- name: Check my homelab out
  omakase.homelab.kept_checkout:
    url: https://git.example.org/me/omakase.git
    directory: /home/omakase/omakase
    revision: main
    user: omakase
"""

RETURN = r"""
before:
  description: The commit before; empty where there was none.
  returned: success
  type: str
after:
  description: The commit now.
  returned: success
  type: str
kept:
  description: Somebody's own commits and changed files that are still there.
  returned: success
  type: list
  elements: str
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.omakase.homelab.plugins.module_utils._checkout.checkout import (
    Checkout,
    RefusalError,
    environment,
)
from ansible_collections.omakase.homelab.plugins.module_utils._checkout.git import Git, GitError


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "url": {"type": "str", "required": True},
            "directory": {"type": "path", "required": True},
            "revision": {"type": "str", "required": True},
            "user": {"type": "str", "required": True},
            "username": {"type": "str", "default": ""},
            "password": {"type": "str", "default": "", "no_log": True},
            "key_file": {"type": "path", "no_log": False},
            "known_hosts_file": {"type": "path"},
        },
        supports_check_mode=True,
    )
    params = module.params
    try:
        git = Git(module.run_command, params["directory"], params["user"], environment(params))
        module.exit_json(**Checkout(git, params["url"], params["revision"], module.check_mode).run())
    except (RefusalError, GitError) as error:
        module.fail_json(msg=f"{params['directory']} is left as it is. {error}")


if __name__ == "__main__":
    main()
