"""Logs, live: through the relay on a real Redis, and through the whole server."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import requests
from redis import Redis
from redis.exceptions import ConnectionError as RedisConnectionError

from realtime import handlers, logs
from realtime.access import Access, Visitor
from realtime.logins import Logins
from realtime.logs import FRAME_BYTES, LOGS_LIMIT, Logs
from realtime.relay import Relay
from realtime.rights import Rights
from realtime.topics import Topic, Topics, log_of
from tests.conftest import Processes, Stack, until
from tests.realtime.clients import Client, connected
from tests.realtime.conftest import Sockets
from tests.realtime.test_rights import log_in, token
from tests.workers.small_worker import TASKS
from tests.workers.test_log_lines import lines, put
from workers import log_lines, store
from workers.log_lines import LINES_LIMIT
from workers.queue import Jobs
from workers.settings import Secrets, Settings
from workers.wire import Recheck, Status

OWNER, OPERATOR, STRANGER = Visitor("me", False), Visitor("op", True), Visitor("you", False)


@pytest.fixture
def rights(relay: Relay, sockets: Sockets, settings: Settings, redis: Redis) -> Rights:
    put(redis, Status.STARTED)
    return Rights(relay, Access(settings, Secrets("a key", "token", False)), sockets, Logins(redis))


class Reader:
    """A client that keeps to the contract: it applies frames, and watches again where it has missed one."""

    def __init__(self, rights: Rights, sockets: Sockets, sid: str, who: Visitor = OWNER, name: str = "log:a") -> None:
        self.sid, self.name, self.rewatched = sid, name, 0
        self._rights = rights
        self.packets = sockets.connect(sid)
        rights.enter(sid, who)

    def ask(self, *names: str) -> dict[str, Any]:
        rights = self._rights
        answers = handlers._watch(rights._relay, rights._access, rights, self.sid, list(names or [self.name]), None)
        return {name: json.loads(text) for name, text in answers.items()}

    def watch(self) -> "Reader":
        answer = self.ask()[self.name]
        self.lines, self.last = list(answer["lines"]), answer["last"]
        self.packets.clear()  # what came before the answer is in it
        return self

    def read(self) -> list[str]:
        while self.packets:
            event, data = self.packets.pop(0)
            if event != "log":
                continue
            if data.get("snapshot"):
                self.lines, self.last = list(data["lines"]), data["last"]
            elif self.last < data["after"]:
                self.rewatched += 1
                self.watch()
            else:
                self.lines += [line for line in data["lines"] if line["n"] > self.last]
                self.last = max(self.last, data["last"])
        return [line["text"] for line in self.lines]

    @property
    def numbers(self) -> list[int]:
        self.read()
        return [line["n"] for line in self.lines]


def reads(redis: Redis) -> int:
    return int(redis.info("commandstats").get("cmdstat_lrange", {"calls": 0})["calls"])


# -- watching


def test_a_late_watcher_gets_all_that_is_kept_in_the_ack(rights: Rights, sockets: Sockets, redis: Redis) -> None:
    log_lines.write(redis, "a", 1, lines([1, 2, 5]))
    answer = Reader(rights, sockets, "s").ask()["log:a"]
    assert set(answer) == {"lines", "first", "last"} and (answer["first"], answer["last"]) == (1, 5)
    assert answer["lines"][0] == {"n": 1, "attempt": 1, "at": 1, "level": "info", "text": "text 1"}


def test_a_log_without_lines_is_watched_too(rights: Rights, sockets: Sockets, redis: Redis) -> None:
    reader = Reader(rights, sockets, "s").watch()
    assert (reader.lines, reader.last) == ([], 0)
    log_lines.write(redis, "a", 1, lines([1]))
    until(lambda: reader.numbers == [1], "the first line")


def test_lines_follow_in_order_and_frames_say_after_which(rights: Rights, sockets: Sockets, redis: Redis) -> None:
    log_lines.write(redis, "a", 1, lines([1, 2]))
    reader = Reader(rights, sockets, "s")
    reader.ask()
    log_lines.write(redis, "a", 1, lines([3]))
    until(lambda: len(reader.packets) == 1, "a frame")
    log_lines.write(redis, "a", 1, lines([6, 7]))
    until(lambda: len(reader.packets) == 2, "another")
    frames = [data for event, data in reader.packets if event == "log"]
    assert [set(frame) for frame in frames] == [{"topic", "lines", "after", "last"}] * 2
    assert [(frame["topic"], frame["after"], frame["last"]) for frame in frames] == [("log:a", 2, 3), ("log:a", 3, 7)]
    assert [[line["n"] for line in frame["lines"]] for frame in frames] == [[3], [6, 7]]


def test_a_line_that_follows_a_quiet_time_does_not_wait_for_a_tick(
    rights: Rights, sockets: Sockets, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader = Reader(rights, sockets, "s").watch()
    log_lines.write(redis, "a", 1, lines([1]))
    until(lambda: reader.numbers == [1], "the first line")
    monkeypatch.setattr(logs, "TICK", 3600)  # from the next frame on: what waits for a tick will not come
    log_lines.write(redis, "a", 1, lines([2]))
    until(lambda: reader.numbers == [1, 2], "the line that follows")


def test_all_who_watch_share_one_read(rights: Rights, sockets: Sockets, redis: Redis) -> None:
    readers = [Reader(rights, sockets, sid).watch() for sid in "abcde"]
    before = reads(redis)
    for number in range(1, 6):
        log_lines.write(redis, "a", 1, lines([number]))
        until(partial(lambda number: all(reader.numbers[-1:] == [number] for reader in readers), number), "the line")
    assert reads(redis) - before == 5


def test_a_flood_becomes_ten_frames_a_second_of_64_kb(rights: Rights, sockets: Sockets, redis: Redis) -> None:
    readers = [Reader(rights, sockets, sid).watch() for sid in "abcde"]
    before, began = reads(redis), time.monotonic()
    number = 0
    while time.monotonic() - began < 1.0:
        log_lines.write(redis, "a", 1, lines(range(number + 1, number + 201), "x" * 900))
        number += 200
    frames = len(readers[0].packets)
    assert 5 <= frames <= 11 and reads(redis) - before <= 2 * 11, "a second one where more came meanwhile"
    for _, data in readers[0].packets:
        size = sum(len(json.dumps(line, separators=(",", ":"))) + 1 for line in data["lines"])
        assert 0 < size <= FRAME_BYTES
    until(lambda: all(reader.numbers[-1:] == [number] for reader in readers), "the last line")
    for reader in readers:
        assert reader.rewatched == 0 and reader.numbers == sorted(set(reader.numbers))


def test_while_nobody_watches_nothing_is_read(rights: Rights, sockets: Sockets, redis: Redis, relay: Relay) -> None:
    reader = Reader(rights, sockets, "s").watch()
    other = Reader(rights, sockets, "t", name="job:a")
    other.ask()
    relay.topics.remove("s", [log_of("a")])
    before = reads(redis)
    log_lines.write(redis, "a", 1, lines([1]))
    store.report(redis, "a", 1, {"completed": 1, "total": 1, "unit": ""})
    until(lambda: other.packets, "what was told after it")
    assert reads(redis) == before and not [event for event, _ in reader.packets if event == "log"]


def test_no_line_falls_between_join_and_answer(rights: Rights, sockets: Sockets, redis: Redis) -> None:
    stop = threading.Event()

    def write() -> None:
        while not stop.is_set():
            # within what a frame holds: what comes faster is cut
            if any(written[0] - reader.last > LINES_LIMIT // 2 for reader in readers):
                stop.wait(0.001)
                continue
            written[0] += 1
            log_lines.write(redis, "a", 1, lines([written[0]]))
        last.append(written[0])

    written, last, readers = [0], list[int](), list[Reader]()
    writer = threading.Thread(target=write)
    writer.start()
    for number in range(30):
        reader = Reader(rights, sockets, f"s{number}")
        answer = reader.ask()["log:a"]
        # what came before the answer is in it, what comes after follows on it: kept as the socket has it
        held = [line["n"] for line in answer["lines"]]
        assert held == list(range(held[0], held[-1] + 1)) if held else True
        reader.lines, reader.last = answer["lines"], answer["last"]
        readers.append(reader)
        more = written[0] + number  # at another moment of the tick: some lines later, and each time some more
        until(partial(lambda more: all(one.numbers for one in readers) and written[0] >= more, more), "more lines")
    stop.set()
    writer.join()
    until(lambda: all(reader.numbers[-1:] == last for reader in readers), "the last line")
    for reader in readers:
        assert reader.rewatched == 0
        assert reader.numbers == list(range(reader.numbers[0], last[0] + 1))


def test_what_is_told_while_a_log_is_read_is_in_the_answer(rights: Rights, sockets: Sockets, redis: Redis) -> None:
    """The read is of before; the frame of meanwhile comes before the answer, which must not be older."""
    first = Reader(rights, sockets, "first").watch()
    logs = rights._relay.logs
    read = logs._reads._read

    def slow(topics: Any) -> Any:
        found = read(topics)
        log_lines.write(redis, "a", 1, lines([1, 2]))
        until(lambda: first.numbers == [1, 2], "the frame")
        return found

    logs._reads._read = slow
    late = Reader(rights, sockets, "late").watch()
    assert [line["n"] for line in late.lines] == [1, 2] and late.last == 2


def test_many_who_ask_at_once_share_a_read(rights: Rights, sockets: Sockets, redis: Redis) -> None:
    log_lines.write(redis, "a", 1, lines([1]))
    readers = [Reader(rights, sockets, f"s{number}") for number in range(20)]
    logs = rights._relay.logs
    read, begun, go = logs._reads._read, threading.Event(), threading.Event()

    def slow(topics: Any) -> Any:
        begun.set()
        assert go.wait(5)
        return read(topics)

    logs._reads._read = slow
    before = reads(redis)
    threads = [threading.Thread(target=reader.watch) for reader in readers]
    threads[0].start()
    assert begun.wait(5)
    for thread in threads[1:]:
        thread.start()
    until(lambda: len(logs._tails.get(log_of("a"), ())) == 20, "all to ask")
    go.set()
    for thread in threads:
        thread.join()
    assert reads(redis) - before <= 2 and all(reader.last == 1 for reader in readers)


def test_who_stopped_watching_hears_nothing_more_and_nothing_is_kept(
    rights: Rights, sockets: Sockets, redis: Redis, relay: Relay
) -> None:
    Reader(rights, sockets, "s").watch()
    relay.forget("s")
    until(lambda: not relay.logs._told and not relay.logs._owners and not relay.logs._tails, "nothing", within=3)


# -- rights


@pytest.mark.parametrize(("who", "code"), [(OWNER, None), (OPERATOR, None), (STRANGER, "forbidden")])
def test_its_owner_and_operators_watch_a_log(who: Visitor, code: str | None, rights: Rights, sockets: Sockets) -> None:
    answer = Reader(rights, sockets, "s", who).ask()["log:a"]
    assert answer.get("error", {}).get("code") == code
    assert rights._relay.topics.is_watched(log_of("a")) is (code is None)


@pytest.mark.parametrize(
    ("name", "code"),
    [("log:nobody", "not_found"), ("log:no id", "not_found"), ("log:\ud800", "not_found"), ("log:", "bad_request")],
)
def test_what_is_no_job_has_no_log(name: str, code: str, rights: Rights, sockets: Sockets) -> None:
    for who in (OWNER, OPERATOR):
        assert Reader(rights, sockets, "s", who).ask(name)[name]["error"]["code"] == code


def test_a_job_of_nobodys_is_the_operators_alone(rights: Rights, sockets: Sockets, redis: Redis) -> None:
    store.transition(redis, "b", {"status": Status.STARTED}, fallback={"task": "t", "queue": "q"})
    codes = [
        Reader(rights, sockets, "s", who, "log:b").ask()["log:b"].get("error", {}).get("code")
        for who in (Visitor("", False), OWNER, OPERATOR)
    ]
    assert codes == ["forbidden", "forbidden", None]


def test_logging_out_ends_all_logs(rights: Rights, sockets: Sockets, redis: Redis) -> None:
    """Those of one's own too: one has another owner from then on, and others may have the cookie of before."""
    store.transition(redis, "b", {"status": Status.STARTED}, owner="you", fallback={"task": "t", "queue": "q"})
    reader = Reader(rights, sockets, "s", Visitor("me", True, login="a number"))
    assert all("lines" in answer for answer in reader.ask("log:a", "log:b").values())
    rights.recheck(Recheck("me", False))
    refused = {data["topic"]: data["error"]["code"] for event, data in reader.packets if event == "refused"}
    assert refused == {"log:a": "forbidden", "log:b": "forbidden"}
    assert rights._relay.topics.of("s") == ()


def test_so_many_logs_and_no_more(rights: Rights, sockets: Sockets, redis: Redis) -> None:
    names = [f"log:j{number}" for number in range(LOGS_LIMIT + 2)]
    for name in names:
        put(redis, Status.STARTED, name[4:])
    reader = Reader(rights, sockets, "s")
    answers = reader.ask(*names)
    assert [name for name in names if "error" in answers[name]] == names[LOGS_LIMIT:]
    assert answers[names[-1]]["error"]["code"] == "too_many"
    assert "lines" in reader.ask(names[0])[names[0]], "one that it has it may ask for again"
    assert "error" in reader.ask(names[-1])[names[-1]]
    rights._relay.topics.remove("s", [Topic(names[0])])
    assert "lines" in reader.ask(names[-1])[names[-1]]


def test_who_leaves_while_a_log_is_read_leaves_nothing(
    rights: Rights, sockets: Sockets, relay: Relay, redis: Redis
) -> None:
    reader = Reader(rights, sockets, "s")
    read = relay.logs._reads._read

    def leaving(topics: Any) -> Any:
        rights.leave("s")
        relay.forget("s")
        return read(topics)

    relay.logs._reads._read = leaving
    assert reader.ask("log:a", "job:a", "mine") == {}
    assert relay.topics.of("s") == () and not relay.topics.all()


def test_with_redis_away_a_watch_says_so_and_the_other_topics_are_none_the_worse(
    rights: Rights, sockets: Sockets, relay: Relay, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: Any) -> Any:
        raise RedisConnectionError("away")

    monkeypatch.setattr("realtime.logs.log_lines.read_with_owners", away)
    answers = Reader(rights, sockets, "s").ask("log:a", "job:a")
    assert answers["log:a"]["error"]["code"] == "unavailable" and answers["job:a"]["jobs"]
    assert not relay.topics.is_watched(log_of("a"))


# -- faults


def test_a_reader_that_was_behind_misses_nothing(rights: Rights, sockets: Sockets, redis: Redis) -> None:
    slow, quick = Reader(rights, sockets, "slow").watch(), Reader(rights, sockets, "quick").watch()
    sockets.full.add("slow")
    for upto in ([1], [1, 2], [1, 2, 3]):
        log_lines.write(redis, "a", 1, lines(upto))
        until(partial(lambda wanted: quick.numbers == wanted, upto), "a frame")
    assert slow.packets == []
    sockets.full.remove("slow")  # and no line more comes
    until(lambda: slow.numbers == [1, 2, 3], "all lines")
    assert slow.rewatched == 1 and quick.rewatched == 0


def test_what_was_logged_in_a_gap_is_told(rights: Rights, sockets: Sockets, redis: Redis, relay: Relay) -> None:
    reader = Reader(rights, sockets, "s").watch()
    log_lines.write(redis, "a", 1, lines([1]))
    until(lambda: reader.numbers == [1], "the first")
    relay.pulse.gaps = 0
    with redis.pipeline() as silently:
        silently.execute_command("CLIENT", "KILL", "TYPE", "pubsub")
        log_lines.write(silently, "a", 1, lines([2, 3]))
        silently.execute()
    until(lambda: relay.pulse.gaps == 1 and relay.pulse.live, "live again")
    until(lambda: reader.numbers == [1, 2, 3], "what was logged")
    assert reader.rewatched == 0


def test_a_deleted_jobs_log_is_emptied(rights: Rights, sockets: Sockets, redis: Redis) -> None:
    log_lines.write(redis, "a", 1, lines([1, 2]))
    reader = Reader(rights, sockets, "s").watch()
    store.bury(redis, "a")
    until(lambda: reader.packets, "a frame")
    assert reader.packets[-1] == [
        "log",
        {"topic": "log:a", "lines": [], "after": 0, "last": 0, "snapshot": True},
    ]
    assert reader.numbers == []


def test_what_could_not_be_read_is_told_later(
    rights: Rights, sockets: Sockets, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader = Reader(rights, sockets, "s").watch()
    read, failed = log_lines.read_many, threading.Event()

    def once(*arguments: Any) -> Any:
        if not failed.is_set():
            failed.set()
            raise RedisConnectionError("away")
        return read(*arguments)

    monkeypatch.setattr("realtime.logs.log_lines.read_many", once)
    log_lines.write(redis, "a", 1, lines([1]))
    until(lambda: reader.numbers == [1], "the line")
    assert failed.is_set()


def test_a_note_that_comes_after_its_lines_were_told_reads_nothing(redis: Redis, sockets: Sockets) -> None:
    put(redis, Status.STARTED)
    topics = Topics()
    logs = Logs(redis, topics, sockets)
    log_lines.write(redis, "a", 1, lines([1, 2, 3]))
    with logs.reading(["log:a"]) as tails:
        topics.add("s", log_of("a"))
        logs.answer("log:a", tails["log:a"])
    before = reads(redis)
    logs.hear("a", 2)
    logs.tell()
    assert reads(redis) == before


# -- through the whole server, and real workers


@pytest.fixture
def worker(stack: Stack, base_environment: dict[str, str], tmp_path: Path) -> Iterator[Processes]:
    """Beside the stack's own: for a queue that they don't know, with tasks that do what a text says."""
    started = Processes({**base_environment, "REDIS_URL": stack.redis_url}, tmp_path)
    started.start("-m", "tests.workers.small_worker", "headway.logs")
    yield started
    started.stop()


@pytest.fixture
def run(stack: Stack, worker: Processes) -> Callable[[requests.Session, str], str]:
    redis = store.connect(stack.redis_url)

    def submit(session: requests.Session, text: str) -> str:
        owner = owner_of(stack, session)
        jobs = Jobs(redis, TASKS, ["logs"])
        return str(jobs.submit("tests_large", {"text": text}, owner=owner, queue="logs").state.id)

    return submit


def owner_of(stack: Stack, session: requests.Session) -> str:
    id = stack.submit(session, "sum_numbers", text="1")["id"]
    with store.connect(stack.redis_url) as redis:
        stored = store.load(redis, id)
    assert stored is not None
    return stored.owner


def follow(client: Client, id: str, last: str) -> list[dict[str, Any]]:
    """All lines from a watch to the one that says `last`."""
    answer = client.watch(f"log:{id}")["topics"][f"log:{id}"]
    held, upto = list(answer["lines"]), answer["last"]
    while not held or held[-1]["text"] != last:
        data = client.hear("log", lambda data: data["topic"] == f"log:{id}")
        assert data["after"] <= upto, "no frame was missed"
        held += [line for line in data["lines"] if line["n"] > upto]
        upto = max(upto, data["last"])
    return held


SLOWLY = "[log(f'line {n}') or time.sleep(0.005) for n in range(300)] and log('the end')"


def test_a_job_is_followed_line_by_line(stack: Stack, run: Callable[[requests.Session, str], str]) -> None:
    session = stack.session()
    with connected(stack.url, session) as client:
        id = run(session, SLOWLY)
        held = follow(client, id, "the end")
        assert [line["n"] for line in held] == list(range(1, 302))
        assert [line["text"] for line in held[:300]] == [f"line {n}" for n in range(300)]


def test_who_comes_back_in_the_midst_of_it_misses_nothing(
    stack: Stack, run: Callable[[requests.Session, str], str]
) -> None:
    session = stack.session()
    id = run(session, SLOWLY)
    held: dict[int, str] = {}

    def visit() -> bool:
        with connected(stack.url, session) as client:
            answer = client.watch(f"log:{id}")["topics"][f"log:{id}"]
        held.update({line["n"]: line["text"] for line in answer["lines"]})
        assert sorted(held) == list(range(1, len(held) + 1))
        return held.get(301) == "the end"

    until(visit, "the end")


def test_only_owner_and_operators_read_a_log(
    stack: Stack, run: Callable[[requests.Session, str], str], url: str
) -> None:
    session = stack.session()
    id = run(session, "log('a secret')")
    topic, place = f"log:{id}", f"{stack.url}/api/jobs/{id}/log"
    with connected(url, session) as owner:
        follow(owner, id, "a secret")
    with connected(url, headers=stack.operator) as operator:
        assert operator.watch(topic)["topics"][topic]["last"] == 1
    text = token(stack, f"job:{id}", act=True, expires=60)
    with connected(url, stack.session()) as stranger:
        for given in ({}, {"token": text}):
            answer = stranger.ask("watch", {"topics": [topic], **given})["topics"][topic]
            assert answer["error"]["code"] == "forbidden"
        assert stranger.watch("log:nobody")["topics"]["log:nobody"]["error"]["code"] == "not_found"
    assert session.get(place).json()["lines"][0]["text"] == "a secret"
    assert requests.get(place, headers=stack.operator).json()["last"] == 1
    assert requests.get(place, headers={"Authorization": f"Bearer {text}"}).status_code == 403
    assert stack.session().get(place).status_code == 403
    refused = requests.post(f"{stack.url}/api/tokens", json={"topics": [topic]}, headers=stack.operator)
    assert refused.status_code == 400, "no token is made for a log"


def test_logging_out_ends_a_log_that_was_the_operators(
    stack: Stack, run: Callable[[requests.Session, str], str]
) -> None:
    session = stack.session()
    id = run(stack.session(), "log('text')")
    log_in(stack, session)
    with connected(stack.url, session) as client:
        assert "lines" in client.watch(f"log:{id}")["topics"][f"log:{id}"]
        session.post(f"{stack.url}/logout").raise_for_status()
        assert client.hear("refused")["topic"] == f"log:{id}"


def test_a_deleted_jobs_log_is_gone(stack: Stack, run: Callable[[requests.Session, str], str]) -> None:
    session = stack.session()
    id = run(session, "log('text')")
    with connected(stack.url, session) as client:
        follow(client, id, "text")
        until(lambda: stack.job(session, id)["status"] == "finished", "its end")
        session.delete(f"{stack.url}/api/jobs/{id}").raise_for_status()
        assert client.hear("log", lambda data: data.get("snapshot"))["lines"] == []
        assert session.get(f"{stack.url}/api/jobs/{id}/log").status_code == 404


def test_a_reader_that_stops_in_a_flood_is_bounded_and_others_read_on(
    stack: Stack, run: Callable[[requests.Session, str], str]
) -> None:
    session = stack.session()
    id = run(
        session, "[log('x' * 1900) for n in iter(lambda b=time.time(): time.time() - b > 3, True)] and log('the end')"
    )
    topic = f"log:{id}"
    over = threading.Event()
    with connected(stack.url, session) as stuck, connected(stack.url, session) as client:
        stuck.watch(topic)
        stuck._websocket.recv = lambda *_: over.wait(60) and ""  # it never reads again
        answer = client.watch(topic)["topics"][topic]
        upto = answer["last"]
        frames = 0
        while True:
            data = client.hear("log")
            assert data["after"] <= upto, "the one that reads misses no frame"
            upto, frames = data["last"], frames + 1
            if data["lines"][-1]["text"] == "the end":
                break
        over.set()
        assert 5 < frames <= 40
