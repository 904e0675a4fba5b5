# SPDX-License-Identifier: GPL-3.0-or-later
"""The Omakase host as the role leaves it."""

from __future__ import annotations

import json

from testinfra.host import Host

CHECKOUT = "/home/omakase/omakase"


def test_every_service_is_healthy(host: Host) -> None:
    listed = host.check_output("omakase-infisical run -- docker compose ps --format json")
    services = {entry["Service"]: entry["Health"] for entry in map(json.loads, listed.splitlines())}
    assert services == {"dashboard": "healthy", "postgres": "healthy", "redis": "healthy"}


def test_the_dashboard_wants_the_password_that_the_project_keeps(host: Host) -> None:
    assert host.check_output("curl -s -o /dev/null -w '%{http_code}' http://127.0.0.1:8000/") == "401"


def test_the_credentials_are_the_user_s_own_and_of_the_identity_that_only_reads(host: Host) -> None:
    found = host.file(f"{CHECKOUT}/.env")
    assert (found.user, found.mode) == ("omakase", 0o600)
    reader = json.loads(host.file("/opt/infisical/credentials/omakase-dev.json").content_string)
    assert reader["client_id"] in found.content_string
    assert host.check_output("git -C %s status --porcelain", CHECKOUT) == ""


def test_a_secret_of_the_catalogue_is_made_by_its_rule(host: Host) -> None:
    exported = host.check_output("omakase-infisical export")
    (line,) = [line for line in exported.splitlines() if line.startswith("POSTGRES_PASSWORD=")]
    assert len(line.partition("=")[2].strip("'\"")) == 32


def test_the_merged_configuration_can_be_read_without_a_value(host: Host) -> None:
    password = host.check_output("omakase-infisical export | sed -n 's/^POSTGRES_PASSWORD=//p'").strip("'\"")
    shown = host.check_output("omakase-config")
    assert "dashboard" in shown and password not in shown
