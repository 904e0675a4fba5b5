# Copyright: (c) 2026, The omakase.homelab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Known secret values in a text that a person is about to read."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import quote, quote_plus, unquote, unquote_plus

MASK = "********"
# Shorter ones ("on", "5432") would blot out half of a log and are nobody's secret.
SHORTEST = 6
# Colours, movements of the cursor and titles (ECMA-48), what is left of cut ones, and carriage returns.
_FOR_A_TERMINAL = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[ -/]*[0-~]?|\r")


def mask(text: str, values: Iterable[Any], shortest: int = SHORTEST) -> str:
    """Return the text with every occurrence of the values replaced by asterisks, and without what steers a terminal.

    Found too: values percent-encoded as in an address, and decoded if they were given so; escaped as in JSON; and each
    line of one that has several.
    Values of fewer characters than shortest are left.
    """
    # First, since a value with a colour in the middle of it would not be found.
    text = _plain(text)
    hidden: list[tuple[int, int]] = []
    for start, end in sorted(_occurrences(text, {form for value in values for form in _forms(str(value), shortest)})):
        # Occurrences that overlap become one: else the rest of the second would stay readable.
        if hidden and start < hidden[-1][1]:
            hidden[-1] = (hidden[-1][0], max(end, hidden[-1][1]))
        else:
            hidden.append((start, end))
    for start, end in reversed(hidden):
        text = text[:start] + MASK + text[end:]
    return text


def _plain(text: str) -> str:
    return _FOR_A_TERMINAL.sub("", text)


def _forms(value: str, shortest: int) -> Iterator[str]:
    def is_long_enough(part: str) -> bool:
        return len(part.strip()) >= shortest

    for part in {value, _plain(value), *value.splitlines()}:
        if is_long_enough(part):
            yield from (part.strip(), quote(part), quote_plus(part), quote(part, safe=""))
            # A password inside an address is given encoded, and a program may show it as it is.
            yield from filter(is_long_enough, {unquote(part), unquote_plus(part)})
            yield from (json.dumps(part, ensure_ascii=ascii_only)[1:-1] for ascii_only in (True, False))


def _occurrences(text: str, forms: Iterable[str]) -> Iterator[tuple[int, int]]:
    for form in forms:
        # A lookahead finds those that overlap themselves too.
        yield from ((match.start(), match.start() + len(form)) for match in re.finditer(f"(?={re.escape(form)})", text))
