"""What the search box understands, and what it says of the rest."""

from typing import Any

import pytest

from workers.errors import BadArguments
from workers.query import LENGTH_LIMIT, Query, Term, parse
from workers.wire import Status

NOW = 1_800_000_000_000  # ms
ID = "0a4c52a1-57ac-4bb4-8f4a-7bb72f6f4a3b"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", Query()),
        ("  \t ", Query()),
        ("word", Query(terms=(Term("text", ("word",)),))),
        ("two words", Query(terms=(Term("text", ("two",)), Term("text", ("words",))))),
        ('"two words"', Query(terms=(Term("text", ("two words",)),))),
        ('"state:failed"', Query(terms=(Term("text", ("state:failed",)),))),
        ('""', Query()),
        ("-word", Query(terms=(Term("text", ("word",), True),))),
        ('-"two words"', Query(terms=(Term("text", ("two words",), True),))),
        ("-", Query(terms=(Term("text", ("-",)),))),
        ("http://x/?a=b,c", Query(terms=(Term("text", ("http://x/?a=b,c",)),))),
        ("state:failed", Query(frozenset([Status.FAILED]))),
        ("status:FAILED", Query(frozenset([Status.FAILED]))),
        ("state:failed,stopped", Query(frozenset([Status.FAILED, Status.STOPPED]))),
        ("state:failed,", Query(frozenset([Status.FAILED]))),
        ("-state:failed", Query(frozenset(Status) - {Status.FAILED})),
        ("state:failed state:queued", Query(frozenset())),
        ("queue:mail,news", Query(terms=(Term("queue", ("mail", "news")),))),
        ("-task:count_words", Query(terms=(Term("task", ("count_words",), True),))),
        ('task:"a b","c"', Query(terms=(Term("task", ("a b", "c")),))),
        ("owner:abc", Query(terms=(Term("owner", ("abc",)),))),
        ("id:0a4c", Query(terms=(Term("id", ("0a4c",)),))),
        (ID, Query(terms=(Term("id", (ID,)),))),
        (ID.upper(), Query(terms=(Term("id", (ID,)),))),
        ("after:2h", Query(after=NOW - 7_200_000)),
        ("before:15m after:3d", Query(before=NOW - 900_000, after=NOW - 259_200_000)),
        ("-before:2h", Query(after=NOW - 7_200_000)),
        ("after:3d after:1d", Query(after=NOW - 86_400_000)),
        ("after:2026-11-21", Query(after=1_795_219_200_000)),
        ("after:2026-11-21T01:00+01:00", Query(after=1_795_219_200_000)),
        ("\x00", Query(terms=(Term("text", ("\x00",)),))),
        ("(.*)+$ [^", Query(terms=(Term("text", ("(.*)+$",)), Term("text", ("[^",))))),
    ],
)
def test_a_text_is_read_as_a_query(text: str, expected: Query) -> None:
    assert parse(text, NOW) == expected


@pytest.mark.parametrize(
    ("text", "got"),
    [
        ('"open', '"open'),
        ('a "b" "', '"'),
        ("state:done", "done"),
        ("state:failed,done", "done"),
        ("state:", "nothing"),
        ('queue:""', "nothing"),
        ("queue:,", "nothing"),
        ("id:0a4", "0a4"),
        ("before:soon", "soon"),
        ("before:2026-13-01", "2026-13-01"),
        ("after:2h,3h", "2h,3h"),
        ("after:-5m", "-5m"),
        ("before:0000-00-00", "0000-00-00"),
        ("x" * (LENGTH_LIMIT + 1), str(LENGTH_LIMIT + 1)),
        ("x " * 21, "more"),
    ],
)
def test_what_is_not_understood_says_what_was_expected(text: str, got: str) -> None:
    with pytest.raises(BadArguments) as caught:
        parse(text, NOW)
    wrong = caught.value.fields["q"]
    assert wrong["expected"] and wrong["got"] == got


@pytest.mark.parametrize(
    ("text", "field", "value"),
    [
        ("queue:a", "queue", "a"),
        ("queue:a,b", "queue", None),
        ("-queue:a", "queue", None),
        ("queue:a queue:b", "queue", None),
    ],
)
def test_the_one_value_of_a_field(text: str, field: str, value: Any) -> None:
    assert parse(text, NOW).only(field) == value


def test_what_a_field_must_be_can_be_left_out() -> None:
    assert parse("queue:a word -queue:b", NOW).without("queue") == parse("word -queue:b", NOW)
    assert parse("queue:a queue:b,c", NOW).without("queue") == parse("queue:b,c", NOW)  # nothing fits both


def test_what_the_indexes_can_answer_alone() -> None:
    assert parse("state:failed,lost -state:lost", NOW).is_plain
    assert not parse("word", NOW).is_plain and not parse("before:1h", NOW).is_plain
    assert parse("id:0a4c state:failed", NOW).id_alone == "0a4c"
    assert all(
        parse(text, NOW).id_alone is None for text in ("id:0a4c word", "-id:0a4c", "id:0a4c after:1h", "id:0a4c,0a4d")
    )
