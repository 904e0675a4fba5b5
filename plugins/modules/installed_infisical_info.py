#!/usr/bin/python
# Copyright: (c) 2026, The omakase.homelab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Module: what runs of an Infisical under Docker Compose, and whether its keys fit."""

from __future__ import annotations

DOCUMENTATION = r"""
module: installed_infisical_info
short_description: Tell what runs of an Infisical under Docker Compose, and whether its keys fit its database
version_added: 1.0.0
author: The omakase.homelab authors (@omakase-homelab)
description:
  - Looks at the containers of a compose project, and holds the key and the password of its C(.env) against the
    database, before anything restarts.
  - The key is tried on the root key that the server keeps in its database, sealed with it. Neither leaves the host.
extends_documentation_fragment:
  - omakase.homelab.attributes.read_only
options:
  directory:
    description: Where the compose file and the C(.env) are.
    type: path
    default: /opt/infisical
  postgres_image:
    description: Image with C(psql) for a database that is not in the stack. Left empty, nothing is said of such a one.
    type: str
    default: ""
"""

EXAMPLES = r"""
- name: Look at the installation
  omakase.homelab.installed_infisical_info:
    directory: /opt/infisical
  register: installation

- name: Stop where its key is another than the database's
  ansible.builtin.assert:
    that: installation.key != 'differs'
"""

RETURN = r"""
version:
  description: Version of the server's container, or of the compose file where there is no container.
  returned: success
  type: str
  sample: v0.165.16
healthy:
  description: Whether the server is healthy.
  returned: success
  type: bool
running:
  description: The services that run.
  returned: success
  type: list
  elements: str
key:
  description: V(fits), V(differs), or V(unknown) where the database does not run or has no root key yet.
  returned: success
  type: str
password:
  description: Whether the database lets the server in, in the same words.
  returned: success
  type: str
"""

from pathlib import Path

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.omakase.homelab.plugins.module_utils._backup.commands import BackupError
from ansible_collections.omakase.homelab.plugins.module_utils._backup.installation import inspect
from ansible_collections.omakase.homelab.plugins.module_utils._backup.stack import Stack


def main() -> None:
    """Options in, result out."""
    module = AnsibleModule(
        argument_spec={
            "directory": {"type": "path", "default": "/opt/infisical"},
            "postgres_image": {"type": "str", "default": ""},
        },
        supports_check_mode=True,
    )
    try:
        found = inspect(Stack(Path(module.params["directory"])), module.params["postgres_image"])
    except BackupError as error:
        module.fail_json(msg=str(error))
    except (OSError, ValueError) as error:
        module.fail_json(msg=f"directory cannot be read: {module.params['directory']!r} ({error}).")
    module.exit_json(changed=False, **found)


if __name__ == "__main__":
    main()
