# SPDX-License-Identifier: GPL-3.0-or-later
"""Backups as the role leaves them: on a schedule, encrypted, and for root alone."""

from __future__ import annotations

import json

from testinfra.host import Host

UNIT = "infisical-backup"


def test_the_timer_waits_for_the_night_and_makes_up_for_what_it_missed(host: Host) -> None:
    timer = host.service(f"{UNIT}.timer")
    assert timer.is_enabled and timer.is_running
    shown = host.check_output("systemctl show %s.timer --property Persistent --property RandomizedDelayUSec", UNIT)
    assert set(shown.split()) == {"Persistent=yes", "RandomizedDelayUSec=30min"}


def test_the_unit_makes_an_archive_that_only_age_opens(host: Host) -> None:
    host.check_output("systemctl start %s.service", UNIT)
    status = json.loads(host.file("/var/lib/infisical-backup/status.json").content_string)
    assert status["state"] == "ok"
    archive = host.file(f"/var/backups/infisical/{status['archive'].rpartition('/')[2]}")
    assert archive.mode == 0o600 and archive.user == "root"
    assert archive.content.startswith(b"age-encryption.org/v1\n-> X25519 ")
