# SPDX-License-Identifier: GPL-3.0-or-later
"""Two runs at once make nothing twice, although Infisical would take it: each host here stands for a run."""

from __future__ import annotations

from tests.integration.conftest import Ansible, Vault

RUNS = 6


def test_one_identity_and_one_client_secret_are_made(vault: Vault, ansible: Ansible) -> None:
    management = {"url": vault.server.base_url, "token": vault.account.token}
    identity = {
        **management,
        "name": "made-once",
        "organization_id": vault.account.organization_id,
        "universal_auth": {},
    }
    client_secret = {**management, "identity_id": "{{ made.identity.id }}", "description": "of one host"}
    result = ansible.play(
        {"omakase.homelab.infisical_identity": identity, "register": "made"},
        {"omakase.homelab.infisical_client_secret": {**client_secret, "dest": "{{ playbook_dir }}/kept.json"}},
        hosts=RUNS,
        forks=RUNS,
    )
    assert result.status == 0, result.output
    assert sum(result.recap(f"h{number}")["changed"] for number in range(RUNS)) == 2, result.output
    found = vault.ask("GET", f"/api/v1/identities?orgId={vault.account.organization_id}")["identities"]
    (made,) = [one["identity"]["id"] for one in found if one["identity"]["name"] == "made-once"]
    path = f"/api/v1/auth/universal-auth/identities/{made}/client-secrets"
    assert len(vault.ask("GET", path)["clientSecretData"]) == 1
