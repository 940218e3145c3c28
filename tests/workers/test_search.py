"""Finding among twenty thousand jobs, in a real Redis; the browser's tests and the bench have a hundred thousand."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, cast

import pytest
from redis import Redis

from tests.conftest import start_redis
from workers import jobs as jobs_package
from workers import search, slices, store
from workers.lifecycle import TrackedQueue
from workers.query import parse
from workers.queue import Jobs
from workers.tasks import Tasks
from workers.wire import Status

MANY = 20_000
PART = 2_000
RARE = 15_777  # the number in the arguments of one job


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Redis]:
    """Twenty thousand jobs: 1,000 failed, 1,000 finished, the others queued; half of them books."""
    server, url = start_redis(tmp_path_factory.mktemp("many"))
    redis = store.connect(url, socket_timeout=10.0)
    jobs = Jobs(redis, Tasks.collect(jobs_package), ["default", "bookInfoParser"])
    for part in range(0, MANY, PART):
        numbers = range(part, part + PART)
        if part % (2 * PART):
            args = [{"url": f"https://books.example/show/{number}-a-title"} for number in numbers]
            ids = jobs.submit_many("parse_book", args, owner="you")
        else:
            ids = jobs.submit_many("sum_numbers", [{"text": f"n{number}"} for number in numbers], owner="me")
    for start in range(0, PART, 500):
        status = Status.FAILED if start < PART / 2 else Status.FINISHED
        error = {"type": "FetchError", "message": "ÜBER alles: [timeout]"} if status == Status.FAILED else None
        with redis.pipeline() as pipeline:
            for id in ids[start : start + 500]:
                store.transition(pipeline, id, {"status": status, "error": error, "description": "Parsing Books"})
            pipeline.execute()
    yield redis
    redis.close()
    server.terminate()
    server.wait()


def found(redis: Redis, text: str, scope: str = "all", limit: int = 200) -> list[Any]:
    """The states of the whole first page."""
    query = parse(text, time.time_ns() // 1_000_000)
    rows, _ = search.page(redis, scope, query, before=None, limit=limit, patience=30)
    return [row.state for row in rows]


def counted(redis: Redis, text: str, scope: str = "all") -> dict[str, int]:
    query = parse(text, time.time_ns() // 1_000_000)
    count = search.count(redis, scope, query, patience=30)
    assert not count.more
    return {str(status): number for status, number in count.by_status.items() if number}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", {"queued": 18_000, "failed": 1_000, "finished": 1_000}),
        ("state:failed,stopped", {"failed": 1_000}),
        ("queue:bookInfoParser", {"queued": 8_000, "failed": 1_000, "finished": 1_000}),
        ("task:sum_numbers", {"queued": 10_000}),
        ("-task:sum_numbers state:queued", {"queued": 8_000}),
        ("owner:yo", {"queued": 8_000, "failed": 1_000, "finished": 1_000}),
        ("-owner:me fetcherror", {"failed": 1_000}),
        ("über", {"failed": 1_000}),
        ('"alles: [timeout]"', {"failed": 1_000}),
        ("message", {}),
        ('"parsing books" state:finished', {"finished": 1_000}),
        ("PARSE_BOOK -books.example", {}),
        (f"{RARE}-a", {"queued": 1}),
        ("n424", {"queued": 11}),
        ("after:1d state:failed", {"failed": 1_000}),
        ("before:1d", {}),
        ("state:lost", {}),
        ("state:lost state:failed", {}),
    ],
)
def test_jobs_are_counted_by_what_is_asked(text: str, expected: dict[str, int], many: Redis) -> None:
    assert counted(many, text) == expected


def test_a_job_is_found_by_its_id_its_beginning_and_its_arguments(many: Redis) -> None:
    [job] = found(many, f"show/{RARE}-a-title")
    assert [state.id for state in found(many, job.id)] == [job.id]
    assert [state.id for state in found(many, job.id, scope="owner:you")] == [job.id]
    assert found(many, job.id, scope="owner:me") == []
    assert found(many, f"{job.id} state:failed") == []
    assert job.id in [state.id for state in found(many, f"id:{job.id[:6]}")]
    assert job.id in [state.id for state in found(many, f"id:{job.id[:6]} task:parse_book")]
    assert found(many, f"id:{job.id[:6]} -id:{job.id}  task:sum_numbers text") == []
    assert job.id not in [state.id for state in found(many, "-id:" + job.id, limit=50)]


def test_jobs_that_begin_alike_come_in_pages_too(many: Redis) -> None:
    begins = parse(f"id:{found(many, '')[0].id[:4]}", 0)
    everything, end = search.page(many, "all", begins, before=None, limit=200)
    assert everything and end is None
    seen: list[str] = []
    before = None
    while True:
        rows, before = search.page(many, "all", begins, before=before, limit=1)
        seen += [row.state.id for row in rows]
        if before is None:
            break
    assert seen == [row.state.id for row in everything]


@pytest.mark.parametrize("text", ["", "state:queued,failed", "task:parse_book", "books.example"])
def test_a_page_costs_the_same_at_any_depth(text: str, many: Redis) -> None:
    query = parse(text, 0)
    costs, seen = [], []
    deep = cast(bytes, many.zrange("headway:all:queued", 4_000, 4_000)[0])
    for before in (None, int(many.zscore("headway:all:queued", deep) or 0)):
        many.config_resetstat()
        rows, _ = search.page(many, "all", query, before=before, limit=50)
        stats: dict[str, Any] = many.info("commandstats")
        costs.append(sum(stat["calls"] for stat in stats.values()))  # those of the script too
        seen.append([row.state.id for row in rows])
    assert len(seen[0]) == len(seen[1]) == 50 and not set(seen[0]) & set(seen[1])
    assert costs[1] <= costs[0] + 5 < 300


def test_an_id_is_counted_as_it_is_found_by_redis_itself(many: Redis) -> None:
    id = found(many, "state:failed", limit=1)[0].id
    many.config_resetstat()
    assert counted(many, id) == counted(many, f"id:{id[:12]}") == {"failed": 1}
    assert counted(many, f"state:queued {id}") == {}
    stats: dict[str, Any] = many.info("commandstats")
    assert "cmdstat_evalsha" not in stats and stats["cmdstat_zscan"]["calls"] < 100


def test_a_queue_costs_no_more_than_all_of_them(many: Redis) -> None:
    """The table of queues leads to them: 10,000 jobs are not read to count those of a queue."""
    query, scope = parse("queue:bookInfoParser -task:sum_numbers", 0), "queue:bookInfoParser"
    assert search.count(many, scope, query).by_status[Status.QUEUED] == 8_000
    many.config_resetstat()
    count = search.count(many, scope, parse("queue:bookInfoParser", 0).within([Status.FAILED, Status.QUEUED]))
    rows, _ = search.page(many, scope, query.within([Status.FAILED]), before=None, limit=50)
    stats: dict[str, Any] = many.info("commandstats")
    assert sum(stat["calls"] for stat in stats.values()) < 200
    assert count.by_status == {Status.QUEUED: 8_000, Status.FAILED: 1_000} and not count.more
    assert {row.state.queue for row in rows} == {"bookInfoParser"} and len(rows) == 50


def test_pages_follow_one_another_and_hold_every_job_once(redis: Redis, jobs: Jobs) -> None:
    ids = jobs.submit_many("sum_numbers", [{"text": str(number)} for number in range(250)], owner="me")
    for id in ids[::3]:
        store.transition(redis, id, {"status": Status.STARTED})
    for text in ("", "task:sum_numbers"):
        seen: list[str] = []
        before = None
        while True:
            rows, before = search.page(redis, "owner:me", parse(text, 0), before=before, limit=40)
            seen += [row.state.id for row in rows]
            if before is None:
                break
        assert seen == ids[::-1]


def test_all_ids_come_in_slices(many: Redis) -> None:
    slices = list(search.ids(many, "all", parse("fetcherror", 0)))
    assert sum(len(part) for part in slices) == len({id for part in slices for id in part}) == 1_000


class Held:
    """Notes for how long each round trip made Redis work, by the time its thread ran: others keep the machine busy."""

    def __init__(self, redis: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
        self.seconds: list[float] = []
        self._ask: Callable[..., Any] = redis.execute_command
        make = redis.pipeline

        def pipeline(*args: Any, **options: Any) -> Any:
            made = make(*args, **options)
            monkeypatch.setattr(made, "execute", self._timed(made.execute))
            return made

        monkeypatch.setattr(redis, "execute_command", self._timed(redis.execute_command))
        monkeypatch.setattr(redis, "pipeline", pipeline)

    def _timed(self, ask: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*args: Any, **options: Any) -> Any:
            before = self._worked()
            try:
                return ask(*args, **options)
            finally:
                self.seconds.append(self._worked() - before)

        return timed

    def _worked(self) -> float:
        cpu = cast(dict[str, float], self._ask("INFO", "cpu"))
        return cpu["used_cpu_user_main_thread"] + cpu["used_cpu_sys_main_thread"]


def test_redis_is_never_held_for_long(many: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    held = Held(many, monkeypatch)
    found(many, "nothing of this kind")
    counted(many, "-nothing")
    found(many, "id:ffff")
    assert len(held.seconds) > 20 and max(held.seconds) < 0.02


def test_many_who_search_wait_for_one_another_not_others_for_them_all(many: Redis) -> None:
    path = many.connection_pool.connection_kwargs["path"]
    searching = store.connect(f"unix://{path}", client_name="searching")
    with ThreadPoolExecutor(8) as searchers:
        counts = list(searchers.map(lambda n: search.count(searching, "all", parse(f"title n{n}", 0)), range(8)))
    assert len(counts) == 8
    assert [client["name"] for client in many.client_list()].count("searching") == slices.TURNS
    searching.close()


def test_several_words_are_looked_for_in_texts_that_are_read_once(many: Redis) -> None:
    many.config_resetstat()
    assert counted(many, "a-title books.example show -n77 parsing") == {"failed": 1_000, "finished": 1_000}
    stats: dict[str, Any] = many.info("commandstats")
    assert stats["cmdstat_get"]["calls"] <= MANY
    assert stats["cmdstat_hmget"]["calls"] <= PART


def test_where_time_runs_out_the_page_is_short_and_goes_on(many: Redis) -> None:
    query = parse("nothing of this kind", 0)
    rows, before = search.page(many, "all", query, before=None, limit=50, patience=0.02)
    assert rows == [] and before is not None
    count = search.count(many, "all", parse("-nothing", 0), patience=0.02)
    assert count.more and 0 < sum(count.by_status.values()) < MANY


HOSTILE = [
    "\x00",
    "\x00" * 400,
    "ü" * 400,
    "%s %d %1",
    "[^]*(.-)$",
    "\\",
    '\\"'.replace('"', ""),
    "{{}}",
    "' OR 1=1",
    "\ud800",
    "🦄 \u202e",
    "*",
    "id:****",
    "id:[0-9",
    "queue:*",
    "owner:%",
    "]]..redis.call('FLUSHALL')",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_texts_find_nothing_and_break_nothing(text: str, many: Redis) -> None:
    assert counted(many, f"state:failed {text}") == {}
    assert found(many, f"state:failed {text}") == []


@pytest.mark.parametrize("text", ["a\x00b", 'say "yes"', "back\\slash", "line\nend", "Ünïcödé", "🦄", "100%"])
def test_what_was_submitted_is_found_whatever_it_is(text: str, jobs: Jobs) -> None:
    id = jobs.submit("sum_numbers", {"text": f"before {text} after"}, owner="me").state.id
    jobs.submit("sum_numbers", {"text": "another"}, owner="me")
    asked = text.replace('"', "").split("\n")[0] if '"' in text or "\n" in text else text
    if '"' in text:
        asked = "yes"
    assert [state.id for state in found(jobs.redis, f'"{asked}"')] == [id]
    assert [state.id for state in found(jobs.redis, f'"{asked.upper()}"')] == [id]


def test_a_job_that_rq_alone_has_made_is_found_by_its_arguments(redis: Redis) -> None:
    queue = TrackedQueue("headway.default", connection=redis)
    job = queue.enqueue_call("a.stranger", args=("Letter",), kwargs={"to": ["Somebody"]})
    assert [state.id for state in found(redis, "letter somebody")] == [job.id]


def test_jobs_whose_state_has_expired_are_not_found_and_leave_the_lists(redis: Redis, jobs: Jobs) -> None:
    ids = jobs.submit_many("sum_numbers", [{"text": "1"}] * 3, owner="me")
    redis.delete(f"headway:job:{ids[1]}")
    assert counted(redis, "task:sum_numbers") == {"queued": 2}
    assert redis.zcard("headway:all:queued") == 2
    assert [state.id for state in found(redis, "", scope="owner:me")] == [ids[2], ids[0]]
    assert redis.zcard("headway:owner:me:queued") == 2
