# Copyright: (c) 2026, The omakase.homelab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """Where secrets are: the project alone (PROJECT), or a folder of an environment."""

    PROJECT = r"""
options:
  project_id:
    description:
      - Id of the project.
      - One of O(project_id) and O(project_slug) is needed.
    type: str
  project_slug:
    description:
      - Slug of the project, which costs one request more than O(project_id).
    type: str
"""

    DOCUMENTATION = r"""
options:
  environment:
    description:
      - Slug of the environment.
    type: str
    default: dev
  path:
    description:
      - Path of the folder in the environment.
    type: str
    default: /
"""

    # What a module has no use for, and takes since module_defaults of the group may set it for the others.
    UNUSED = r"""
options:
  project_id:
    description: Not used. One C(module_defaults) can set it for all modules of the group.
    type: str
  project_slug:
    description: Not used, as O(project_id).
    type: str
  environment:
    description: Not used, as O(project_id).
    type: str
    default: dev
  path:
    description: Not used, as O(project_id).
    type: str
    default: /
"""

    UNUSED_FOLDER = r"""
options:
  environment:
    description: Not used. One C(module_defaults) can set it for all modules of the group.
    type: str
    default: dev
  path:
    description: Not used, as O(environment).
    type: str
    default: /
"""
