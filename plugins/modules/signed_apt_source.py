#!/usr/bin/python
# Copyright: (c) 2026, The omakase.homelab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Module: a signed apt repository, its key checked before it is trusted."""

from __future__ import annotations

DOCUMENTATION = r"""
module: signed_apt_source
short_description: Add a signed apt repository whose key is checked by its fingerprint
version_added: 1.0.0
author: The omakase.homelab authors (@omakase-homelab)
description:
  - Writes C(/etc/apt/sources.list.d/NAME.sources) in deb822 format, and the key to C(/etc/apt/keyrings).
  - The key is fetched only while the host does not have it, and kept only if its fingerprint is the one given.
  - Other source files lose their entries of the same repository, at which apt would otherwise stop.
  - Unlike M(ansible.builtin.deb822_repository) it needs no python3-debian, and judges the key before apt trusts it.
  - Does not update the lists of apt; M(ansible.builtin.apt) does.
  - Takes a repository away as well, wherever it is named, such as one that is gone and at which apt stops.
options:
  name:
    description: Names the files.
    type: str
    required: true
  url:
    description: Address of the repository.
    type: str
    required: true
  state:
    description:
      - Whether apt has the repository.
      - With V(absent) the files of O(name) go, its key included, and entries of O(url) and O(replaces) in others.
    type: str
    choices: [present, absent]
    default: present
  suites:
    description: Its suites. Needed where it is to be present, as are O(components) and O(key_url).
    type: list
    elements: str
  components:
    description: Its components.
    type: list
    elements: str
  key_url:
    description: Address of its public key, armoured or binary.
    type: str
  key_fingerprint:
    description:
      - The fingerprint that the key must have, in full; spaces do not matter.
      - Left empty, the first key that is fetched is kept and trusted from then on.
    type: str
    default: ""
  replaces:
    description: Addresses of repositories that this one takes the place of; their entries are removed.
    type: list
    elements: str
    default: []
  timeout:
    description: Seconds to wait for the key.
    type: int
    default: 30
attributes:
  check_mode:
    description: Fetches and judges the key, and changes nothing.
    support: full
  diff_mode:
    description: Shows the source files, and of a key its fingerprint.
    support: full
"""

EXAMPLES = r"""
- name: Trust Docker's repository
  omakase.homelab.signed_apt_source:
    name: docker
    url: https://download.docker.com/linux/debian
    suites: ["{{ ansible_facts['distribution_release'] }}"]
    components: [stable]
    key_url: https://download.docker.com/linux/debian/gpg
    key_fingerprint: 9DC8 5822 9FC7 DD38 854A E2D8 8D81 803C 0EBF CD88

- name: Take a repository away that is gone
  omakase.homelab.signed_apt_source:
    name: infisical-infisical-cli
    url: https://dl.cloudsmith.io/public/infisical/infisical-cli
    state: absent
"""

RETURN = r"""
path:
  description: The source file.
  returned: success
  type: str
key_path:
  description: The file of the key.
  returned: where the repository is to be present
  type: str
key_fingerprints:
  description: The fingerprints of the keys in it.
  returned: where the repository is to be present
  type: list
  elements: str
"""

import glob
import os
import re
from http.client import HTTPException
from typing import Any
from urllib.error import URLError

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.urls import open_url
from ansible_collections.omakase.homelab.plugins.module_utils._apt.found import kept_key, source_files
from ansible_collections.omakase.homelab.plugins.module_utils._apt.keys import Key, RefusedKeyError, judged
from ansible_collections.omakase.homelab.plugins.module_utils._apt.sources import (
    DIRECTORY,
    MAIN_LIST,
    Repository,
    plan,
    without,
)
from ansible_collections.omakase.homelab.plugins.module_utils._untrusted import answers
from ansible_collections.omakase.homelab.plugins.module_utils._untrusted.words import printable

LARGEST_KEY = 2**20
# The name becomes the name of a file, and each of the others a line in it.
_NAME = re.compile(r"[A-Za-z0-9][\w.-]*\Z")


def refuse_odd(options: dict[str, Any]) -> None:
    """Raises RefusedKeyError for what would break out of its file or its line, and where something is missing."""
    if not _NAME.match(options["name"]):
        raise RefusedKeyError(f"name is not the name of a file: {printable(options['name'])}.")
    missing = [option for option in ("suites", "components", "key_url") if options[option] is None]
    if missing and options["state"] == "present":
        raise RefusedKeyError(f"A repository that is to be present needs {', '.join(missing)} as well.")
    for option in ("url", "suites", "components"):
        if not "".join(options[option] or ()).isprintable():
            raise RefusedKeyError(f"{option} holds a line break or another control character.")


def contents(repository: Repository) -> dict[str, bytes]:
    """What apt's source files and the repository's keys hold, by path."""
    found = {}
    for path in [MAIN_LIST, *glob.glob(f"{DIRECTORY}/*"), *repository.key_paths]:
        if os.path.isfile(path):
            with open(path, "rb") as file:
                found[path] = file.read()
    return found


def fetched_key(url: str, wanted: str, timeout: int) -> Key:
    """The key from the vendor; raises RefusedKeyError where it cannot be had or is not the one meant."""
    try:
        with open_url(url, timeout=timeout, decompress=False) as answer:
            data = answers.body(answer, 2 * timeout, most=LARGEST_KEY)
    except (answers.TooLargeError, answers.TooLongError, answers.PartialError) as bad:
        raise RefusedKeyError(f"What {url} gives is not a key ({bad}). Nothing was changed.") from bad
    except ValueError as bad:
        raise RefusedKeyError(f"key_url is not an address: {url}.") from bad
    except (HTTPException, URLError, OSError) as broken:
        cause = getattr(broken, "reason", broken)
        raise RefusedKeyError(f"The key {url} cannot be fetched ({cause}). Nothing was changed.") from broken
    return judged(data, wanted, url)


def write(module: AnsibleModule, path: str, data: bytes) -> None:
    """Replace a file in one step, readable by everyone as apt's sandbox needs it."""
    os.makedirs(os.path.dirname(path), mode=0o755, exist_ok=True)
    draft = os.path.join(module.tmpdir, os.path.basename(path))
    with open(draft, "wb") as file:
        file.write(data)
    module.atomic_move(draft, path)
    module.set_mode_if_different(path, 0o644, False)


def shown(files: dict[str, str], changes: dict[str, str | None]) -> list[dict[str, str]]:
    """The diff of source files."""
    return [
        {"before_header": path, "after_header": path, "before": files.get(path, ""), "after": text or ""}
        for path, text in changes.items()
    ]


def apply(module: AnsibleModule, changes: dict[str, str | None]) -> None:
    """Bring the source files to what was planned."""
    for path, text in changes.items():
        if text is None:
            os.remove(path)
        else:
            write(module, path, text.encode(errors="surrogateescape"))


def take_away(module: AnsibleModule, repository: Repository, found: dict[str, bytes]) -> dict[str, Any]:
    """The module's result where the repository is to be absent."""
    files = source_files(found)
    changes = without(repository, files)
    keys = [path for path in repository.key_paths if path in found]
    diff = [*shown(files, changes), *({"before_header": path, "before": "a key\n", "after": ""} for path in keys)]
    if not module.check_mode:
        apply(module, changes)
        for path in keys:
            os.remove(path)
    return {"changed": bool(changes or keys), "path": repository.path, "diff": diff}


def bring(module: AnsibleModule, repository: Repository, found: dict[str, bytes]) -> dict[str, Any]:
    """The module's result where the repository is to be present; raises RefusedKeyError."""
    options = module.params
    key = kept_key(repository, found, options["key_fingerprint"])
    key = key or fetched_key(options["key_url"], options["key_fingerprint"], options["timeout"])
    key_path = repository.key_path(key.armoured)

    files = source_files(found)
    changes = plan(repository, files, key_path)
    diff = shown(files, changes)
    new_key = found.get(key_path) != key.data
    if new_key:
        diff.append({"before_header": key_path, "after_header": key_path, "before": "", "after": f"{key}\n"})
    if not module.check_mode:
        if new_key:
            write(module, key_path, key.data)
        apply(module, changes)
    return {
        "changed": bool(changes) or new_key,
        "path": repository.path,
        "key_path": key_path,
        "key_fingerprints": list(key.fingerprints),
        "diff": diff,
    }


def run(module: AnsibleModule) -> dict[str, Any]:
    """The module's result; raises RefusedKeyError."""
    options = module.params
    refuse_odd(options)
    parts = [options[option] or () for option in ("suites", "components", "replaces")]
    repository = Repository(options["name"], options["url"], *parts)
    found = contents(repository)
    return (bring if options["state"] == "present" else take_away)(module, repository, found)


def main() -> None:
    """Options in, result out."""
    module = AnsibleModule(
        argument_spec={
            "name": {"type": "str", "required": True},
            "url": {"type": "str", "required": True},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "suites": {"type": "list", "elements": "str"},
            "components": {"type": "list", "elements": "str"},
            "key_url": {"type": "str", "no_log": False},
            "key_fingerprint": {"type": "str", "default": "", "no_log": False},
            "replaces": {"type": "list", "elements": "str", "default": []},
            "timeout": {"type": "int", "default": 30},
        },
        supports_check_mode=True,
    )
    try:
        module.exit_json(**run(module))
    except RefusedKeyError as refused:
        module.fail_json(msg=str(refused))


if __name__ == "__main__":
    main()
