# SPDX-License-Identifier: GPL-3.0-or-later
"""The infisical command where it was asked for."""

from __future__ import annotations

from testinfra.host import Host

SOURCE = "/etc/apt/sources.list.d/infisical.sources"


def test_the_command_has_the_version_that_was_asked_for(host: Host) -> None:
    assert "0.43.136" in host.check_output("INFISICAL_DISABLE_UPDATE_CHECK=true infisical --version")


def test_the_version_is_held(host: Host) -> None:
    assert host.check_output("apt-mark showhold infisical") == "infisical"


def test_the_repository_s_key_is_trusted_for_this_repository_alone(host: Host) -> None:
    assert "Signed-By: /etc/apt/keyrings/infisical." in host.file(SOURCE).content_string
    assert host.check_output("ls /etc/apt/trusted.gpg.d").count("infisical") == 0


def test_apt_still_reads_all_its_sources(host: Host) -> None:
    assert "Err:" not in host.check_output("apt-get update")
