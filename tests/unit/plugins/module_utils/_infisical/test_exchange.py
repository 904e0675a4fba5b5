# SPDX-License-Identifier: GPL-3.0-or-later
"""What is repeated and what is not, and what an error says."""

from __future__ import annotations

from datetime import datetime, timezone
from urllib.parse import unquote

import pytest
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.errors import InfisicalError, LoginRefusedError
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.exchange import (
    Call,
    Kind,
    get,
    segment,
    write,
)
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.transport import ConnectionFailedError
from hypothesis import given
from hypothesis import strategies as st

from tests.support.scripted import Scripted

READ = get("/api/thing", "Is it there?", {"q": "a b&c"})
WRITE = write("POST", "/api/thing", {"secretValue": "hunter2", "name": "N"})
LOGIN = Call("POST", "/api/login", body={"clientSecret": "s3cr3t"}, kind=Kind.LOGIN)
RESET = ConnectionFailedError("Connection reset by peer")
REFUSED = ConnectionFailedError("Connection refused", unsent=True)


def test_a_read_is_json_with_the_query_encoded_and_the_token_sent(server: Scripted) -> None:
    server.on("GET /api/thing", {"a": 1}, query={"q": "a b&c"}, token="t0k3n")
    assert server.exchange().send(READ, "t0k3n") == {"a": 1}
    assert server.requests[0].url.endswith("?q=a%20b%26c")


def test_a_token_is_not_sent_where_there_is_none(server: Scripted) -> None:
    server.on("GET /api/thing", {})
    server.exchange().send(READ)
    assert "Authorization" not in server.requests[0].headers


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_a_read_is_repeated_when_the_server_fails(server: Scripted, status: int) -> None:
    server.refuse("GET /api/thing", status, "Some", "thing").on("GET /api/thing", {"a": 1})
    assert server.exchange().send(READ) == {"a": 1}
    assert server.pauses == [0.375]


def test_a_read_is_repeated_when_the_connection_fails(server: Scripted) -> None:
    server.on("GET /api/thing", RESET).on("GET /api/thing", RESET).on("GET /api/thing", {"a": 1})
    assert server.exchange().send(READ) == {"a": 1}
    assert server.pauses == [0.375, 0.75]


def test_half_an_answer_is_no_answer(server: Scripted) -> None:
    server.on("GET /api/thing", b'{"secrets": [{"secr').on("GET /api/thing", {"a": 1})
    assert server.exchange().send(READ) == {"a": 1}


@pytest.mark.parametrize("status", [429, 503])
def test_a_write_is_repeated_when_the_server_has_done_nothing(server: Scripted, status: int) -> None:
    server.refuse("POST /api/thing", status).on("POST /api/thing", {"a": 1})
    assert server.exchange().send(WRITE) == {"a": 1}


@pytest.mark.parametrize("status", [400, 500, 502, 504])
def test_a_write_is_not_repeated_when_nobody_knows(server: Scripted, status: int) -> None:
    server.refuse("POST /api/thing", status, "Create", "Something went wrong")
    with pytest.raises(InfisicalError, match="Something went wrong"):
        server.exchange().send(WRITE)
    assert server.pauses == []


def test_a_write_is_repeated_when_there_was_no_connection(server: Scripted) -> None:
    server.on("POST /api/thing", REFUSED).on("POST /api/thing", {"a": 1})
    assert server.exchange().send(WRITE) == {"a": 1}
    server.on("POST /api/thing", REFUSED)
    with pytest.raises(InfisicalError, match="does the server run"):
        server.exchange(retries=0).send(WRITE)


def test_a_write_is_not_repeated_when_the_connection_fails(server: Scripted) -> None:
    server.on("POST /api/thing", RESET)
    with pytest.raises(InfisicalError, match="may have done it: run again"):
        server.exchange().send(WRITE)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 422])
def test_a_refused_login_is_never_repeated(server: Scripted, status: int) -> None:
    server.refuse("POST /api/login", status, "UnauthorizedError", "Invalid credentials")
    with pytest.raises(LoginRefusedError):
        server.exchange().send(LOGIN)


def test_a_server_without_that_login_has_refused_nobody(server: Scripted) -> None:
    server.unknown("POST /api/login")
    with pytest.raises(InfisicalError) as caught:
        server.exchange().send(LOGIN)
    assert not isinstance(caught.value, LoginRefusedError)


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_a_login_is_repeated_when_nobody_has_judged_it(server: Scripted, status: int) -> None:
    server.refuse("POST /api/login", status).on("POST /api/login", {"accessToken": "x"})
    assert server.exchange().send(LOGIN) == {"accessToken": "x"}


def test_a_login_at_a_server_that_fails_is_an_error_and_no_refusal(server: Scripted) -> None:
    server.refuse("POST /api/login", 500, "InternalServerError", "Something went wrong")
    with pytest.raises(InfisicalError) as caught:
        server.exchange().send(LOGIN)
    assert not isinstance(caught.value, LoginRefusedError)


def test_retries_end(server: Scripted) -> None:
    for _attempt in range(3):
        server.on("GET /api/thing", RESET)
    with pytest.raises(
        InfisicalError, match=r"gave no answer to GET /api/thing in 3 attempts: Connection reset by peer\."
    ):
        server.exchange(retries=2).send(READ)


def test_a_refusal_that_may_pass_is_told_when_retries_end(server: Scripted) -> None:
    server.refuse("GET /api/thing", 503).refuse("GET /api/thing", 503)
    with pytest.raises(InfisicalError, match=r"\(503\)"):
        server.exchange(retries=1).send(READ)


def test_the_time_the_server_asks_for_is_waited(server: Scripted) -> None:
    server.refuse("GET /api/thing", 429, headers={"retry-after": "59"}).on("GET /api/thing", {})
    server.exchange().send(READ)
    assert server.pauses == [59.5]


def test_a_date_to_wait_for_is_taken_for_no_time(server: Scripted) -> None:
    server.refuse("GET /api/thing", 429, headers={"retry-after": "Tue, 24 Nov 2026 01:00:00 GMT"})
    server.on("GET /api/thing", {})
    server.exchange().send(READ)
    assert server.pauses == [0.375]


def test_a_server_that_wants_an_hour_is_not_waited_for(server: Scripted) -> None:
    server.refuse("GET /api/thing", 429, "RateLimitExceeded", "no", headers={"retry-after": "3600"})
    with pytest.raises(InfisicalError, match="limits the rate"):
        server.exchange().send(READ)


def test_a_server_that_asks_for_patience_again_and_again_is_left_after_five_minutes(server: Scripted) -> None:
    for _request in range(3):
        server.refuse("GET /api/thing", 429, "RateLimitExceeded", "no", headers={"retry-after": "119"})
    with pytest.raises(InfisicalError, match="It limits the rate of requests"):
        server.exchange(retries=100).send(READ)
    assert sum(server.pauses) < 300


@pytest.mark.parametrize("said", ["nan", "-1", "inf", "1e999", "Tue, 99 Nov 2026", ""])
def test_a_wait_that_is_none_is_no_trouble(server: Scripted, said: str) -> None:
    server.refuse("GET /api/thing", 429, headers={"retry-after": said})
    if said in ("inf", "1e999"):
        with pytest.raises(InfisicalError):
            server.exchange().send(READ)
    else:
        server.on("GET /api/thing", {})
        server.exchange().send(READ)
    assert sum(server.pauses) < 2


def test_pauses_grow_and_stay_below_ten_seconds(server: Scripted) -> None:
    for _attempt in range(9):
        server.on("GET /api/thing", RESET)
    with pytest.raises(InfisicalError):
        server.exchange(retries=8).send(READ)
    assert server.pauses == sorted(server.pauses)
    assert max(server.pauses) <= 10


def test_a_certificate_that_nobody_trusts_is_not_tried_again(server: Scripted) -> None:
    failure = ConnectionFailedError("its certificate is not trusted", permanent=True, advice="Name it with ca_path.")
    server.on("GET /api/thing", failure)
    with pytest.raises(InfisicalError, match="Name it with ca_path"):
        server.exchange().send(READ)


@pytest.mark.parametrize("error", ["TokenError", "UnauthorizedError"])
def test_an_expired_token_of_an_older_server_is_left_to_the_client(server: Scripted, error: str) -> None:
    server.refuse("GET /api/thing", 500, error, "jwt expired")
    with pytest.raises(InfisicalError) as caught:
        server.exchange().send(READ, "t")
    assert caught.value.token_refused


def test_an_error_says_what_was_asked_of_whom_what_came_back_and_what_to_do(server: Scripted) -> None:
    server.refuse("GET /api/thing", 403, "PermissionDenied", "You are not allowed to read on secrets")
    with pytest.raises(InfisicalError) as caught:
        server.exchange().send(READ)
    assert str(caught.value) == (
        "https://vault.test refused GET /api/thing (403 PermissionDenied): "
        "You are not allowed to read on secrets. Is it there?"
    )


def test_a_list_of_what_is_not_valid_is_readable(server: Scripted) -> None:
    issues = [{"path": ["secrets", 0, "secretKey"], "message": "Required"}, {"message": "Odd"}, "text"]
    server.refuse("POST /api/thing", 422, "ValidationFailure", issues)
    with pytest.raises(InfisicalError, match=r"secrets\.0\.secretKey: Required; : Odd"):
        server.exchange().send(WRITE)


def test_a_message_that_repeats_a_value_is_told_without_it(server: Scripted) -> None:
    server.refuse("POST /api/thing", 400, "BadRequest", "hunter2 is too simple")
    with pytest.raises(InfisicalError) as caught:
        server.exchange().send(WRITE)
    assert "hunter2" not in str(caught.value)
    assert "*** is too simple" in str(caught.value)


def test_values_in_a_batch_are_kept_out_of_messages_as_well(server: Scripted) -> None:
    server.refuse(
        "POST /api/batch",
        400,
        "BadRequest",
        "bad: s3cret",
    )
    with pytest.raises(InfisicalError) as caught:
        server.exchange().send(write("POST", "/api/batch", {"secrets": [{"secretKey": "A", "secretValue": "s3cret"}]}))
    assert "s3cret" not in str(caught.value)


def test_a_value_longer_than_what_is_told_leaves_no_part_of_itself(server: Scripted) -> None:
    value = "canary" * 100
    server.refuse("POST /api/thing", 400, value, f"not valid: {value}")
    with pytest.raises(InfisicalError) as caught:
        server.exchange().send(write("POST", "/api/thing", {"secretValue": value}))
    assert "canary" not in str(caught.value)


def test_a_token_that_is_sent_back_is_not_told(server: Scripted) -> None:
    server.refuse("GET /api/thing", 400, "BadRequest", "malformed: canary-token")
    with pytest.raises(InfisicalError, match=r"malformed: \*\*\*"):
        server.exchange().send(READ, "canary-token")


def test_what_moves_a_cursor_or_turns_words_around_is_not_told(server: Scripted) -> None:
    server.refuse("GET /api/thing", 400, "Bad\x1b[2J", "a\r\x07b\u202ec\x9bd" + "e" * 10**6)
    with pytest.raises(InfisicalError) as caught:
        server.exchange().send(READ)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 500


@pytest.mark.parametrize("message", [[{"path": 5}], [{"path": {"a": 1}, "message": []}], {"a": 1}, 7, [[["x"]]]])
def test_a_message_of_any_shape_is_no_trouble(server: Scripted, message: object) -> None:
    server.refuse("GET /api/thing", 422, "ValidationFailure", message)
    with pytest.raises(InfisicalError, match=r"\(422 ValidationFailure\)"):
        server.exchange().send(READ)


def test_a_proxy_s_page_is_never_a_part_of_a_message(server: Scripted) -> None:
    server.on("POST /api/thing", b"<html>token=abc</html>", 400)
    with pytest.raises(InfisicalError) as caught:
        server.exchange().send(WRITE)
    assert str(caught.value) == "https://vault.test refused POST /api/thing (400)."


def test_an_answer_that_is_no_object_is_an_error(server: Scripted) -> None:
    server.on("POST /api/thing", b"[1]")
    with pytest.raises(InfisicalError, match="not JSON"):
        server.exchange().send(WRITE)


def test_a_redirect_is_not_followed_and_says_what_to_do(server: Scripted) -> None:
    server.on("GET /api/thing", b"", 301)
    with pytest.raises(InfisicalError, match="Set url to the address"):
        server.exchange().send(READ)


def test_a_request_does_not_show_its_secrets(server: Scripted) -> None:
    server.on("POST /api/thing", {})
    server.exchange().send(WRITE, "t0k3n")
    shown = repr(server.requests[0]) + repr(WRITE)
    assert "hunter2" not in shown
    assert "t0k3n" not in shown


@given(st.text(min_size=1))
def test_a_name_is_one_segment_of_a_path_whatever_it_is(name: str) -> None:
    text = name.encode("utf-8", "replace").decode()
    quoted = segment(text)
    assert not set(quoted) & set("/?#& ") and unquote(quoted) == text


def test_the_time_is_the_server_s(server: Scripted) -> None:
    server.on("GET /api/thing", {}, headers={"date": "Fri, 26 Nov 2027 01:00:00 GMT"})
    exchange = server.exchange()
    exchange.send(READ)
    # The header leaves fractions of a second out, for which it adds one.
    assert 1 <= (exchange.now() - datetime(2027, 11, 26, 1, tzinfo=timezone.utc)).total_seconds() < 60


@pytest.mark.parametrize("date", ["", "soon", "Fri, 99 Nov 2026 01:00:00 GMT", "Fri, 31 Dec 9999 23:59:59 -2359", "1"])
def test_without_a_date_it_is_our_own(server: Scripted, date: str) -> None:
    server.on("GET /api/thing", {}, headers={"date": date})
    exchange = server.exchange()
    exchange.send(READ)
    assert abs((exchange.now() - datetime.now(timezone.utc)).total_seconds()) < 60
