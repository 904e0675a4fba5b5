# Copyright: (c) 2026, The omakase.homelab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Words of a server, for people: they go to terminals and into reports."""

from __future__ import annotations

LONGEST = 20_000  # characters: more than a list of all that is wrong, less than what floods a terminal


def printable(text: str, keep: str = "") -> str:
    """The text without what moves a cursor, hides or turns words around, and of bounded length.

    keep: characters that stay although they print nothing, such as a newline.
    """
    if text.isprintable() and len(text) <= LONGEST:
        return text
    cut = text if len(text) <= LONGEST else text[:LONGEST] + "…"
    return "".join(one if one.isprintable() or one in keep else " " if one.isspace() else "\ufffd" for one in cut)
