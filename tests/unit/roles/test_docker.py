# SPDX-License-Identifier: GPL-3.0-or-later
"""What the role docker says should be done about a container that does not run, by Docker's own words."""

from __future__ import annotations

import pytest

from tests.support.role import Role

PULLED = "Unable to find image 'a:1' locally\n1: Pulling from library/a\nStatus: Downloaded newer image for a:1\n"
FAILED = "docker: Error response from daemon: failed to create task for container: "
SYSCTL = FAILED + "open sysctl net.ipv4.ip_unprivileged_port_start file: permission denied"
KEYS = FAILED + "unable to join session keyring: unable to create session key: disk quota exceeded"
QUOTA = FAILED + "write /var/lib/docker/overlay2/a: disk quota exceeded"
NO_IMAGE = "docker: Error response from daemon: manifest for a:1 not found: manifest unknown"


@pytest.mark.parametrize(
    ("said", "container", "cure"),
    [
        (KEYS, "lxc", "kernel.keys.maxkeys=2000"),
        (PULLED + KEYS, "lxc", "kernel.keys.maxkeys=2000"),
        (QUOTA, "lxc", "lxc-pve"),
        (SYSCTL, "lxc", "lxc-pve"),
        (PULLED + SYSCTL, "lxc", "lxc-pve"),
        (NO_IMAGE, "lxc", "The image could not be had"),
        (NO_IMAGE, "none", "The image could not be had"),
        (QUOTA, "none", "journalctl -u docker"),
    ],
)
def test_the_cure_is_that_of_what_docker_said(said: str, container: str, cure: str) -> None:
    cures = ("kernel.keys.maxkeys=2000", "lxc-pve", "The image could not be had", "journalctl -u docker")
    given = {"__docker_run": {"stderr": said}, "__docker_host": {"system": {"container": container}}}
    told = Role("docker", given).value("__docker_cure")
    assert [words for words in cures if words in told] == [cure]
