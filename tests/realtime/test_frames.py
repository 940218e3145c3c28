"""What goes out when."""

import json
from typing import Any

from realtime.frames import FRAME_LIMIT, TICK, TOLD_LIMIT, Frames, Told, encode_event, encode_frames, encode_snapshot
from realtime.topics import Topic
from workers.wire import Update

MINE = Topic("mine", "me")
JOB = Topic("job:1")


def update(id: str, version: int, gone: bool = False) -> Update:
    return Update(id, version, "me", "default", gone, json.dumps({"id": id, "version": version}))


def sent(frames: Frames, now: float) -> dict[Topic, list[tuple[str, int]]]:
    return {topic: [(one.id, one.version) for one in updates] for topic, updates in frames.due(now)}


def test_a_quiet_topics_first_update_is_due_at_once() -> None:
    frames = Frames()
    frames.add(JOB, update("1", 1))
    assert frames.next_due(100.0) == 0.0
    assert sent(frames, 100.0) == {JOB: [("1", 1)]}


def test_within_a_tick_only_the_newest_state_of_each_job_is_kept() -> None:
    frames = Frames()
    frames.add(MINE, update("1", 1))
    frames.due(100.0)
    for version in range(2, 50):
        frames.add(MINE, update("1", version))
    frames.add(MINE, update("2", 1))
    assert sent(frames, 100.0 + TICK * 0.9) == {}
    assert abs((frames.next_due(100.0 + TICK * 0.9) or 0) - TICK * 0.1) < 1e-9
    assert sent(frames, 100.0 + TICK * 1.01) == {MINE: [("1", 49), ("2", 1)]}
    assert frames.next_due(100.1) is None


def test_without_conflation_every_state_is_kept_in_its_order() -> None:
    frames = Frames(conflate=False)
    assert frames.add(MINE, update("1", 1))
    frames.due(100.0)
    for version in range(2, 5):
        for id in ("1", "2"):
            assert frames.add(MINE, update(id, version))
    assert sent(frames, 100.0 + TICK * 0.9) == {}
    expected = [(id, version) for version in range(2, 5) for id in ("1", "2")]
    assert sent(frames, 100.0 + TICK * 1.01) == {MINE: expected}


def test_an_older_update_does_not_replace_a_newer_one() -> None:
    frames = Frames()
    frames.add(JOB, update("1", 5))
    frames.add(JOB, update("1", 4))
    assert sent(frames, 0.0) == {JOB: [("1", 5)]}


def test_a_busy_topic_does_not_hold_a_quiet_one() -> None:
    frames = Frames()
    frames.add(MINE, update("1", 1))
    frames.due(100.0)
    frames.add(MINE, update("1", 2))
    frames.add(JOB, update("1", 2))
    assert frames.next_due(100.01) == 0.0
    assert sent(frames, 100.01) == {JOB: [("1", 2)]}


def test_quiet_topics_are_forgotten_and_busy_ones_are_not() -> None:
    frames = Frames()
    frames.add(JOB, update("1", 1))
    frames.due(100.0)
    frames.forget_quiet(100.0 + TICK / 2)
    frames.add(JOB, update("1", 2))
    assert sent(frames, 100.0 + TICK / 2) == {}
    frames.due(101.0)
    frames.forget_quiet(102.0)
    assert frames._sent_at == {}


def decoded(packet: str) -> Any:
    assert packet[0] == "2"
    return json.loads(packet[1:])


def test_frames_tell_states_and_tombstones() -> None:
    packets = encode_frames(MINE, [update("1", 1), update("2", 2, gone=True), update("3", 3)])
    assert [decoded(packet) for packet in packets] == [
        ["jobs", {"topic": "mine", "jobs": [{"id": "1", "version": 1}, {"id": "3", "version": 3}]}],
        ["gone", {"topic": "mine", "jobs": [{"id": "2", "version": 2}]}],
    ]


def test_a_frame_of_too_many_jobs_becomes_several() -> None:
    packets = encode_frames(MINE, [update(str(number), 1) for number in range(FRAME_LIMIT + 1)])
    assert [len(decoded(packet)[1]["jobs"]) for packet in packets] == [FRAME_LIMIT, 1]


def test_a_snapshot_says_so() -> None:
    packet = encode_snapshot(Topic('queue:a"b'), ['{"id":"1"}'], True)
    assert decoded(packet) == ["jobs", {"topic": 'queue:a"b', "jobs": [{"id": "1"}], "snapshot": True, "more": True}]


def test_an_event_is_a_packet() -> None:
    assert decoded(encode_event("relay", {"state": "live"})) == ["relay", {"state": "live"}]


def test_what_was_told_last_is_no_news_and_little_is_remembered() -> None:
    told = Told()
    first = Topic("job:0")
    assert told.is_news(first, 5) and not told.is_news(first, 5)
    assert told.is_news(first, 4), "an older one is news too: Redis may have come back with it"
    assert told.is_news(Topic("jobs"), 5) and told.is_news(Topic("jobs"), 5)
    for number in range(1, TOLD_LIMIT + 1):
        told.is_news(Topic(f"job:{number}"), 1)
    assert told.is_news(first, 4), "forgotten"
    assert not told.is_news(Topic(f"job:{TOLD_LIMIT}"), 1)
