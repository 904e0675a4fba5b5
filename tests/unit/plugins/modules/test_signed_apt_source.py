# SPDX-License-Identifier: GPL-3.0-or-later
"""The story of a repository: added, added again, its key changed, and keys that are refused."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any
from urllib.error import URLError

import pytest
from ansible.module_utils import basic
from ansible_collections.omakase.homelab.plugins.module_utils._apt import sources
from ansible_collections.omakase.homelab.plugins.modules import signed_apt_source

from tests.unit.plugins.module_utils._apt.test_openpgp import ARMOURED, BINARY, FINGERPRINT

REPOSITORY = {
    "name": "docker",
    "url": "https://download.docker.com/linux/debian",
    "suites": ["trixie"],
    "components": ["stable"],
    "key_url": "https://download.docker.com/linux/debian/gpg",
    "key_fingerprint": FINGERPRINT,
    "replaces": ["https://dead.example"],
}


class Host:
    """A host's /etc/apt, and the vendor's key server, which counts how often it is asked."""

    def __init__(self, root: Path) -> None:
        self.source = root / "sources.list.d" / "docker.sources"
        self.leftover = root / "sources.list.d" / "dead.list"
        self.key = root / "keyrings" / "docker.asc"
        self.served: bytes | None = ARMOURED
        self.asked = 0
        self.source.parent.mkdir()
        self.leftover.write_text("deb https://dead.example/deb trixie main\n")

    def open_url(self, url: str, timeout: int, decompress: bool) -> io.BytesIO:
        assert url == REPOSITORY["key_url"] and timeout == 30 and not decompress
        self.asked += 1
        if self.served is None:
            raise URLError(OSError("connection refused"))
        return io.BytesIO(self.served)


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Host:
    for module in (sources, signed_apt_source):
        monkeypatch.setattr(module, "DIRECTORY", str(tmp_path / "sources.list.d"))
        monkeypatch.setattr(module, "MAIN_LIST", str(tmp_path / "sources.list"))
    monkeypatch.setattr(sources, "KEYRINGS", str(tmp_path / "keyrings"))
    found = Host(tmp_path)
    monkeypatch.setattr(signed_apt_source, "open_url", found.open_url)
    return found


def run(check: bool = False, **changes: Any) -> dict[str, Any]:
    given = {**REPOSITORY, "_ansible_check_mode": check, "_ansible_diff": True, **changes}
    printed: list[dict[str, Any]] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(basic, "_ANSIBLE_ARGS", json.dumps({"ANSIBLE_MODULE_ARGS": given}).encode())
        patch.setattr(basic, "_ANSIBLE_PROFILE", "legacy", raising=False)
        patch.setattr(basic.AnsibleModule, "_return_formatted", lambda _module, result: printed.append(dict(result)))
        with pytest.raises(SystemExit):
            signed_apt_source.main()
    return printed[0]


def test_a_repository_is_added_with_its_key_and_what_it_replaces_goes(host: Host) -> None:
    result = run()
    assert result["changed"] and result["key_fingerprints"] == [FINGERPRINT]
    assert f"Signed-By: {host.key}" in host.source.read_text()
    assert host.key.read_bytes() == ARMOURED
    assert (host.source.stat().st_mode & 0o777, host.key.stat().st_mode & 0o777) == (0o644, 0o644)
    assert not host.leftover.exists()


def test_a_second_run_changes_nothing_and_asks_nobody(host: Host) -> None:
    run()
    assert not run()["changed"]
    assert host.asked == 1


def test_a_plan_judges_the_key_shows_the_files_and_writes_nothing(host: Host) -> None:
    result = run(check=True)
    assert result["changed"]
    shown = {diff["after_header"]: diff["after"] for diff in result["diff"]}
    assert "Suites: trixie" in shown[str(host.source)] and FINGERPRINT in shown[str(host.key)]
    assert not host.source.exists() and not host.key.exists() and host.leftover.exists()
    assert run(check=True, key_fingerprint="0" * 40)["failed"]


def test_a_changed_suite_changes_the_file_alone(host: Host) -> None:
    run()
    assert run(suites=["bookworm"])["changed"]
    assert "Suites: bookworm" in host.source.read_text() and host.asked == 1


def test_it_is_taken_away_wherever_it_is_named_and_nothing_else(host: Host) -> None:
    run()
    host.leftover.write_text("deb https://dead.example/deb trixie main\ndeb http://deb.debian.org/debian trixie main\n")
    gone: dict[str, Any] = {"state": "absent", **dict.fromkeys(("suites", "components", "key_url"))}
    planned = run(check=True, **gone)
    assert planned["changed"] and host.source.exists() and host.key.exists() and "dead" in host.leftover.read_text()
    assert {diff["before_header"] for diff in planned["diff"]} == {str(host.source), str(host.key), str(host.leftover)}
    assert run(**gone)["changed"]
    assert not host.source.exists() and not host.key.exists()
    assert host.leftover.read_text() == "deb http://deb.debian.org/debian trixie main\n"
    assert not run(**gone)["changed"] and host.asked == 1


def test_what_a_repository_needs_to_be_present_is_asked_for(host: Host) -> None:
    assert "needs suites, key_url as well" in run(suites=None, key_url=None)["msg"] and host.asked == 0


def test_a_key_that_is_not_the_one_meant_is_neither_trusted_nor_kept(host: Host) -> None:
    wrong = "9DC8 5822 9FC7 DD38 854A E2D8 8D81 803C 0EBF CD88"
    result = run(key_fingerprint=wrong)
    assert result["failed"]
    assert f"has the fingerprint {FINGERPRINT}, not 9DC858229FC7DD38854AE2D88D81803C0EBFCD88" in result["msg"]
    assert not host.source.exists() and not host.key.exists() and host.leftover.exists()


def test_a_key_in_company_is_refused(host: Host) -> None:
    # The byte belongs to the key's date.
    host.served = BINARY + BINARY[:5] + bytes([BINARY[5] ^ 1]) + BINARY[6:]
    message = run()["msg"]
    assert f"the fingerprint {FINGERPRINT} and " in message and not host.source.exists()


def test_something_else_in_place_of_a_key_is_refused(host: Host) -> None:
    host.served = b"<html>not found</html>"
    assert "gpg is not a key that apt could use" in run()["msg"]


def test_without_a_fingerprint_the_first_key_is_kept(host: Host) -> None:
    assert run(key_fingerprint="")["changed"]
    host.served = None
    assert not run(key_fingerprint="")["changed"]


def test_a_damaged_key_on_the_host_is_fetched_anew(host: Host) -> None:
    run()
    host.key.write_bytes(b"garbage")
    assert run()["changed"] and host.key.read_bytes() == ARMOURED


def test_a_binary_key_is_kept_under_the_name_that_apt_wants(host: Host) -> None:
    host.served = BINARY
    assert run()["key_path"] == str(host.key.with_suffix(".gpg"))
    assert host.key.with_suffix(".gpg").read_bytes() == BINARY


def test_a_key_server_that_does_not_answer_is_named(host: Host) -> None:
    host.served = None
    message = run()["msg"]
    assert "gpg cannot be fetched (connection refused). Nothing was changed." in message
    assert not host.source.exists()


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("name", "../../etc/cron.d/x"),
        ("name", "a\nb"),
        ("name", ""),
        ("url", "https://a\nTrusted: yes"),
        ("suites", ["a\nb"]),
    ],
)
def test_what_would_leave_its_file_or_its_line_is_refused_by_name(host: Host, option: str, value: Any) -> None:
    result = run(**{option: value})
    assert result["failed"] and result["msg"].startswith(option)
    assert host.asked == 0 and not host.source.exists()


def test_a_key_without_an_end_is_no_key(host: Host) -> None:
    host.served = ARMOURED + b"x" * signed_apt_source.LARGEST_KEY
    assert "is not a key (it is too large). Nothing was changed." in run()["msg"]
    assert not host.source.exists() and not host.key.exists()
