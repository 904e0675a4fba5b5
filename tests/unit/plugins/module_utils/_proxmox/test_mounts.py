# SPDX-License-Identifier: GPL-3.0-or-later
"""More volumes and directories of a container: what is sent for them, and what is never lost."""

from __future__ import annotations

import pytest
from ansible_collections.omakase.homelab.plugins.module_utils._proxmox.mounts import (
    Mount,
    changes,
    impossible,
    malformed,
)

HAS = {
    "rootfs": "local-lvm:vm-101-disk-0,size=20G",
    "mp0": "local-lvm:vm-101-disk-1,mp=/srv/media,acl=1,size=50G",
    "mp2": "/tank/photos,mp=/srv/photos,ro=1",
}
MEDIA = Mount("/srv/media", storage="local-lvm", size=50)
PHOTOS = Mount("/srv/photos", source="/tank/photos")


def test_new_ones_take_free_numbers_in_their_order() -> None:
    wanted = [
        Mount("/srv/a", storage="local-lvm", size=8, flags={"backup": True}),
        Mount("/srv/b", source="/tank/b", flags={"ro": True}),
    ]
    assert changes(wanted, HAS).settings == {
        "mp1": "local-lvm:8,mp=/srv/a,backup=1",
        "mp3": "/tank/b,mp=/srv/b,ro=1",
    }


def test_one_is_known_by_its_path_and_those_not_spoken_of_stay() -> None:
    for wanted in ([MEDIA], [PHOTOS, MEDIA], []):
        assert changes(wanted, HAS).settings == {} and changes(wanted, HAS).grown == {}


def test_a_changed_flag_keeps_the_volume_and_its_other_options() -> None:
    wanted = Mount("/srv/media", storage="local-lvm", size=50, flags={"ro": True, "backup": False})
    assert changes([wanted], HAS).settings == {"mp0": "local-lvm:vm-101-disk-1,mp=/srv/media,acl=1,size=50G,ro=1"}


def test_another_directory_takes_the_place_of_a_bind_mount() -> None:
    wanted = Mount("/srv/photos", source="/tank/new")
    assert changes([wanted], HAS).settings == {"mp2": "/tank/new,mp=/srv/photos,ro=1"}


def test_a_larger_volume_grows() -> None:
    assert changes([Mount("/srv/media", storage="local-lvm", size=60)], HAS).grown == {"mp0": 60}


def test_a_volume_that_grows_and_changes_is_written_down_with_its_new_size() -> None:
    wanted = Mount("/srv/media", storage="local-lvm", size=60, flags={"ro": True})
    changed = changes([wanted], HAS)
    assert changed.grown == {"mp0": 60}
    assert changed.settings == {"mp0": "local-lvm:vm-101-disk-1,mp=/srv/media,acl=1,size=60G,ro=1"}


def test_one_that_is_to_be_absent_is_taken_away_and_one_that_is_absent_is_no_difference() -> None:
    gone = [Mount("/srv/media", present=False), Mount("/srv/nothing", present=False)]
    assert changes(gone, HAS).settings == {"mp0": ""}


@pytest.mark.parametrize(
    ("wanted", "says"),
    [
        (Mount("/srv/media", storage="local-lvm", size=10), "has 50 GiB and cannot shrink to 10"),
        (Mount("/srv/media", storage="tank", size=50), "is on the storage local-lvm, not on tank"),
        (Mount("/srv/media", source="/tank/media"), "is a volume (local-lvm:vm-101-disk-1)"),
        (Mount("/srv/photos", storage="local-lvm", size=5), "is a bind mount (/tank/photos)"),
    ],
)
def test_what_would_lose_data_is_refused(wanted: Mount, says: str) -> None:
    assert [says in problem for problem in impossible([wanted], HAS)] == [True]


@pytest.mark.parametrize(
    ("wanted", "says"),
    [
        ([Mount("srv", storage="a", size=1)], "'srv' is not an absolute path"),
        ([Mount("/srv/../etc", storage="a", size=1)], "is not an absolute path"),
        ([Mount("/srv")], "needs either storage and size (a volume), or source (a bind mount)"),
        ([Mount("/srv", storage="a", size=1, source="/b")], "needs either storage and size"),
        ([Mount("/srv", storage="a")], "needs both a storage and a size"),
        ([Mount("/srv", storage="a", size=0)], "needs both a storage and a size"),
        ([Mount("/srv", source="tank")], "'tank', is not an absolute path"),
        ([Mount("/srv", storage="a", size=1), Mount("/srv", storage="a", size=1)], "/srv is given twice"),
    ],
)
def test_what_is_no_mount_point_is_named(wanted: list[Mount], says: str) -> None:
    assert [says in problem for problem in malformed(wanted)] == [True]


def test_sound_ones_are_not_complained_about() -> None:
    assert list(malformed([MEDIA, PHOTOS, Mount("/old", present=False)])) == []
    assert list(impossible([MEDIA, PHOTOS], HAS)) == []
