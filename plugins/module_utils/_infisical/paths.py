# Copyright: (c) 2026, The omakase.homelab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Paths of folders. Apart from the rest, since a lookup that is answered by the run's cache needs no more."""

from __future__ import annotations


def normal_path(path: str) -> str:
    """The path as the server knows it: it answers 200 and nothing to "db" for "/db"."""
    return "/" + "/".join(step for step in path.split("/") if step)


def below(path: str, relative: str) -> str:
    """The path of a folder that is given from another one: b below /a is /a/b."""
    return normal_path(path + "/" + relative)


def parent_and_name(path: str) -> tuple[str, str]:
    """The folder that holds a folder or secret, and its name in there: /a/b is b in /a."""
    parent, _slash, name = path.rpartition("/")
    return normal_path(parent), name
