# SPDX-License-Identifier: GPL-3.0-or-later
"""An inventory is filled in where it is asked for, and stays what it was everywhere else."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from ansible.errors import AnsibleFilterError
from ansible_collections.omakase.homelab.plugins.filter.inventory import filled_inventory, inventory_values
from hypothesis import given
from hypothesis import strategies as st

TEXT = """---
# Above everything
proxmox:
  # Of two lines, and
  # FILL IN: the address of the host.
  host: ""
  port: 8006 # as always
  # Of this, not that
  keys: ["{{ lookup('file', 'key.pub') }}"]
containers:
  - {vmid: 101, name: infisical}
  - vmid: 100
    name: omakase
"""


def filled(**values: Any) -> str:
    places = {f"main.yml:{place.replace('__', '.')}": value for place, value in values.items()}
    return filled_inventory({"main.yml": TEXT}, places)["main.yml"]


def test_everything_but_the_value_and_its_mark_stays() -> None:
    expected = TEXT.replace('host: ""', "host: pve.example.org").replace("FILL IN: the", "The")
    assert filled(proxmox__host="pve.example.org") == expected


def test_digits_stay_a_number_where_one_stood_and_a_text_where_none_did() -> None:
    assert "port: 8443 # as always" in filled(proxmox__port="8443")
    assert 'host: "8443"' in filled(proxmox__host="8443")
    assert "host: 192.0.2.7\n" in filled(proxmox__host="192.0.2.7")
    assert 'host: "2026-11-26"' in filled(proxmox__host="2026-11-26")
    assert "- {vmid: 201, name: infisical}" in filled(containers__0__vmid="201")


def test_many_values_of_one_file_are_filled_in_together() -> None:
    answers = {
        "proxmox__host": "pve.example.org",
        "containers__1__vmid": "7",
        "proxmox__port": "1",
        "containers__0__name": "a",
    }
    read = yaml.safe_load(filled(**answers))
    assert (read["proxmox"]["host"], read["proxmox"]["port"]) == ("pve.example.org", 1)
    assert read["containers"] == [{"vmid": 101, "name": "a"}, {"vmid": 7, "name": "omakase"}]


def test_an_empty_answer_leaves_what_is_there() -> None:
    assert filled(proxmox__host="", proxmox__port="") == TEXT


def test_a_number_with_a_zero_before_it_stays_the_number_that_was_meant() -> None:
    text = filled(proxmox__port="0100")
    assert inventory_values({"main.yml": text}, ["main.yml:proxmox.port"]) == [100]


def test_braces_of_a_person_are_no_template() -> None:
    assert 'host: !unsafe "pass{{word}}"' in filled(proxmox__host="pass{{word}}")


def test_values_are_read_from_where_they_stand() -> None:
    places = ["main.yml:proxmox.port", "main.yml:containers.1.name", "main.yml:proxmox.keys.0"]
    assert inventory_values({"main.yml": TEXT}, places) == [8006, "omakase", "{{ lookup('file', 'key.pub') }}"]


@pytest.mark.parametrize(
    "place",
    ["main.yml:proxmox.hots", "other.yml:a", "main.yml:proxmox", "main.yml:containers.7", "main.yml:containers.name"],
)
def test_a_place_that_is_not_there_is_named(place: str) -> None:
    with pytest.raises(AnsibleFilterError, match=f"no value at {place.partition(':')[2]} in {place.partition(':')[0]}"):
        filled_inventory({"main.yml": TEXT}, {place: "x"})


@given(st.text(st.characters(blacklist_categories=("Cs", "Cc", "Cn", "Co")), min_size=1), st.data())
def test_whatever_somebody_answers_is_read_back_as_it_was(value: str, data: st.DataObject) -> None:
    place = data.draw(st.sampled_from(["proxmox.host", "proxmox.keys.0", "containers.0.name", "containers.1.name"]))
    files = filled_inventory({"main.yml": TEXT}, {f"main.yml:{place}": value})
    read = yaml.load(files["main.yml"].replace("!unsafe ", ""), yaml.SafeLoader) if "!unsafe" not in value else None
    if read is None:
        return
    for key in place.split("."):
        read = read[int(key) if key.isdigit() else key]
    assert read == value
