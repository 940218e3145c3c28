"""The relay on a real Redis, with threads for green threads and a list for sockets."""

import json
from collections.abc import Sequence
from typing import Any

import pytest
from redis import Redis
from redis.exceptions import ConnectionError as RedisConnectionError

from realtime.relay import Relay
from realtime.snapshots import Snapshot
from realtime.topics import TOPIC_LIMIT, Topic
from tests.conftest import until
from tests.realtime.conftest import Sockets
from workers import channel, store
from workers.wire import Status, decode_state

MINE = Topic("mine", "me")
KNOWN = {"task": "t", "queue": "default", "created_at": 1}


def put(redis: Redis, id: str, status: Status, **fields: Any) -> None:
    store.transition(redis, id, {"status": status, **fields}, owner="me", fallback=KNOWN)


def told(packets: list[Any], event: str) -> list[Any]:
    return [data for name, data in list(packets) if name == event]


def states(bodies: list[str]) -> dict[str, str]:
    return {state.id: str(state.status) for state in map(decode_state, bodies)}


def test_a_late_watcher_gets_the_last_state(relay: Relay, redis: Redis, sockets: Sockets) -> None:
    put(redis, "a", Status.QUEUED)
    put(redis, "a", Status.STARTED)
    answer = relay.watch("s", [Topic("job:a")])[Topic("job:a")]
    assert answer is not None and states(answer[0]) == {"a": "started"} and answer[1] is False


def test_an_unknown_job_is_not_joined(relay: Relay) -> None:
    for id in ("nobody", "zz\ud800", "a b", "x" * 500):
        assert relay.watch("s", [Topic(f"job:{id}")]) == {Topic(f"job:{id}"): None}
    assert not relay.topics.is_watched(Topic("job:nobody"))


def test_an_unknown_job_is_looked_for_once_a_second_and_known_as_soon_as_it_moves(
    relay: Relay, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    topic, looks = Topic("job:a"), []
    load_many = store.load_many

    def count(*args: Any) -> Any:
        looks.append(args[1])
        return load_many(*args)

    monkeypatch.setattr(store, "load_many", count)
    for sid in ("s", "t", "u"):
        assert relay.watch(sid, [topic]) == {topic: None}
    assert looks == [["a"]]
    put(redis, "a", Status.QUEUED)
    until(lambda: relay.watch("s", [topic])[topic], "the job, although it was looked for just before", within=0.9)


def test_a_watcher_hears_what_moves_and_nothing_else(relay: Relay, redis: Redis, sockets: Sockets) -> None:
    mine, other = sockets.connect("mine"), sockets.connect("other")
    relay.watch("mine", [MINE])
    relay.watch("other", [Topic("mine", "you")])
    put(redis, "a", Status.QUEUED)
    until(lambda: told(mine, "jobs"), "a frame")
    [frame] = told(mine, "jobs")
    assert frame["topic"] == "mine" and [job["id"] for job in frame["jobs"]] == ["a"]
    assert "owner" not in frame["jobs"][0]
    assert other == []


def test_it_knows_in_which_queues_something_moved_and_after_a_gap_in_all(relay: Relay, redis: Redis) -> None:
    relay.moved.take(["default", "other"])
    put(redis, "a", Status.QUEUED)
    until(lambda: relay.moved.take(["default", "other"]) == ["default"], "the queue that moved")
    assert relay.moved.take(["default", "other"]) == []
    redis.client_kill_filter(_type="pubsub")
    until(lambda: relay.moved.take(["default", "other"]) == ["default", "other"], "all of them")


def test_a_state_that_can_not_be_read_is_a_row_and_outlives_a_gap(relay: Relay, redis: Redis, sockets: Sockets) -> None:
    packets = sockets.connect("s")
    for id in "abc":
        put(redis, id, Status.STARTED)
    redis.hset("headway:job:a", "status", '"paused"')  # of a newer release
    redis.delete("headway:job:b")
    redis.set("headway:job:b", "no hash")
    expected = {"a": "unreadable", "b": "unreadable", "c": "started"}
    answer = relay.watch("s", [MINE])[MINE]
    assert answer is not None
    assert {job["id"]: job["status"] for job in map(json.loads, answer[0])} == expected
    redis.client_kill_filter(_type="pubsub")
    [renewed, *_] = until(lambda: [frame for frame in told(packets, "jobs") if frame.get("snapshot")], "the reload")
    assert {job["id"]: job["status"] for job in renewed["jobs"]} == expected
    until(lambda: relay.pulse.live, "live again")


def test_a_deleted_job_is_told_as_gone(relay: Relay, redis: Redis, sockets: Sockets) -> None:
    packets = sockets.connect("s")
    put(redis, "a", Status.QUEUED)
    relay.watch("s", [MINE])
    store.bury(redis, "a")
    [frame] = until(lambda: told(packets, "gone"), "gone")
    assert frame["topic"] == "mine" and frame["jobs"][0]["id"] == "a" and frame["jobs"][0]["version"] > 0


def test_a_flood_of_updates_becomes_few_frames_and_the_last_one_arrives(
    relay: Relay, redis: Redis, sockets: Sockets
) -> None:
    packets = sockets.connect("s")
    put(redis, "a", Status.STARTED)
    relay.watch("s", [Topic("job:a")])
    for number in range(1, 501):
        store.report(redis, "a", 1, {"completed": number, "total": 500, "unit": ""})
    until(lambda: packets and packets[-1][1]["jobs"][-1]["completed"] == 500, "the last")
    assert len(packets) < 100
    versions = [job["version"] for frame in told(packets, "jobs") for job in frame["jobs"]]
    assert versions == sorted(set(versions))


def test_who_stopped_watching_hears_nothing_more(relay: Relay, redis: Redis, sockets: Sockets) -> None:
    gone, stayed = sockets.connect("gone"), sockets.connect("stayed")
    relay.watch("gone", [MINE])
    relay.watch("stayed", [MINE])
    relay.topics.drop("gone")
    put(redis, "a", Status.QUEUED)
    until(lambda: told(stayed, "jobs"), "a frame")
    assert gone == []


def test_a_connection_watches_so_many_topics_and_no_more(relay: Relay) -> None:
    for number in range(TOPIC_LIMIT):
        relay.topics.add("s", Topic(f"job:{number}"))
    assert relay.watch("s", [MINE, Topic("job:0")]) == {MINE: None, Topic("job:0"): None}
    assert not relay.topics.is_watched(MINE)


def test_a_lost_channel_is_told_and_what_was_missed_is_sent(relay: Relay, redis: Redis, sockets: Sockets) -> None:
    packets = sockets.connect("s")
    put(redis, "a", Status.QUEUED)
    put(redis, "b", Status.QUEUED)
    relay.watch("s", [MINE])
    relay.watch("s", [Topic("job:b")])
    redis.client_kill_filter(_type="pubsub")
    until(lambda: told(packets, "relay"), "stale")
    with redis.pipeline() as silently:  # as if the message had been lost
        silently.hset("headway:job:a", mapping={"status": '"started"', "version": str(2**52)})
        silently.delete("headway:job:b")
        silently.execute()
    until(lambda: len(told(packets, "relay")) == 2, "live again")
    assert [word["state"] for word in told(packets, "relay")] == ["stale", "live"]
    assert all(word["since"] > 0 for word in told(packets, "relay"))
    [snapshot] = [frame for frame in told(packets, "jobs") if "snapshot" in frame]
    assert snapshot["snapshot"] is True and snapshot["more"] is False
    assert [(job["id"], job["status"]) for job in snapshot["jobs"]] == [("a", "started")]
    assert [job["id"] for frame in told(packets, "gone") for job in frame["jobs"]] == ["b"]
    live = packets.index(["relay", told(packets, "relay")[1]])
    assert packets.index(["jobs", snapshot]) < live, "the truth comes before `live`"


def test_what_moves_while_topics_are_read_is_in_the_answer_of_each(
    relay: Relay, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(redis, "a", Status.QUEUED)
    read = relay._reads._read

    def slow(topics: Sequence[Topic]) -> dict[Topic, Snapshot]:
        snapshots = read(topics)
        put(redis, "b", Status.QUEUED)
        until(lambda: all("b" in watch.updates for watch in relay._joining[MINE]), "the update while it is read")
        return snapshots

    monkeypatch.setattr(relay._reads, "_read", slow)
    answers = relay.watch("s", [MINE, Topic("job:a"), Topic("job:b")])
    assert {topic.name: states(answer[0]) for topic, answer in answers.items() if answer} == {
        "mine": {"a": "queued", "b": "queued"},
        "job:a": {"a": "queued"},
        "job:b": {"b": "queued"},
    }


def test_many_topics_are_one_read(relay: Relay, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[Sequence[Topic]] = []
    read = relay._reads._read

    def count(topics: Sequence[Topic]) -> dict[Topic, Snapshot]:
        calls.append(topics)
        return read(topics)

    monkeypatch.setattr(relay._reads, "_read", count)
    relay.watch("s", [MINE, *(Topic(f"job:{number}") for number in range(1000))])
    assert [len(topics) for topics in calls] == [1001]


def test_a_watch_that_could_not_be_read_is_not_joined(redis: Redis, redis_url: str, tmp_path: Any) -> None:
    away = store.connect(f"unix://{tmp_path}/none.sock")
    relay = Relay(away, store.connect(redis_url), Sockets())
    with pytest.raises(RedisConnectionError):
        relay.watch("s", [MINE])
    assert not relay.topics.is_watched(MINE)


def test_who_can_not_read_delays_nobody_and_gets_the_whole_topic_once_it_can(
    relay: Relay, redis: Redis, sockets: Sockets
) -> None:
    slow, fast = sockets.connect("slow"), sockets.connect("fast")
    put(redis, "b", Status.QUEUED)
    sockets.full.add("slow")
    for sid in ("slow", "fast"):
        relay.watch(sid, [MINE, Topic("job:b")])
    put(redis, "a", Status.QUEUED)
    store.bury(redis, "b")
    until(lambda: len(told(fast, "gone")) == 2 and told(fast, "jobs"), "frames for the other, of both topics")
    assert slow == []
    sockets.full.clear()
    until(lambda: told(slow, "gone"), "what it missed")
    [snapshot] = told(slow, "jobs")
    assert snapshot["snapshot"] is True and [job["id"] for job in snapshot["jobs"]] == ["a"]
    assert [frame["topic"] for frame in told(slow, "gone")] == ["job:b"]
    put(redis, "a", Status.STARTED)
    until(lambda: len(told(slow, "jobs")) == 2, "what moves from now on")


def test_after_a_gap_only_jobs_that_moved_are_told_again(relay: Relay, redis: Redis, sockets: Sockets) -> None:
    packets = sockets.connect("s")
    for id in ("a", "b"):
        put(redis, id, Status.QUEUED)
    relay.watch("s", [Topic("job:a"), Topic("job:b")])
    for id in ("a", "b"):
        put(redis, id, Status.STARTED)

    def started() -> list[str]:
        states = [state for frame in told(packets, "jobs") for state in frame["jobs"]]
        return [state["id"] for state in states if state["status"] == Status.STARTED]

    until(lambda: sorted(started()) == ["a", "b"], "both")  # their being queued may have been told before, or not
    before = len(told(packets, "jobs"))
    relay.pulse.change(live=False)
    put_unheard(redis, "a")
    redis.client_kill_filter(_type="pubsub")
    until(lambda: relay.pulse.live and len(told(packets, "jobs")) > before, "what moved")
    assert [(frame["topic"], frame.get("snapshot")) for frame in told(packets, "jobs")[before:]] == [("job:a", True)]


def put_unheard(redis: Redis, id: str) -> None:
    """Move a job on, and tell nobody."""
    redis.hset(f"headway:job:{id}", mapping={"version": str(store.now(redis)), "status": '"finished"'})


def test_who_left_while_others_were_caught_up_harms_nobody(relay: Relay, redis: Redis, sockets: Sockets) -> None:
    gone, here = sockets.connect("gone"), sockets.connect("here")
    sockets.full.update(("gone", "here"))
    for sid in ("gone", "here"):
        relay.watch(sid, [MINE])
    put(redis, "a", Status.QUEUED)
    until(lambda: len(relay._behind) == 2, "both behind")
    read = relay._reads.read

    def leave_then_read(topics: Sequence[Topic]) -> dict[Topic, Snapshot]:
        sockets.packets.pop("gone", None)
        relay.forget("gone")
        return read(topics)

    relay._reads.read = leave_then_read  # type: ignore[method-assign]
    sockets.full.clear()
    until(lambda: told(here, "jobs"), "the other's list")
    assert gone == [] and not relay._behind
    put(redis, "a", Status.STARTED)
    until(lambda: len(told(here, "jobs")) == 2, "what moves from now on")
    assert relay.topics.watchers(MINE) == ("here",)


def test_lists_that_were_missed_come_one_at_a_time(relay: Relay, redis: Redis, sockets: Sockets) -> None:
    """Each is read for one connection alone, and may be long: they must not wait for it all together."""
    slow = sockets.connect("slow")
    lists = [MINE, Topic("jobs"), Topic("queue:default")]
    relay.watch("slow", [*lists, Topic("job:a")])
    sockets.full.add("slow")
    put(redis, "a", Status.QUEUED)
    until(lambda: len(relay._behind.get("slow", ())) == 3, "what it misses")
    sockets.full.clear()
    until(lambda: slow, "the first")
    sockets.full.add("slow")
    assert len(told(slow, "jobs")) == 1
    sockets.full.clear()
    until(lambda: len(told(slow, "jobs")) == 3, "all of them")
    assert {frame["topic"] for frame in told(slow, "jobs")} == {"mine", "jobs", "queue:default"}


def test_lost_data_is_noticed_although_the_channel_holds(relay: Relay, redis: Redis, sockets: Sockets) -> None:
    packets = sockets.connect("s")
    channel.probe(redis, relay.pulse.process, 1)
    put(redis, "a", Status.QUEUED)
    relay.watch("s", [MINE])
    put(redis, "b", Status.QUEUED)
    until(lambda: told(packets, "jobs"), "what was said after the probe")
    redis.flushall()
    channel.probe(redis, relay.pulse.process, 2)
    snapshot = until(lambda: [frame for frame in told(packets, "jobs") if "snapshot" in frame], "the truth")[0]
    assert snapshot["jobs"] == []
    until(lambda: relay.pulse.live, "live")
    assert [word["state"] for word in told(packets, "relay")] == ["stale", "live"]
    assert relay.pulse.gaps == 1


def test_an_owner_is_told_of_ends_on_greeting_and_live(relay: Relay, redis: Redis, sockets: Sockets) -> None:
    put(redis, "a", Status.FINISHED)
    packets = sockets.connect("s")
    relay.greet("s", "me")
    relay.greet("gone already", "me")
    put(redis, "b", Status.FAILED)
    until(lambda: {job["id"] for word in told(packets, "ended") for job in word["jobs"]} == {"a", "b"}, "both ends")
    assert told(packets, "relay")
    relay.seen("me", [("a", 1), ("b", 1)])
    assert told(packets, "ended")[0]["more"] == 0
    again = sockets.connect("again")
    relay.greet("again", "me")
    assert told(again, "ended") == []
    assert relay.topics.watchers(Topic("ended", "me")) == ("s", "again")
