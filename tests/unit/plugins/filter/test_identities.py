# SPDX-License-Identifier: GPL-3.0-or-later
"""Who holds which identity; with the playbook's own variables in tests/unit/roles/test_omakase_rotation.py."""

from __future__ import annotations

from plugins.filter.identities import held_identities

KEPT = {name: {"client_id": f"id-of-{name}"} for name in ("omakase-deployment", "omakase-dev", "management")}


def test_a_host_holds_what_it_is_to_have_and_until_then_what_it_had() -> None:
    hosts = [
        ("new", "dev", "id-of-omakase-dev"),
        ("older", "dev", "id-of-omakase-deployment"),
        ("away", "dev", "unread"),
        ("own", "lab", "id-of-somebody"),
    ]
    assert held_identities(hosts, KEPT) == [
        ["new", "omakase-dev"],
        *([host, name] for host in ("older", "away") for name in ("omakase-dev", "omakase-deployment")),
        ["own", "omakase-deployment"],
    ]
    assert held_identities([("one", "dev", "unread")], {}, "writer") == [["one", "writer"]]
