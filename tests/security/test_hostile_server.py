# SPDX-License-Identifier: GPL-3.0-or-later
"""A server that lies, sends elsewhere, or is not who it says: real runs of Ansible give and run nothing."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tests.integration.conftest import Ansible, Vault
from tests.support.certificates import Authority
from tests.support.cores import Core
from tests.support.sockets import listening, reply

GIVEN = {"infisical_client_id": "id", "infisical_client_secret": "canary-secret", "infisical_project_slug": "p"}
LOOKUP = "lookup('omakase.homelab.infisical', 'NAME')"
CLIMBING = "../../etc/canary"
ALL = "lookup('omakase.homelab.infisical_secrets')"
# Each tries something else: a template, a terminal, a path, a shell, a line of its own.
NAMES = ["../../etc/canary", "{{ 7 * 6 }}", "A\x1b[2J", "B\nC=1", "$(touch run)", "D\u202eE", "/abs"]
VALUES = [
    "{{ lookup('pipe', 'touch run') }}",
    "{% set x = 1 %}{{ x }}",
    "\x1b]0;title\x07",
    "$(touch run)`touch run`",
    "a\nTOKEN=forged",
]


@contextmanager
def secrets(*found: tuple[str, str], seen: list[bytes] | None = None) -> Iterator[str]:
    """A server that logs everybody in and tells these; its address."""
    listed = {
        "project": {"id": CLIMBING, "slug": "p", "name": "p"},
        "secrets": [{"secretKey": name, "secretValue": value} for name, value in found],
    }

    def react(peer: socket.socket, request: bytes) -> None:
        if seen is not None:
            seen.append(request)
        content = {"accessToken": "canary-token"} if b"/login" in request.split(b"\r\n", 1)[0] else listed
        reply("200 OK", json.dumps(content).encode())(peer, request)

    with listening(react) as port:
        yield f"http://localhost:{port}"


def told(result_of: str) -> str:
    return " ".join(result_of.split())


def test_neither_a_redirect_nor_a_certificate_of_another_gets_the_credentials(ansible: Ansible, tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    seen: list[bytes] = []

    def react(_peer: socket.socket, request: bytes) -> None:
        seen.append(request)

    with ExitStack() as stack:
        port = urlsplit(stack.enter_context(secrets(("NAME", "x"), seen=seen))).port
        elsewhere = f"Location: http://127.0.0.1:{port}/api/v1/login"
        urls = [
            f"http://localhost:{stack.enter_context(listening(reply(status, b'', elsewhere)))}"
            for status in ("302 Found", "308 Permanent")
        ]
        urls += [
            f"https://localhost:{stack.enter_context(listening(react, context))}"
            for context in (authority.server_context("vault.test"), authority.server_context("localhost", days=-0.5))
        ]
        tasks: list[dict[str, Any]] = [
            {"ansible.builtin.debug": {"msg": f"{{{{ {LOOKUP[:-1]}, url='{url}') }}}}"}, "ignore_errors": True}
            for url in urls
        ]
        given = {"infisical_ca_path": str(authority.certificate), "infisical_retries": 0}
        result = ansible.play(*tasks, variables={**GIVEN, **given})
    assert result.recap("h0")["ignored"] == len(urls), result.output
    said = told(result.output)
    for url in urls[:2]:
        assert f"{url} sends POST /api/v1/auth/universal-auth/login elsewhere" in said
    assert "Give as url the name that the certificate is for." in said
    assert "Is this machine's clock right?" in said
    assert seen == []
    assert "canary" not in result.output


def test_names_and_values_are_text_wherever_they_go(tmp_path: Path) -> None:
    """Through a variable, a template, a file of one's own and an environment: byte for byte, and nothing is run.

    The run's cache keeps what it has read of a project by the id that the server tells, which here leads elsewhere.
    """
    pairs = [*zip(NAMES, VALUES * 2), ("NAME", VALUES[0])]
    ansible = Ansible(tmp_path / "a" / "b" / "c", Core.own())
    directory = ansible.directory
    # Where the names lead to, from the directory of the run as from the cache below it
    for around in (tmp_path, tmp_path / "a", directory, ansible.temporary):
        (around / "etc").mkdir(parents=True)
    begun = {*tmp_path.rglob("*")}
    with secrets(*pairs) as url:
        given = {**GIVEN, "infisical_url": url}
        result = ansible.play(
            {"ansible.builtin.set_fact": {"found": f"{{{{ {ALL} }}}}"}},
            {"ansible.builtin.copy": {"content": "{{ found | to_json }}", "dest": str(directory / "found.json")}},
            {"ansible.builtin.debug": {"msg": "{{ found.NAME }} and {{ found.keys() | list }}"}},
            {
                "omakase.homelab.secret_files": {
                    "files": [{"path": str(directory / "one"), "content": "{{ found.NAME }}"}]
                }
            },
            {
                "omakase.homelab.infisical_secret": {
                    **{name.removeprefix("infisical_"): value for name, value in given.items()},
                    "secrets": [{"name": "../../etc/new", "value": "x"}],
                }
            },
            {"ansible.builtin.assert": {"that": f"{LOOKUP} == found.NAME", "quiet": True}},
            variables=given,
            arguments=("-vvv", "--diff"),
        )
    assert result.status == 0, result.output
    assert json.loads((directory / "found.json").read_text()) == dict(pairs)
    assert "\x1b" not in result.output
    assert not Path("/etc/canary").exists()
    assert (directory / "one").read_text() == VALUES[0]
    assert result.recap("h0")["changed"] == 3, result.output
    made = {*tmp_path.rglob("*")} - begun
    own = {directory / name for name in ("play.yml", "variables.json", "found.json", "one", ".ansible")}
    assert {path for path in made if directory / ".ansible" not in path.parents} == own


def test_a_name_that_does_not_exist_is_told_without_the_terminal_s_help(ansible: Ansible) -> None:
    with secrets(("NAMES\x1b[2J\x9b1m\u202e", "x")) as url:
        task: dict[str, Any] = {"ansible.builtin.debug": {"msg": f"{{{{ {LOOKUP} }}}}"}}
        result = ansible.play(task, variables={**GIVEN, "infisical_url": url})
    assert "There is no secret NAME in /" in told(result.output)
    assert [one for one in result.output if not one.isprintable() and one != "\n"] == []


def test_429_for_ever_ends(ansible: Ansible) -> None:
    refused = reply("429 Too Many", b'{"error": "RateLimitExceeded"}', "Retry-After: 0")
    with listening(refused) as port:
        task: dict[str, Any] = {"ansible.builtin.debug": {"msg": f"{{{{ {LOOKUP} }}}}"}}
        variables = {**GIVEN, "infisical_url": f"http://localhost:{port}"}
        result = ansible.play(task, hosts=4, variables=variables)
    assert all(result.recap(f"h{number}")["failed"] == 1 for number in range(4))
    assert "It limits the rate of requests" in told(result.output)


def test_an_identity_reads_and_writes_where_it_may_and_nowhere_else(vault: Vault, ansible: Ansible) -> None:
    vault.put(NAME="canary-dev")
    vault.put(environment="prod", NAME="canary-prod")
    account = vault.account
    made = vault.ask(
        "POST", "/api/v1/identities", {"name": "web", "organizationId": account.organization_id, "role": "no-access"}
    )
    identity = made["identity"]["id"]
    member = f"/api/v1/projects/{vault.project_id}/memberships/identities/{identity}"
    vault.ask("POST", member, {"role": "no-access"})
    path = f"/api/v1/auth/universal-auth/identities/{identity}"
    client_id = vault.ask("POST", path, {})["identityUniversalAuth"]["clientId"]
    secret = vault.ask("POST", f"{path}/client-secrets", {"description": "test"})["clientSecret"]
    administrator = {**vault.options, "organization_id": account.organization_id, "token": account.token}
    administrator = {name: value for name, value in administrator.items() if not name.startswith("client_")}
    access = [{"environments": ["dev"], "path": "/"}, {"environments": ["prod"], "path": "/own", "write": True}]
    limited = {**vault.options, "client_id": client_id, "client_secret": secret}

    def secrets(environment: str, path: str = "/", **secret: str) -> dict[str, Any]:
        return {**limited, "environment": environment, "path": path, "overwrite": True, "secrets": [secret]}

    refused = [
        {"omakase.homelab.infisical_secret": secrets("dev", name="NEW", value="canary-new")},
        {"omakase.homelab.infisical_secret": secrets("dev", name="NAME", value="canary-changed")},
        {"omakase.homelab.infisical_secret": secrets("dev", name="NAME", state="absent")},
        {"omakase.homelab.infisical_secret": secrets("prod", name="NEW", value="canary-new")},
        {"omakase.homelab.infisical_folder": {**limited, "environment": "dev", "path": "/made"}},
        {"omakase.homelab.infisical_identity": {**limited, "organization_id": account.organization_id, "name": "own"}},
    ]
    read_prod = {"ansible.builtin.debug": {"msg": f"{{{{ {LOOKUP[:-1]}, environment='prod') }}}}"}}
    result = ansible.play(
        {"omakase.homelab.infisical_folder": {**vault.options, "environment": "prod", "path": "/own"}},
        {"omakase.homelab.infisical_identity": {"name": "web", "access": access, **administrator}},
        {"ansible.builtin.assert": {"that": f"{LOOKUP} == 'canary-dev'", "quiet": True}},
        {"omakase.homelab.infisical_secret": secrets("prod", "/own", name="MINE", value="canary-own")},
        *({**task, "ignore_errors": True, "register": "tried"} for task in [*refused, read_prod]),
        variables={**vault.variables, "infisical_client_id": client_id, "infisical_client_secret": secret},
    )
    assert result.status == 0, result.output
    assert result.recap("h0")["ignored"] == len(refused) + 1, result.output
    failures = [line for line in result.output.splitlines() if line.startswith("fatal: ")]
    assert len(failures) == len(refused) + 1 and all("403 PermissionDenied" in line for line in failures), failures
    assert "canary-prod" not in result.output

    def there(environment: str, path: str) -> dict[str, str]:
        where = f"projectId={vault.project_id}&environment={environment}&secretPath={path}"
        found = vault.ask("GET", f"/api/v4/secrets?{where}")["secrets"]
        return {one["secretKey"]: one["secretValue"] for one in found}

    assert there("dev", "/") == {"NAME": "canary-dev"} and there("prod", "/") == {"NAME": "canary-prod"}
    assert there("prod", "/own") == {"MINE": "canary-own"}
    named = vault.ask("GET", f"/api/v1/identities?orgId={account.organization_id}")["identities"]
    assert "own" not in str(named)
