# SPDX-License-Identifier: GPL-3.0-or-later
"""Networks and servers that misbehave, runs that are killed, and what stays on the disk."""

from __future__ import annotations

import os
import signal
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from tests.integration.conftest import Ansible, MakeAnsible, Vault, oldest_and_newest, vault_on
from tests.integration.test_lookup_runs import NAME, ONE, check, debug
from tests.support.certificates import Authority
from tests.support.cores import Core
from tests.support.faults import LIST, LOGIN, Fault, FaultyProxy
from tests.support.servers import Infisical, Postgres, Redis, infisical_server

LIMIT = {"statusCode": 429, "error": "RateLimitExceeded", "message": "Rate limit exceeded"}


def test_over_tls_with_a_private_authority(
    postgres: Postgres, redis: Redis, any_ansible: Ansible, tmp_path: Path
) -> None:
    authority = Authority(tmp_path)
    context = authority.server_context("localhost")
    with infisical_server(postgres, redis) as server, FaultyProxy(server.base_url, context).running() as proxy:
        vault = vault_on(server, proxy)
        vault.put(A="one")
        trusting = f"lookup('{NAME}', 'A', ca_path='{authority.certificate}') == 'one'"
        result = any_ansible.play(debug(ONE, ignore_errors=True), check(trusting), hosts=5, variables=vault.variables)
        assert result.status == 0, result.output
        assert result.recap("h0")["ignored"] == 1
        assert "Name the authority that signed it with ca_path" in " ".join(result.output.split())
        assert proxy.reads == (1, 1)


def test_through_a_proxy_of_the_environment(vault: Vault, ansible: Ansible) -> None:
    vault.put(A="one")
    ansible.environ["http_proxy"] = vault.proxy.url
    variables = {**vault.variables, "infisical_url": "http://vault.invalid:8080"}
    result = ansible.play(check(f"lookup('{NAME}', 'A') == 'one'"), hosts=3, variables=variables)
    assert result.status == 0, result.output
    assert vault.proxy.reads == (1, 1)


def test_a_server_that_fails_for_a_moment_or_sends_a_storm_of_429_is_asked_again(
    vault: Vault, ansible: Ansible
) -> None:
    vault.put(A="one")
    storm = {"status": 429, "body": LIMIT, "headers": {"retry-after": "1"}}
    faults = {kind: [Fault(asked, kind) for asked in (LOGIN, LIST, LIST)] for kind in ("reset", "stall", "half")}
    faults["storm"] = [Fault(asked, "refuse", **storm) for asked in (LOGIN, LIST, LIST, LIST)]  # type: ignore[arg-type]
    with ExitStack() as stack:
        running = {kind: FaultyProxy(vault.server.base_url).running() for kind in faults}
        proxies = {kind: stack.enter_context(proxy) for kind, proxy in running.items()}
        for kind, proxy in proxies.items():
            proxy.faults += faults[kind]
        reads = [check(f"lookup('{NAME}', 'A', url='{proxy.url}') == 'one'") for proxy in proxies.values()]
        result = ansible.play(*reads, hosts=20, variables={**vault.variables, "infisical_timeout": 1})
    assert result.status == 0, result.output
    read = {kind: proxy.reads for kind, proxy in proxies.items()}
    assert read == {"reset": (2, 3), "stall": (2, 3), "half": (2, 3), "storm": (2, 4)}


def test_a_server_that_allows_forty_requests_a_minute_serves_fifty_lookups(
    postgres: Postgres, redis: Redis, ansible: Ansible
) -> None:
    with (
        infisical_server(postgres, redis, INFISICAL_STAND_IN_RATE_LIMIT="40") as server,
        FaultyProxy(server.base_url).running() as proxy,
    ):
        vault = vault_on(server, proxy)
        vault.put(A="one")
        tasks = [check(f"lookup('{NAME}', 'A') == 'one'") for _task in range(5)]
        result = ansible.play(*tasks, hosts=10, variables=vault.variables)
    assert result.status == 0, result.output
    assert proxy.reads == (1, 1)


def test_a_server_that_is_down_is_told_by_all_and_asked_by_few(ansible: Ansible) -> None:
    with FaultyProxy("http://127.0.0.1:1").running() as proxy:
        refused = {"status": 503, "headers": {"retry-after": "0"}}
        proxy.faults += [Fault(LOGIN, "refuse", **refused) for _request in range(200)]  # type: ignore[arg-type]
        variables = {
            "infisical_url": proxy.url,
            "infisical_client_id": "id",
            "infisical_client_secret": "sec",
            "infisical_project_id": "p",
            "infisical_retries": 1,
        }
        result = ansible.play(debug(ONE), hosts=20, forks=10, variables=variables)
        assert all(result.recap(f"h{number}")["failed"] == 1 for number in range(20)), result.output
        assert proxy.requests[LOGIN] <= 20  # each batch of forks at most a few, with one repeat


def test_an_older_server_is_read(postgres: Postgres, redis: Redis, ansible: Ansible) -> None:
    with (
        infisical_server(postgres, redis, INFISICAL_STAND_IN_ERA="v3") as server,
        FaultyProxy(server.base_url).running() as proxy,
    ):
        variables = older(server, proxy)
        result = ansible.play(
            check(f"lookup('{NAME}', 'A') == 'one'"),
            debug(f"{{{{ lookup('{NAME}', 'A', environment='prd') }}}}", ignore_errors=True),
            hosts=5,
            variables=variables,
        )
        assert result.status == 0, result.output
        assert "has no environment prd. Did you mean prod?" in " ".join(result.output.split())
        assert proxy.requests[LOGIN] == 1
        assert proxy.requests[LIST] == 1  # to find out that it does not know this route


def older(server: Infisical, proxy: FaultyProxy) -> dict[str, Any]:
    """A project and an identity on a server of 2024; the variables for them."""
    account = server.bootstrap()

    def ask(method: str, path: str, body: Any) -> Any:
        reply = server.request(method, path, body, account.token)
        assert reply.status == 200, (path, reply)
        return reply.body

    project = ask("POST", "/api/v2/workspace", {"projectName": "omakase", "slug": "omakase"})["project"]["id"]
    identity = {"name": "d", "organizationId": account.organization_id, "role": "no-access"}
    identity_id = ask("POST", "/api/v1/identities", identity)["identity"]["id"]
    ask("POST", f"/api/v2/workspace/{project}/identity-memberships/{identity_id}", {"role": "admin"})
    path = f"/api/v1/auth/universal-auth/identities/{identity_id}"
    client_id = ask("POST", path, {})["identityUniversalAuth"]["clientId"]
    secret = ask("POST", f"{path}/client-secrets", {"description": "x"})["clientSecret"]
    scope = {"workspaceId": project, "environment": "dev", "secretPath": "/"}
    ask("POST", "/api/v3/secrets/batch/raw", {**scope, "secrets": [{"secretKey": "A", "secretValue": "one"}]})
    return {
        "infisical_url": proxy.url,
        "infisical_client_id": client_id,
        "infisical_client_secret": secret,
        "infisical_project_id": project,
    }


def test_two_runs_at_once_do_not_disturb_each_other(vault: Vault, make_ansible: MakeAnsible) -> None:
    vault.put(A="one")
    runs = [make_ansible(Core.own()) for _run in range(2)]
    tasks = [check(f"lookup('{NAME}', 'A') == 'one'") for _task in range(3)]
    processes = [run.start(*tasks, hosts=10, variables=vault.variables) for run in runs]
    for process in processes:
        output, _nothing = process.communicate(timeout=120)
        assert process.returncode == 0, output
    assert vault.proxy.reads == (2, 2)


def wait_for(path: Path, seconds: float = 60) -> None:
    limit = time.monotonic() + seconds
    while not path.exists():
        assert time.monotonic() < limit, f"{path} never came"
        time.sleep(0.05)


def test_a_killed_run_leaves_nothing_that_can_be_read_and_stops_nobody(vault: Vault, ansible: Ansible) -> None:
    vault.put(A="canary-of-the-killed-run")
    mark = ansible.directory / "read"
    process = ansible.start(
        check(f"lookup('{NAME}', 'A') == 'canary-of-the-killed-run'"),
        {"ansible.builtin.file": {"path": str(mark), "state": "touch"}},
        {"ansible.builtin.pause": {"seconds": 60}},
        variables=vault.variables,
    )
    wait_for(mark)
    os.kill(process.pid, signal.SIGKILL)
    process.wait(30)
    left = [path for path in ansible.temporary.rglob("*") if path.is_file() and "omakase" in str(path)]
    assert left, "the run has left its directory"
    for path in left:
        content = path.read_bytes()
        for secret in (b"canary", vault.client_secret.encode(), vault.client_id.encode(), b"eyJ"):
            assert secret not in content
        assert path.stat().st_mode & 0o077 == 0
    again = ansible.play(
        check(f"lookup('{NAME}', 'A') == 'canary-of-the-killed-run'"), hosts=3, variables=vault.variables
    )
    assert again.status == 0, again.output
    assert vault.proxy.reads == (2, 2)


@oldest_and_newest
def test_without_the_run_s_directory_it_works_and_says_so_once(vault: Vault, any_ansible: Ansible) -> None:
    vault.put(A="one")
    result = any_ansible.play(
        {
            "ansible.builtin.command": {"cmd": f"find {any_ansible.temporary} -maxdepth 1 -exec chmod 755 {{}} ;"},
            "run_once": True,
        },
        check(f"lookup('{NAME}', 'A', 'A', wantlist=True) == ['one', 'one']"),
        check(f"lookup('{NAME}', 'A') == 'one'"),
        hosts=3,
        variables=vault.variables,
    )
    assert result.status == 0, result.output
    assert " ".join(result.output.split()).count("since the run's directory cannot be used") == 1, result.output
    assert vault.proxy.reads == (6, 6)


def test_nothing_secret_is_said_at_any_verbosity(vault: Vault, any_ansible: Ansible) -> None:
    vault.put(A="canary-value", B="canary-other")
    # Of a failing task ansible-core prints the lines before it: values and credentials come from variables.
    options = {name: f"{{{{ infisical_{name} }}}}" for name in vault.options}
    write = {"secrets": "{{ secrets }}", **options}
    secrets = [{"name": "NEW", "value": "canary-new"}, {"name": "A", "value": "canary-value"}]
    result = any_ansible.play(
        {"omakase.homelab.infisical_secret": write},
        {"omakase.homelab.infisical_info": options},
        {"omakase.homelab.doctor": options},
        {"omakase.homelab.audit": options},
        {"omakase.homelab.infisical_secret": {**write, "environment": "prd"}, "ignore_errors": True},
        debug(f"{{{{ lookup('{NAME}', 'MISSING') }}}}", ignore_errors=True),
        debug(f"{{{{ lookup('{NAME}', 'A') | length }}}}"),
        variables={**vault.variables, "secrets": secrets},
        arguments=("-vvvv", "--diff"),
    )
    assert result.status == 0, result.output
    assert [
        line
        for line in result.output.splitlines()
        if any(word in line for word in ("canary", "eyJ", vault.client_secret))
    ] == []
