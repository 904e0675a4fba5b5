# SPDX-License-Identifier: GPL-3.0-or-later
"""The proxy as the role leaves it, asked as a browser would."""

from __future__ import annotations

from testinfra.host import Host

HERE = "--resolve infisical.home.example:443:127.0.0.1 --resolve infisical.home.example:80:127.0.0.1"


def test_the_site_is_served_with_a_certificate_that_the_authority_vouches_for(host: Host) -> None:
    authority = "/etc/reverse_proxy/authority/authority.pem"
    answer = host.check_output(f"curl -sSf --cacert {authority} {HERE} https://infisical.home.example/api/status")
    assert answer == '{"message": "Ok"}'


def test_plain_http_is_redirected_and_browsers_are_told_to_come_by_https(host: Host) -> None:
    plain = host.check_output(f"curl -sI {HERE} http://infisical.home.example/api/status").lower()
    assert "location: https://infisical.home.example/api/status" in plain
    assert (
        "strict-transport-security:" in host.check_output(f"curl -skI {HERE} https://infisical.home.example/").lower()
    )


def test_the_keys_are_for_root_alone(host: Host) -> None:
    assert host.check_output("find /etc/reverse_proxy -type f -name '*key*' -perm /077") == ""


def test_the_proxy_starts_at_boot(host: Host) -> None:
    assert host.service("haproxy").is_running and host.service("haproxy").is_enabled
