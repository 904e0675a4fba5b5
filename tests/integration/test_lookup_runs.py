# SPDX-License-Identifier: GPL-3.0-or-later
"""Whole runs that use the lookups: how often they ask, and what they give."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import yaml

from tests.integration.conftest import Ansible, Vault, oldest_and_newest
from tests.support.faults import LIST, LOGIN, Fault

NAME = "omakase.homelab.infisical"
ONE = f"{{{{ lookup('{NAME}', 'A') }}}}"


def debug(template: str, **task: Any) -> dict[str, Any]:
    return {"ansible.builtin.debug": {"msg": template}, **task}


def check(condition: str, **task: Any) -> dict[str, Any]:
    return {"ansible.builtin.assert": {"that": condition, "quiet": True}, "no_log": True, **task}


def test_a_run_logs_in_once_and_lists_once(vault: Vault, any_ansible: Ansible) -> None:
    vault.put(A="one", B="two", C="three")
    result = any_ansible.play(
        debug(ONE),
        debug(f"{{{{ query('{NAME}', 'B', 'C') }}}}"),
        debug(f"{{{{ lookup('{NAME}_secrets').A }}}}"),
        debug("{{ of_the_inventory }} {{ of_the_inventory }}"),
        hosts=8,
        variables={**vault.variables, "of_the_inventory": ONE},
    )
    assert result.status == 0, result.output
    assert vault.proxy.reads == (1, 1)
    assert list(any_ansible.temporary.iterdir()) == [], "something is left of the run"


def test_fifty_hosts_log_in_once_and_list_once(vault: Vault, ansible: Ansible) -> None:
    vault.put(A="one")
    result = ansible.play(debug(ONE), hosts=50, forks=10, variables=vault.variables)
    assert result.status == 0, result.output
    assert vault.proxy.reads == (1, 1)


def test_every_way_to_run_a_task_shares(vault: Vault, ansible: Ansible) -> None:
    vault.put(A="one")
    role = ansible.directory / "roles" / "small" / "tasks"
    role.mkdir(parents=True)
    (role / "main.yml").write_text(yaml.safe_dump([debug(ONE)]))
    result = ansible.play(
        debug(ONE, delegate_to="h0"),
        debug(ONE, run_once=True),
        debug("{{ item }}", loop=f"{{{{ query('{NAME}', 'A', 'A') }}}}"),
        debug("{{ item }}", **{f"with_{NAME}": ["A"]}),
        debug("x", when=f"lookup('{NAME}', 'A') == 'one'"),
        {"ansible.builtin.include_role": {"name": "small"}, "loop": [1, 2]},
        {"ansible.builtin.command": {"cmd": f"echo {ONE}"}, "async": 30, "poll": 1, "changed_when": False},
        {"ansible.builtin.set_fact": {"kept": ONE}},
        hosts=3,
        strategy="free",
        variables=vault.variables,
    )
    assert result.status == 0, result.output
    assert vault.proxy.reads == (1, 1)


def test_an_ad_hoc_command_works(vault: Vault, ansible: Ansible) -> None:
    vault.put(A="one")
    (ansible.directory / "variables.json").write_text(json.dumps({**vault.variables, "ansible_connection": "local"}))
    arguments = ("all", "-i", "h0,h1,", "-e", "@variables.json", "-m", "ansible.builtin.debug", "-a", f"msg={ONE}")
    process = ansible.run("ansible", *arguments)
    output, _nothing = process.communicate(timeout=60)
    assert process.returncode == 0, output
    assert vault.proxy.reads == (1, 1)


def test_ansible_pull_works(vault: Vault, ansible: Ansible) -> None:
    vault.put(A="one")
    repository = ansible.directory / "repository"
    repository.mkdir()
    play = {"hosts": "localhost", "gather_facts": False, "tasks": [debug(ONE), debug(ONE)]}
    (repository / "local.yml").write_text(yaml.safe_dump([play]))
    author = ("-c", "user.name=Test", "-c", "user.email=test@example.com")
    for command in (("init", "--quiet"), ("add", "local.yml"), (*author, "commit", "--quiet", "--message", "Play")):
        subprocess.run(["git", "-C", str(repository), *command], check=True)
    given = ansible.directory / "variables.json"
    given.write_text(json.dumps(vault.variables))
    checkout = ansible.directory / "checkout"
    arguments = ("-U", str(repository), "-d", str(checkout), "-i", "localhost,", "-e", f"@{given}", "local.yml")
    ansible.environ["ANSIBLE_PYTHON_INTERPRETER"] = sys.executable  # it looks for one before it reads variables
    process = ansible.run("ansible-pull", *arguments)
    output, _nothing = process.communicate(timeout=120)
    assert process.returncode == 0, output
    assert vault.proxy.reads == (1, 1)


VALUES = {
    "EMPTY": "",
    "MULTI": "line 1\nline 2\n",
    "QUOTES": 'it\'s "quoted" `and` \\escaped\\',
    "TEMPLATE": "{{ 1 + 1 }} {% if true %}x{% endif %} {# note #}",
    "DOLLAR": "pa$$word $HOME",
    "UNICODE": "pässwörd-✓-日本",
    "NUMBER": "007",
    "BOOLEAN": "true",
    "NULL": "null",
    # Blanks as no program writes them: whoever made data of it and a text again would be found out.
    "LIST": '["a",  "b"]',
    "DICTIONARY": '{"a":1}',
    "TAGGED": "!unsafe x",
}


# Of these something else than the text could be made where an expression is all of an argument.
ALONE = ("EMPTY", "MULTI", "NUMBER", "LIST", "DICTIONARY")


def test_values_come_byte_for_byte(vault: Vault, any_ansible: Ansible) -> None:
    vault.put(**VALUES)
    target = any_ansible.directory / "rendered"
    target.mkdir()
    for name, text in VALUES.items():
        (target / f"{name}.expected").write_text(text)
    (target / "all.j2").write_text("".join(f"<{{{{ lookup('{NAME}', '{name}') }}}}>" for name in VALUES))
    expected = "lookup('ansible.builtin.file', target ~ '/' ~ item ~ '.expected', rstrip=false)"
    result = any_ansible.play(
        check(f"lookup(plugin, item) == {expected}", loop=list(VALUES)),
        check("lookup(plugin, item) is string", loop=list(VALUES)),
        check(f"lookup(plugin ~ '_secrets')[item] == {expected}", loop=list(VALUES)),
        {"ansible.builtin.template": {"src": "{{ target }}/all.j2", "dest": "{{ target }}/all"}},
        {
            "ansible.builtin.copy": {"content": "{{ lookup(plugin, item) }}", "dest": "{{ target }}/{{ item }}"},
            "loop": list(ALONE),
        },
        {
            "ansible.builtin.copy": {
                "content": "{{ lookup(plugin ~ '_secrets').DICTIONARY }}",
                "dest": "{{ target }}/from-all",
            }
        },
        vars={"plugin": NAME, "target": str(target)},
        variables=vault.variables,
    )
    assert result.status == 0, result.output
    assert (target / "all").read_text() == "".join(f"<{text}>" for text in VALUES.values())
    assert {name: (target / name).read_text() for name in ALONE} == {name: VALUES[name] for name in ALONE}
    assert (target / "from-all").read_text() == VALUES["DICTIONARY"]


def test_imports_references_and_recursion(vault: Vault, ansible: Ansible) -> None:
    for path in ("/app", "/shared", "/shared/deep"):
        vault.folder(path)
    vault.put("/shared", HOST="db", USER="shared", PORT="5432")
    vault.put("/shared/deep", BOTTOM="yes", PORT="1")
    vault.put("/app", USER="own", URL="postgres://${USER}@${dev.shared.HOST}/x")
    scope = {"projectId": vault.project_id, "environment": "dev", "path": "/app"}
    vault.ask("POST", "/api/v2/secret-imports", {**scope, "import": {"environment": "dev", "path": "/shared"}})
    result = ansible.play(
        check("lookup(plugin, '/app/USER', '/app/HOST', wantlist=True) == ['own', 'db']"),
        check("lookup(plugin, '/app/URL') == 'postgres://own@db/x'"),
        check("lookup(plugin, '/app/URL', expand_references=false) == 'postgres://${USER}@${dev.shared.HOST}/x'"),
        check("lookup(plugin, '/app/HOST', include_imports=false, default='none') == 'none'"),
        check("lookup(plugin, 'BOTTOM', path='/shared', recursive=true) == 'yes'"),
        check("lookup(plugin, 'PORT', path='/shared', recursive=true) == '5432'"),
        vars={"plugin": NAME},
        variables=vault.variables,
    )
    assert result.status == 0, result.output


def test_servers_identities_environments_and_paths_lie_side_by_side(vault: Vault, ansible: Ansible) -> None:
    vault.folder("/db")
    vault.put(A="dev")
    vault.put("/db", A="db")
    vault.put(environment="prod", A="prod")
    path = f"/api/v1/auth/universal-auth/identities/{vault.identity_id}/client-secrets"
    other = vault.ask("POST", path, {"description": "other"})["clientSecret"]
    result = ansible.play(
        check("lookup(plugin, 'A', '/db/A', wantlist=True) == ['dev', 'db']"),
        check("lookup(plugin, 'A', environment='prod') == 'prod'"),
        check("lookup(plugin, 'A', client_secret=other) == 'dev'"),
        check("lookup(plugin, 'A', url=url2) == 'dev'"),
        hosts=4,
        vars={"plugin": NAME},
        variables={**vault.variables, "other": other, "url2": vault.server.base_url},
    )
    assert result.status == 0, result.output
    assert vault.proxy.reads == (2, 4)


def test_a_write_of_a_module_is_seen_by_the_next_lookup(vault: Vault, any_ansible: Ansible) -> None:
    vault.put(A="old")
    write = {"secrets": [{"name": "A", "value": "new"}], "overwrite": True, **vault.options}
    result = any_ansible.play(
        check("lookup(plugin, 'A') == 'old'"),
        {"omakase.homelab.infisical_secret": write, "run_once": True, "no_log": True},
        check("lookup(plugin, 'A') == 'new'"),
        {"omakase.homelab.infisical_secret": write, "run_once": True, "no_log": True},
        check("lookup(plugin, 'A') == 'new'"),
        hosts=3,
        vars={"plugin": NAME},
        variables=vault.variables,
    )
    assert result.status == 0, result.output
    assert vault.proxy.requests[LOGIN] == 3  # the lookups' one, and one for each task with the module
    assert vault.proxy.requests[LIST] == 4


def test_what_others_have_written_is_seen_by_reading_through_and_a_write_in_the_background_at_once(
    vault: Vault, ansible: Ansible
) -> None:
    vault.put(A="old", B="old")
    write = {"secrets": [{"name": "A", "value": "new"}], "overwrite": True, **vault.options}
    body = {"projectId": vault.project_id, "environment": "dev", "secretPath": "/", "secretValue": "new"}
    uri = {
        "url": f"{vault.server.base_url}/api/v4/secrets/B",
        "method": "PATCH",
        "headers": {"Authorization": f"Bearer {vault.account.token}"},
        "body_format": "json",
        "body": body,
    }
    result = ansible.play(
        check("lookup(plugin, 'A', 'B', wantlist=True) == ['old', 'old']"),
        {"ansible.builtin.uri": uri, "no_log": True},
        check("lookup(plugin, 'B') == 'old'"),
        check("lookup(plugin, 'B', cache=false) == 'new'"),
        {"omakase.homelab.infisical_secret": write, "async": 30, "poll": 1, "no_log": True},
        check("lookup(plugin, 'A') == 'new'"),
        vars={"plugin": NAME},
        variables=vault.variables,
    )
    assert result.status == 0, result.output
    assert vault.proxy.requests[LOGIN] == 2  # the lookups' one, and one for the module


def test_a_token_that_expires_in_mid_run_is_replaced_without_anyone_noticing(vault: Vault, ansible: Ansible) -> None:
    vault.settle(accessTokenTTL=2, accessTokenMaxTTL=10)
    vault.put(A="one")
    read = check("lookup(plugin, 'A', cache=false) == 'one'")
    wait = {"ansible.builtin.pause": {"seconds": 3}}
    result = ansible.play(read, wait, read, hosts=2, vars={"plugin": NAME}, variables=vault.variables)
    assert result.status == 0, result.output
    assert vault.proxy.requests[LOGIN] == 2


def test_a_token_that_is_revoked_in_mid_run_is_replaced_without_anyone_noticing(
    vault: Vault, any_ansible: Ansible
) -> None:
    vault.put(A="one")
    vault.proxy.faults.append(Fault(LIST, "revoke"))
    result = any_ansible.play(
        check("lookup(plugin, 'A', cache=false) == 'one'"), hosts=5, vars={"plugin": NAME}, variables=vault.variables
    )
    assert result.status == 0, result.output
    assert "WARNING" not in result.output
    assert vault.proxy.requests[LOGIN] == 2


def test_refused_credentials_are_tried_once_for_twenty_hosts(vault: Vault, ansible: Ansible) -> None:
    vault.put(A="one")
    variables = {**vault.variables, "infisical_client_secret": "canary-wrong"}
    result = ansible.play(debug(ONE), hosts=20, forks=10, variables=variables, arguments=("-vvv",))
    assert result.status != 0
    assert vault.proxy.reads == (1, 0)
    assert "were not accepted, and are not tried again" in " ".join(result.output.split())
    assert "canary-wrong" not in result.output


@oldest_and_newest
def test_what_is_mistyped_is_named(vault: Vault, any_ansible: Ansible) -> None:
    vault.put(POSTGRES_PASSWORD="canary")
    result = any_ansible.play(
        debug(f"{{{{ lookup('{NAME}', 'POSTGRES_PASWORD') }}}}", ignore_errors=True),
        debug(f"{{{{ lookup('{NAME}', 'A', environment='prd') }}}}", ignore_errors=True),
        debug(f"{{{{ lookup('{NAME}', '/db/A') }}}}", ignore_errors=True),
        debug(f"{{{{ lookup('{NAME}', 'A', projectid='x') }}}}", ignore_errors=True),
        variables=vault.variables,
    )
    said = " ".join(result.output.split())
    for words in (
        "There is no secret POSTGRES_PASWORD in / of the environment dev. Did you mean POSTGRES_PASSWORD?",
        "The project omakase has no environment prd. Did you mean prod?",
        "The folder /db does not exist in dev",
        "There is no option projectid. Did you mean project_id?",
    ):
        assert words in said, said
    assert "canary" not in said
