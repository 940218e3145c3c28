"""What travels is JSON that every reader takes, and the browser's twin of the module says the same."""

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.frontend.node import run_node
from workers import wire
from workers.errors import WireError
from workers.wire import (
    ACTIVE,
    ENDED,
    FIELDS,
    WAITING,
    JobState,
    Logged,
    Probe,
    Status,
    Update,
    decode_state,
    decode_update,
    encode,
    encode_state,
)

TWIN = Path(__file__).parent.parent.parent / "frontend" / "js" / "wire.js"

STATE = JobState(
    id="3f0c",
    version=1_790_000_000_000_001,
    attempt=2,
    task="count_words",
    queue="default",
    status=Status.STARTED,
    completed=0.1,
    total=50,
    unit="paragraphs",
    description="Zoë reads 東京 😀",
    created_at=1_790_000_000_000,
    enqueued_at=1_790_000_000_001,
    started_at=1_790_000_000_002,
    ended_at=None,
    updated_at=1_790_000_000_003,
    worker="w1",
    result=None,
    result_truncated=False,
    error=None,
    meta={},
)


def nested(depth: int) -> Any:
    value: Any = 0
    for _ in range(depth):
        value = [value]
    return value


# -- encode


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, "null"),
        (True, "true"),
        (0.1, "0.1"),
        (1_790_000_000_000_001, "1790000000000001"),
        ("", '""'),
        ([], "[]"),
        ({}, "{}"),
        ({"a": 1, "b": [1, 2]}, '{"a":1,"b":[1,2]}'),
        ("東京 😀", '"東京 😀"'),
        ('"\\\n\0', '"\\"\\\\\\n\\u0000"'),
        (Status.LOST, '"lost"'),
    ],
)
def test_json_is_compact_and_not_escaped_without_need(value: Any, expected: str) -> None:
    assert encode(value) == expected


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf], ids=str)
@pytest.mark.parametrize(
    "wrap", [lambda n: n, lambda n: [1, n], lambda n: {"a": {"b": n}}], ids=["bare", "list", "deep"]
)
def test_what_would_break_the_json_of_a_frame_is_refused(number: float, wrap: Any) -> None:
    with pytest.raises(WireError, match="a value that JSON can hold"):
        encode(wrap(number))


@pytest.mark.parametrize(
    "value", [{1, 2}, b"bytes", 1j, object(), {("a", "b"): 1}, nested(100_000)], ids=lambda v: type(v).__name__
)
def test_what_json_has_no_form_for_is_refused(value: Any) -> None:
    with pytest.raises(WireError, match=f"got {type(value).__name__}"):
        encode(value)


def test_a_value_that_holds_itself_is_refused() -> None:
    value: list[Any] = []
    value.append(value)
    with pytest.raises(WireError):
        encode(value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("\ud800", "\ufffd"),
        ("\udfff", "\ufffd"),
        ("a\ud800b\udc00c", "a\ufffdb\ufffdc"),
        ("\udc00\ud800", "\ufffd\ufffd"),
        ("\ud800\ud800", "\ufffd\ufffd"),
        ("東京 😀 \ud83d", "東京 😀 \ufffd"),
        ("\ud83d\ude00", "😀"),  # two halves that belong together
    ],
    ids=ascii,
)
def test_lone_surrogates_become_the_replacement_character(text: str, expected: str) -> None:
    assert json.loads(encode(text)) == expected
    assert json.loads(encode({text: [text]}).encode()) == {expected: [expected]}


# -- states


@pytest.mark.parametrize(
    "state",
    [
        STATE,
        replace(STATE, completed=None, total=None, worker=None, started_at=None, status=Status.QUEUED),
        replace(STATE, status=Status.FINISHED, result={"words": [1, 2.5, None, "é"], "empty": {}}, ended_at=1),
        replace(STATE, status=Status.FAILED, error={"type": "ValueError", "message": "<b>no</b>"}, ended_at=1),
        replace(STATE, result_truncated=True, meta={"a": {"b": []}}),
    ],
    ids=["started", "mostly null", "finished", "failed", "truncated"],
)
def test_a_state_comes_back_as_it_was(state: JobState) -> None:
    text = encode_state(state)
    assert decode_state(text) == state
    assert decode_state(text.encode()) == state
    assert isinstance(decode_state(text).status, Status)


def test_a_state_travels_with_all_its_fields_in_their_order_and_null_as_null() -> None:
    fields = json.loads(encode_state(replace(STATE, worker=None)))
    assert tuple(fields) == FIELDS
    assert fields["worker"] is None


def test_the_owner_does_not_travel() -> None:
    assert "owner" not in FIELDS


def without(name: str) -> str:
    return encode({field: value for field, value in json.loads(encode_state(STATE)).items() if field != name})


@pytest.mark.parametrize(
    "text",
    [
        *(without(name) for name in FIELDS),
        encode({**json.loads(encode_state(STATE)), "owner": "o"}),
        encode({**json.loads(encode_state(STATE)), "status": "running"}),
        encode({**json.loads(encode_state(STATE)), "status": None}),
        "{}",
        "[]",
        "null",
        '"text"',
        "",
        "no JSON",
        b"\xff",
    ],
    ids=[
        *(f"without {name}" for name in FIELDS),
        *("with owner", "unknown status", "null status", "{}", "[]", "null", "text", "empty", "no JSON", "no UTF-8"),
    ],
)
def test_what_is_no_state_is_refused(text: str | bytes) -> None:
    with pytest.raises(WireError, match="expected the JSON of a state with the fields id, version"):
        decode_state(text)


@pytest.mark.parametrize("status", Status)
def test_a_job_is_active_or_has_ended(status: Status) -> None:
    assert replace(STATE, status=status).ended is (status in ENDED)
    assert (status in ACTIVE) is not (status in ENDED)
    assert status in ACTIVE or status not in WAITING


# -- messages of the channel


def message(body: str, owner: str = "o1") -> bytes:
    """As the script makes it."""
    return f'{{"owner":{encode(owner)},"state":{body}}}'.encode()


def test_a_state_on_the_channel_is_an_update() -> None:
    body = encode_state(STATE)
    update = decode_update(message(body))
    expected = Update("3f0c", STATE.version, "o1", "default", gone=False, body=body, attempt=2, ended=False)
    assert update == expected
    ended = decode_update(message(encode_state(replace(STATE, status=Status.FINISHED))))
    assert isinstance(ended, Update) and ended.ended


@pytest.mark.parametrize(
    "state",
    [
        STATE,
        replace(STATE, description='"state":{"owner":"x"}}', meta={"state": {"state": 1}}),
        replace(STATE, result={"gone": {"id": "other"}, "probe": 1}),
    ],
    ids=["plain", "holds the word state", "holds gone and probe"],
)
def test_the_body_is_the_state_in_the_message_byte_for_byte(state: JobState) -> None:
    body = encode_state(state)
    update = decode_update(message(body))
    assert isinstance(update, Update)
    assert update.body.encode() == body.encode()


def test_the_body_keeps_what_parsing_would_change() -> None:
    texts = {"id": '"a"', "version": "1790000000000001", "queue": '"q"', "completed": "1.50", "meta": '{ "n" : 1e2 }'}
    texts |= {"attempt": "1", "status": '"started"'}
    body = "{" + ",".join(f'"{name}":{text}' for name, text in texts.items()) + "}"
    update = decode_update(message(body))
    assert isinstance(update, Update)
    assert update.body == body


@pytest.mark.parametrize("text", ["plain", 'a "quoted" one', "back\\slash", "ünïcödé", "a\nline", "}}"])
@pytest.mark.parametrize("field", ["id", "task", "queue", "description"])
def test_an_update_is_the_same_whether_all_or_only_its_beginning_is_parsed(field: str, text: str) -> None:
    """Spaces after the owner are what no script of ours writes: then all of it is parsed."""
    fields: dict[str, Any] = {field: text}
    body = encode_state(replace(STATE, **fields))
    quick, slow = message(body), b'{"owner":  ' + message(body).removeprefix(b'{"owner":')
    assert decode_update(quick) == decode_update(slow)
    assert decode_update(quick).body == body  # type: ignore[union-attr]


def test_a_tombstone_on_the_channel_is_an_update_that_shows_only_id_and_version() -> None:
    update = decode_update(b'{"owner":"o1","gone":{"id":"a","version":1790000000000001,"queue":"default"}}')
    body = '{"id":"a","version":1790000000000001}'
    assert update == Update("a", 1_790_000_000_000_001, "o1", "default", True, body)


@pytest.mark.parametrize("text", [b'{"probe":"web-1","n":0}', b'{"probe":"web-1","n":7}'])
def test_a_probe_is_no_update(text: bytes) -> None:
    probe = decode_update(text)
    assert isinstance(probe, Probe) and probe.process == "web-1"


def test_a_note_says_that_a_job_has_logged() -> None:
    assert decode_update(b'{"log":"a","last":17}') == Logged("a", 17)


@pytest.mark.parametrize(
    "text",
    [
        b'{"log":"a"}',
        b'{"log":"a","last":"soon"}',
        b"",
        b"no JSON",
        b"{",
        b"\xff\xfe",
        b"null",
        b"3",
        b"[]",
        b'["probe"]',
        b'"probe"',
        b"{}",
        b'{"owner":"o"}',
        b'{"owner":"o","state":null}',
        b'{"owner":"o","state":[]}',
        b'{"owner":"o","state":"text"}',
        b'{"owner":"o","state":{"id":"a","version":1}}',
        b'{"state":{"id":"a","version":1,"queue":"q"}}',
        b'{"owner":"o","gone":{}}',
        b'{"owner":"o","gone":"a"}',
        b'{"owner":"o","gone":{"id":"a","version":1}}',
        b"[" * 100_000,
    ],
    ids=lambda text: repr(text[:40]),
)
def test_rubbish_on_the_channel_is_refused(text: bytes) -> None:
    with pytest.raises(WireError, match="expected a state, gone or probe on headway:events"):
        decode_update(text)


def test_the_refusal_of_a_long_message_is_short() -> None:
    with pytest.raises(WireError) as raised:
        decode_update(b"x" * 1_000_000)
    assert len(str(raised.value)) < 200


# -- numbers, keys


def test_keys_say_what_they_hold() -> None:
    assert wire.state_key("a") == "headway:job:a"
    assert wire.attempts_key("a") == "headway:job:a:attempts"
    assert wire.index_key("owner:o", "queued") == "headway:owner:o:queued"


# -- the twin


def test_the_twin_in_the_browser_says_the_same() -> None:
    script = """
      const { FIELDS, STATUSES, ENDED, hasEnded } = await import(process.argv[1]);
      const ended = STATUSES.filter((status) => hasEnded({ status }));
      console.log(JSON.stringify({ FIELDS, STATUSES, ENDED, ended }));
    """
    run = run_node("--input-type=module", "--eval", script, TWIN.as_uri())
    assert run.returncode == 0, run.stderr
    twin = json.loads(run.stdout)
    assert tuple(twin["FIELDS"]) == FIELDS
    assert twin["STATUSES"] == list(Status)
    assert sorted(twin["ENDED"]) == sorted(twin["ended"]) == sorted(ENDED)
