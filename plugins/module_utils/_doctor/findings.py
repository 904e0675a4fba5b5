# Copyright: (c) 2026, The omakase.homelab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an examination finds: one line a check, with evidence, and with what to do where it is not well."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from ansible_collections.omakase.homelab.plugins.module_utils._untrusted.words import printable

OK = "ok"
WARNING = "warning"  # works, and will not for long, or not for everything
PROBLEM = "problem"


@dataclass(frozen=True)
class Finding:
    """check: what was looked at. evidence: what was seen, never a secret's value. advice: empty if all is well."""

    check: str
    state: str
    evidence: str
    advice: str = ""

    def as_result(self) -> dict[str, str]:
        return asdict(self)


def ok(check: str, evidence: str) -> Finding:
    return _shown(check, OK, evidence)


def warning(check: str, evidence: str, advice: str) -> Finding:
    return _shown(check, WARNING, evidence, advice)


def problem(check: str, evidence: str, advice: str) -> Finding:
    return _shown(check, PROBLEM, evidence, advice)


def _shown(check: str, state: str, evidence: str, advice: str = "") -> Finding:
    """Check and evidence may hold names and words of a server's."""
    return Finding(printable(check), state, printable(evidence, keep="\n"), advice)
