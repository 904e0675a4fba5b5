# SPDX-License-Identifier: GPL-3.0-or-later
"""Templates of a checkout, read, filled with the project's secrets and written, on each ansible-core."""

from __future__ import annotations

import getpass
import os
import re
import subprocess
from pathlib import Path
from typing import Any

from tests.integration.conftest import Ansible, Vault, oldest_and_newest

PASSWORD = "canary-{{ x }}-$y"  # a value is never a template


def checkout(directory: Path, texts: dict[str, str]) -> Path:
    for name, text in texts.items():
        (directory / name).parent.mkdir(parents=True, exist_ok=True)
        (directory / name).write_text(text)
    for words in (["init", "--quiet"], ["add", "."]):
        subprocess.run(["git", "-C", str(directory), *words], check=True)
    return directory


def tasks(directory: Path, *templates: dict[str, Any]) -> list[dict[str, Any]]:
    write = {
        "files": "{{ host.project.templates | map(attribute='file') | list }}",
        "values": "{{ lookup('omakase.homelab.infisical_secrets', '/') }}",
    }
    read = {"directory": str(directory), "user": getpass.getuser(), "templates": list(templates)}
    return [
        {"omakase.homelab.omakase_info": read, "register": "host"},
        {"omakase.homelab.secret_files": write, "register": "written", "no_log": True, "failed_when": False},
        {
            "ansible.builtin.debug": {
                "msg": "{{ written.msg if written.msg is defined else written.changed_paths | length ~ ' written' }}"
            }
        },
    ]


def test_templates_of_each_format_are_rendered_with_the_values_as_they_are(vault: Vault, any_ansible: Ansible) -> None:
    vault.put(PASSWORD=PASSWORD)
    where = checkout(
        any_ansible.directory / "checkout",
        {
            "conf/x.j2": "# {{ inventory_hostname }}\n{{ lookup('omakase.homelab.infisical', 'PASSWORD') }}\n",
            "conf/y.tmpl": "p: ${PASSWORD} $host ${NONE:-d}\n",
            "conf/z.tmpl": 'p: {{ env "PASSWORD" }} {{ .Other }}\n',
            "conf/w.j2": '{"p": "{{ lookup(plugin, "PASSWORD") }}", "n": "{{ "a\\nb" | length }}"}',
        },
    )
    play = tasks(
        where,
        {"src": "conf/x.j2", "dest": "conf/x"},
        {"src": "conf/y.tmpl", "dest": "conf/y", "format": "dollar"},
        {"src": "conf/z.tmpl", "dest": "conf/z", "format": "go", "mode": "0400"},
        {"src": "conf/w.j2", "dest": "conf/w.json"},
    )
    variables = {**vault.variables, "plugin": "omakase.homelab.infisical"}
    result = any_ansible.play(*play, *play, variables=variables, arguments=("--diff", "-vvv"))
    assert result.status == 0, result.output
    assert re.findall(r"(\d) written", result.output) == ["4", "0"]
    assert result.recap("h0")["changed"] == 1 and "canary" not in result.output
    assert (where / "conf/x").read_text() == f"# h0\n{PASSWORD}\n"
    assert (where / "conf/y").read_text() == f"p: {PASSWORD} $host d\n"
    assert (where / "conf/z").read_text() == f"p: {PASSWORD} {{{{ .Other }}}}\n"
    # A template that looks like data stays the text that it is, and a backslash in an expression is Jinja's.
    assert (where / "conf/w.json").read_text() == f'{{"p": "{PASSWORD}", "n": "3"}}'
    assert [os.stat(where / "conf" / name).st_mode & 0o777 for name in "xyz"] == [0o600, 0o600, 0o400]


@oldest_and_newest
def test_a_template_that_cannot_be_rendered_is_named_and_nothing_is_written(vault: Vault, any_ansible: Ansible) -> None:
    vault.put(PASSWORD=PASSWORD)
    where = checkout(
        any_ansible.directory / "checkout",
        {
            "x.tmpl": "${NONE}",
            "y.j2": "{{ lookup('omakase.homelab.infisical', 'GONE') }}",
            "z.j2": "{{ undefined_one }}",
        },
    )
    given = (("x.tmpl", "dollar", "NONE"), ("y.j2", "jinja", "GONE"), ("z.j2", "jinja", "undefined_one"))
    play = [
        task
        for src, kind, _reason in given
        for task in tasks(where, {"src": src, "dest": f"{src}.out", "format": kind})
    ]
    said = " ".join(any_ansible.play(*play, variables=vault.variables).output.split())
    for src, _kind, reason in given:
        sentence = said.partition(f"{where}/{src}.out cannot be rendered: ")[2]
        assert reason in sentence.partition(" cannot be rendered: ")[0], said
        assert not (where / f"{src}.out").exists()
