# Copyright: (c) 2026, The omakase.homelab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Values judged in memory. What comes back are names; never a value, a part, a length or a digest of one."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass

from ansible_collections.omakase.homelab.plugins.module_utils._doctor.findings import Finding, ok, problem, warning
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.model import Secret

# Below these a credential can be guessed by trying. 64 bits are eleven random letters and digits.
LEAST_LENGTH, LEAST_BITS = 12, 64

_CREDENTIAL = frozenset(
    ["PASSWORD", "PASSWD", "PASS", "PASSPHRASE", "PWD", "SECRET", "TOKEN", "KEY", "APIKEY", "SALT", "PEPPER", "PSK"]
)
# Last words of names that are about a credential and are none, as in AWS_ACCESS_KEY_ID
_ABOUT_ONE = frozenset(
    ["ID", "USER", "USERNAME", "EMAIL", "HOST", "PORT", "URL", "URI", "DOMAIN", "NAME", "FILE", "PATH", "DIR", "TTL"]
)
# What manuals and images give as an example or a default, compared without case and punctuation
_EXAMPLES = frozenset(
    word
    for line in (
        "admin adminadmin administrator changeit changeme changemenow changethis default demo dummy example",
        "examplepassword foobar guest hunter2 letmein mypassword mysecret mysecretpassword none null pass password",
        "password1 password123 passw0rd placeholder postgres postgrespassword qwerty redis root rootpassword",
        "sample secret secretkey secretpassword supersecret supersecretpassword test test123 testing tobechanged",
        "todo topsecret user welcome xxx yourpassword yoursecret yourtoken yourapikey",
        # Of Infisical's own example .env
        "6c1fe4e407b8911c104518103505b218 5lrmxkkwcvocsuerpzl7vtxaauginkdl3tsmlgea",
    )
    for word in line.split()
)
_SPEAKING = re.compile(
    r"change.?(me|this|it)|replace.?(me|this|with)|\bexample\b|your[-_ ].*(key|secret|token|password|here)|<[a-z_ -]+>",
    re.I,
)
_Say = Callable[[str, str, str], Finding]
_REFERENCE = re.compile(r"\$\{[^}]+\}")


@dataclass(frozen=True)
class Found:
    """A secret of an environment. project: empty for the first one, the slug of a further one."""

    environment: str
    secret: Secret
    project: str = ""

    @property
    def place(self) -> str:
        return place(self.project, self.environment, self.secret.path, self.secret.name)


def place(project: str, environment: str, path: str, name: str) -> str:
    """Where a secret is, such as dev:/db/NAME, or photos dev:/db/NAME for a further project."""
    return f"{project} {environment}:{path.rstrip('/')}/{name}".lstrip()


def is_credential(name: str, settings: Collection[str] = ()) -> bool:
    """Whether the name says that the value is to be kept and hard to guess. settings: names that are no secrets."""
    words = name.upper().split("_")
    return name not in settings and words[-1] not in _ABOUT_ONE and not _CREDENTIAL.isdisjoint(words)


def findings(secrets: Sequence[Found], settings: Collection[str]) -> list[Finding]:
    """All that the values tell. secrets: unexpanded, so that a reference is no value of its own."""
    own = [found for found in secrets if not found.secret.hidden and not _REFERENCE.search(found.secret.value)]
    credentials = [found for found in own if is_credential(found.secret.name, settings)]
    filled = [found for found in credentials if found.secret.value]
    examples = [found for found in filled if is_example(found.secret.name, found.secret.value)]
    weak = [found for found in filled if found not in examples and is_weak(found.secret.value)]
    return [
        _told("example values", examples, "Rotate them: anybody may look these up in a manual."),
        _told("weak values", weak, "Rotate them: they are short, or of few different characters."),
        _told(
            "empty values", [found for found in credentials if not found.secret.value], "Give them a value.", warning
        ),
        *_same(filled),
        _told(
            "hidden values",
            [found for found in secrets if found.secret.hidden],
            "Audit with an identity that may read them: these were not judged.",
            warning,
        ),
    ]


def is_example(name: str, value: str) -> bool:
    """A value of a manual, a default of an image, or the name itself."""
    plain = re.sub(r"[^a-z0-9]", "", value.lower())
    return plain in _EXAMPLES or plain == re.sub(r"[^a-z0-9]", "", name.lower()) or bool(_SPEAKING.search(value))


def is_weak(value: str) -> bool:
    return len(value) < LEAST_LENGTH or bits(value) < LEAST_BITS


def bits(value: str) -> float:
    """What guessing at random is up against at most: runs (aaa, 123) and repetitions (abcabc) count once."""
    repeated = re.fullmatch(r"(.+?)\1+", value, re.S)
    part = repeated.group(1) if repeated else value
    steps = sum(1 for one, next_one in zip(part, part[1:]) if abs(ord(next_one) - ord(one)) > 1)
    return min(steps + 1, 4 * len(set(part))) * math.log2(_alphabet(part))


def _alphabet(value: str) -> int:
    if re.fullmatch(r"[0-9]*([0-9a-f]+|[0-9A-F]+)", value) and not value.isdigit():
        return 16
    kinds = {r"[0-9]": 10, r"[a-z]": 26, r"[A-Z]": 26, r"[^0-9A-Za-z]": 32}
    return sum(size for kind, size in kinds.items() if re.search(kind, value))


def _same(credentials: Iterable[Found]) -> list[Finding]:
    groups: dict[str, list[Found]] = {}
    for found in credentials:
        groups.setdefault(found.secret.value, []).append(found)
    shared = [sorted(group, key=lambda found: found.place) for group in groups.values() if len(group) > 1]
    within = [group for group in shared if len({(found.project, found.environment) for found in group}) == 1]
    across = [group for group in shared if group not in within]
    return [
        _listed("same value twice", _lines(within), "Give each its own, or make one a reference: ${NAME}.", warning),
        _listed(
            "same value in two environments",
            _lines(across),
            "Give each environment its own: whoever learns the one has the other.",
            warning,
        ),
    ]


def _lines(groups: Iterable[Sequence[Found]]) -> list[str]:
    return sorted(" and ".join(found.place for found in group) for group in groups)


def _told(check: str, found: Iterable[Found], advice: str, say: _Say = problem) -> Finding:
    return _listed(check, sorted(item.place for item in found), advice, say)


def _listed(check: str, lines: Sequence[str], advice: str, say: _Say) -> Finding:
    return say(check, "\n".join(lines), advice) if lines else ok(check, "none")
