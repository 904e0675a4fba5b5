# SPDX-License-Identifier: GPL-3.0-or-later
"""Proxmox's reasons, and what a person can do about each."""

from __future__ import annotations

import pytest
from ansible_collections.omakase.homelab.plugins.module_utils._proxmox.refusals import advice, explained


@pytest.mark.parametrize(
    ("reason", "says"),
    [
        ("Permission check failed (/vms/101, VM.Config.CPU)\n", "Grant VM.Config.CPU on /vms/101 or on the pool"),
        (
            "Permission check failed (/storage/local-lvm, Datastore.AllocateSpace)",
            "Grant Datastore.AllocateSpace on /storage/local-lvm,",
        ),
        ("Permission check failed (/sdn/zones/localnetwork/vmbr0, SDN.Use)", "Grant SDN.Use on /sdn/zones/localnet"),
        ("Permission check failed (/, Sys.Modify for modifying tag 'a')", "Grant Sys.Modify on /,"),
        ("Permission check failed", "VM.Allocate on the pool"),
        (
            "Permission check failed (changing feature flags (except nesting) is only allowed for root@pam)",
            "Log in as root@pam with its password",
        ),
        (
            "Permission check failed (mount point type bind is only allowed for root@pam)",
            "Log in as root@pam with its password",
        ),
        ("Only root can pass arbitrary filesystem paths.", "Log in as root@pam with its password"),
        ("cluster not ready - no quorum?", "pvecm status"),
        ("No route to host", "does not answer"),
        ("CT is locked (backup)", "Run again when its task has ended"),
        ("can't lock file '/run/lock/lxc/pve-config-101.lock' - got timeout", "Run again"),
        ("unable to create CT 101 - lvcreate error: insufficient free space (5 extents)", "storage is full"),
        ("unable to write to storage 'local': No space left on device", "storage is full"),
        ("detected modified configuration - file changed by other user? Try again.", "Run again"),
        ("CT 101 already exists on node 'pve2'", "somebody else did it meanwhile, such as another run. Run again"),
        ("CT 101 already running", "somebody else did it meanwhile"),
        ("container did not stop", "shutdown_timeout"),
        ("checksum mismatch: got 'a' != expect 'b', aborting", "It was not kept"),
    ],
)
def test_a_reason_comes_with_what_to_do(reason: str, says: str) -> None:
    assert says in advice(reason)


def test_a_reason_that_speaks_for_itself_stays_alone() -> None:
    assert advice("bridge 'vmbr0' does not exist") == ""
    assert explained("Refused: bridge 'vmbr0' does not exist", "bridge 'vmbr0' does not exist") == (
        "Refused: bridge 'vmbr0' does not exist"
    )
