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
