"""What the API says is read with suspicion, and what it is told is exact."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from email.utils import format_datetime
from typing import Any

import pytest
from clienting import picture
from hypothesis import given
from hypothesis import strategies as st

from mh_preflight import errors
from mh_preflight.client.answers import (
    read_account,
    read_created,
    read_json,
    read_places,
    read_project,
)
from mh_preflight.client.bodies import MOST_BODY, Answer, whole_credits
from mh_preflight.client.calls import create_call, project_call
from mh_preflight.client.refusals import refusal, retry_after

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)
NAMES = ["id", "credits_charged", "status", "items", "credits", "tier", "error", "downloads"]


def answer(value: Any, status: int = 200) -> Answer:
    return Answer(status, body=json.dumps(value).encode())


@pytest.mark.parametrize(
    ("value", "credits"),
    [
        (450, 450),
        (0, 0),
        (450.0, 450),
        (4.5, None),
        ("450", None),
        (True, None),
        (-1, None),
        (None, None),
        (10**13, None),
        (float("nan"), None),
        (float("inf"), None),
        (1e300, None),
        ([1], None),
    ],
)
def test_credits_are_whole(value: Any, credits: int | None) -> None:
    assert read_created(answer({"id": "c1", "credits_charged": value})).credits == credits


def test_deprecated_names_are_read_where_the_new_one_is_not() -> None:
    for name in ("estimated_frame_cost", "frame_cost"):
        assert read_created(answer({"id": "c1", name: 7})).credits == 7
        both = {"id": "c1", name: 7, "credits_charged": 8}
        assert read_created(answer(both)).credits == 8
    told = {"id": "c1", "status": "complete", "total_frame_cost": 9}
    assert read_project(answer(told), "video").credits_charged == 9
    assert b"frame_cost" not in (create_call(picture(), picture().wire_body()).body or b"")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"nothing",
        b"[]",
        b"7",
        b'{"id": "c1", "credits_charged": 4',
        b'{"id": "c1", "id": "c2", "credits_charged": 4}',
        b'{"id": null, "credits_charged": 4}',
        b'{"id": 7, "credits_charged": 4}',
        b'{"id": "", "credits_charged": 4}',
        b'{"id": "../account", "credits_charged": 4}',
        b'{"id": "c1\\n", "credits_charged": 4}',
        b'{"id": "' + b"c" * 300 + b'", "credits_charged": 4}',
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"a":' * 50 + b"1" + b"}" * 50,
        b'"' + b'\\"' * 200_000,
        b'{"a": ' + b"9" * 5_000 + b"}",
        b" " * (MOST_BODY + 1),
    ],
)
def test_garbage_is_told(body: bytes) -> None:
    with pytest.raises(errors.BrokenAnswerError):
        read_created(Answer(200, body=body))


def test_brackets_in_texts_are_no_nesting() -> None:
    assert read_json(answer({"a": "[" * 1000 + '"\\'})) == {"a": "[" * 1000 + '"\\'}


def test_an_id_that_cannot_be_one_makes_no_path() -> None:
    for wrong in ("", "a/b", "..", "a?b", "a b", "é"):
        with pytest.raises(errors.BrokenAnswerError):
            project_call("video", wrong)


@given(st.dictionaries(st.sampled_from(NAMES), ANYTHING) | ANYTHING)
def test_any_json_is_read_or_told(value: Any) -> None:
    given_answer = answer(value)
    reads: list[Any] = [
        read_created,
        read_account,
        lambda each: read_project(each, "video"),
        lambda each: read_places(each, 1),
    ]
    for read in reads:
        told = ""
        try:
            read(given_answer)
        except errors.BrokenAnswerError as error:
            told = error.message
        assert len(told) < 500
        assert told == "" or told.isprintable()


@given(
    st.integers(300, 599), st.binary(max_size=200) | ANYTHING.map(lambda v: json.dumps(v).encode())
)
def test_any_refusal_is_an_error_of_one_line(status: int, body: bytes) -> None:
    error = refusal(Answer(status, body=body))
    assert error.status == status
    assert error.message.isprintable()
    assert len(error.message) < 400


def test_a_refusal_says_no_signature() -> None:
    said = {"message": "no https://a.example/x?X-Signature=secret"}
    assert "secret" not in refusal(answer(said, 422)).message


@given(st.text(max_size=40) | st.integers().map(str))
def test_any_retry_after_is_seconds_or_nothing(text: str) -> None:
    found = retry_after(text)
    assert found is None or 0 <= found <= 86_400


def test_retry_after_as_a_date() -> None:
    now = datetime(2026, 11, 24, tzinfo=UTC)
    assert retry_after(format_datetime(now + timedelta(seconds=90), usegmt=True), now) == 90
    assert retry_after(format_datetime(now - timedelta(seconds=90), usegmt=True), now) == 0
    assert retry_after("Fri, 31 Dec 9999 23:59:59 GMT", now) == 86_400


@given(st.decimals(allow_nan=True, allow_infinity=True))
def test_decimals_are_whole_or_nothing(value: Decimal) -> None:
    found = whole_credits(value)
    assert found is None or found == value


def test_an_account_of_a_plan_that_is_not_known() -> None:
    found = read_account(answer({"id": "a", "credits": -5, "tier": "platinum"}))
    assert (found.credits, found.plan) == (-5, None)


def test_downloads_are_not_shown() -> None:
    told = {
        "id": "c1",
        "status": "complete",
        "credits_charged": 1,
        "downloads": [{"url": "https://a.example/x?sig=secret", "expires_at": "soon"}, 7, {}],
    }
    project = read_project(answer(told), "video")
    assert project.downloads[0].url.endswith("secret")
    assert "secret" not in repr(project)
    assert len(project.downloads) == 1
