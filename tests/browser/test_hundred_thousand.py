"""The dashboard on 100,000 jobs, 10,000 of them running: what its views cost, and an action on 10,000."""

import re
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from itertools import pairwise
from typing import Any, cast

import pytest
from playwright.sync_api import Page, expect
from redis import Redis

from realtime.counts import RECOUNT
from tests import population
from tests.browser.test_page import NewContext
from tests.conftest import Processes, Stack, free_port, is_ready, start_redis, until
from tests.monitor import Command, Monitor, counted
from workers import store, sweeper
from workers.wire import INTERNAL_QUEUES, Status, index_key

MANY, TEN_THOUSAND = 100_000, 10_000
ROWS = 50  # of a page
ELEMENTS_A_ROW, ELEMENTS_BESIDE = 20, 150  # in the document, at the most
VERDICT = "10"  # seconds; a busy machine may need some of them to find that a worker is lost
DONE_WITHIN = 60  # seconds; 10,000 jobs on a machine that is busy

Open = Callable[..., Page]
Cost = Callable[[Page, str], list[Command]]


@pytest.fixture(scope="module")
def crowded(base_environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A Redis full of jobs, and a web process. No worker: those of what runs are one process that sends heartbeats."""
    server, redis_url = start_redis(tmp_path_factory.mktemp("crowded-redis"))
    port = free_port()
    environment = {**base_environment, "REDIS_URL": redis_url, "PORT": str(port), "HEADWAY_VERDICT": VERDICT}
    started = Processes(environment, tmp_path_factory.mktemp("crowded-logs"))
    redis = store.connect(redis_url)
    try:
        population.fill(redis, MANY)
        started.start("-m", "tests.population", redis_url)
        started.start("-m", "realtime.server")
        url = f"http://127.0.0.1:{port}"
        until(lambda: is_ready(url), f"the web server ({started.log()})")
        stack = Stack(url, redis_url, started, environment["HEADWAY_OPERATOR_TOKEN"])
        stack.session().get(f"{url}/api/jobs", headers=stack.operator).raise_for_status()  # Redis knows the script now
        yield stack
    finally:
        redis.close()
        started.stop()
        server.terminate()
        server.wait()


@pytest.fixture
def redis(crowded: Stack) -> Iterator[Redis]:
    connection = store.connect(crowded.redis_url)
    yield connection
    connection.close()


@pytest.fixture
def unswept(redis: Redis) -> Iterator[None]:
    """No comparison with RQ meanwhile, which is done for nobody's view."""
    redis.set(sweeper.LOCK, "a test", ex=3600)
    yield
    redis.delete(sweeper.LOCK)


@pytest.fixture
def operator(new_context: NewContext, crowded: Stack) -> Open:
    """Begins to open a view, as an operator, in a browser of its own or beside another page."""

    def open_(path: str, beside: Page | None = None) -> Page:
        context = new_context() if beside is None else beside.context
        if beside is None:
            token = crowded.operator["Authorization"].removeprefix("Bearer ")
            context.request.post(f"{crowded.url}/login", data={"token": token})
        page = context.new_page()
        page.goto(crowded.url + path, wait_until="commit")
        return page

    return open_


def shown(page: Page) -> Page:
    """The page, once it shows what it is for."""
    expect(page.locator("connection-status")).to_have_text("Live")
    expect(page.get_by_text("One moment…")).to_be_hidden()
    return page


STATS = re.compile(
    "^(ZCARD|ZRANGE) headway:queue:|^GET headway:blocked:"
)  # what is read for all who watch the queues, of those that moved
ALL = 2 + len(INTERNAL_QUEUES)  # queues
ROUND = "SMEMBERS rq:workers"  # each second, before it


def is_for_it(command: Command) -> bool:
    return command.asked and STATS.match(command.text) is None


@pytest.fixture
def cost(operator: Open, crowded: Stack, unswept: None) -> Iterator[Cost]:
    """What is asked of Redis because a page is sent somewhere, beside what is read each second.

    Somebody else watches the queues meanwhile: it has ended when nothing else is asked between two readings.
    """
    shown(operator("/queues"))
    with Monitor(crowded.redis_url) as monitor:

        def quiet(since: int) -> bool:
            heard = monitor.all()[since:]
            rounds = [at for at, command in enumerate(heard) if command.text == ROUND]
            return len(rounds) > 1 and not any(is_for_it(command) for command in heard[rounds[-2] :])

        def send(page: Page, path: str) -> list[Command]:
            before = len(monitor.all())
            page.goto(crowded.url + path)
            shown(page)
            until(partial(quiet, before), "quiet")
            return [command for command in monitor.all()[before:] if is_for_it(command)]

        until(partial(quiet, 0), "quiet")
        yield send


def outer(commands: list[Command]) -> Counter[str]:
    return counted([command for command in commands if not command.inside])


def deep_cursor(redis: Redis, status: Status) -> str:
    """Where half of the jobs are newer."""
    index = index_key("all", status)
    [(_, order)] = cast(Any, redis.zrange(index, redis.zcard(index) // 2, redis.zcard(index) // 2, withscores=True))
    return f"{order:.0f}"


def test_a_page_in_the_midst_costs_redis_what_the_first_one_costs(operator: Open, cost: Cost, redis: Redis) -> None:
    page = shown(operator("/audit"))
    for query, status in (("", Status.QUEUED), ("status=failed&", Status.FAILED)):
        costs, seen = [], []
        for path in (f"/jobs?{query}", f"/jobs?{query}cursor={deep_cursor(redis, status)}"):
            costs.append(cost(page, path))
            expect(page.locator(".job")).to_have_count(ROWS)
            seen.append({row.get_attribute("data-job") for row in page.locator(".job").all()})
        assert not seen[0] & seen[1]
        first, deep = map(outer, costs)
        assert first == deep and deep["HMGET"] == 2 * ROWS and deep["EVALSHA"] == 1
        assert abs(len(costs[1]) - len(costs[0])) <= 5 and len(costs[1]) < 4 * ROWS


# what each asks of Redis as it opens, at the most: of a hundred thousand jobs as of a hundred
VIEWS = {"/queues": 10, "/workers": 10, "/audit": 10, "/jobs/{}": 20, "/jobs?q={}": 80}


def test_other_views_cost_redis_next_to_nothing(operator: Open, cost: Cost, redis: Redis) -> None:
    [id] = cast(list[bytes], redis.zrange(index_key("all", Status.FAILED), 5_000, 5_000))
    page = shown(operator("/audit"))
    for path, most in VIEWS.items():
        asked = cost(page, path.format(id.decode()))
        assert 0 < len(asked) <= most, (path, counted(asked))


def test_twenty_tabs_cost_redis_what_one_costs(operator: Open, crowded: Stack, redis: Redis, unswept: None) -> None:
    """Four browsers of five tabs each, half of them at the jobs that run, one of which moves."""
    tabs: list[Page] = []
    costs = []
    moved = 0
    for count in (1, 20):
        while len(tabs) < count:
            beside = tabs[-1] if len(tabs) % 5 else None
            tabs.append(operator("/queues" if len(tabs) % 2 else "/jobs?status=started", beside))
        for tab in tabs:
            shown(tab)
        id = str(tabs[0].locator(".job").first.get_attribute("data-job"))
        with Monitor(crowded.redis_url) as monitor:

            def rounds(monitor: Monitor = monitor, id: str = id) -> list[list[Command]]:
                nonlocal moved
                moved += 1
                store.report(
                    redis, id, 1, {"completed": moved, "total": None, "unit": "", "description": f"is at {moved}"}
                )
                heard = [command for command in monitor.all() if not command.inside and command.name != "EVALSHA"]
                at = [number for number, command in enumerate(heard) if command.text == ROUND]
                parts = [[one for one in heard[start:end] if one.asked] for start, end in pairwise(at)]
                return parts if len(parts) > RECOUNT else []

            parts = until(rounds, "some rounds")
        costs.append([counted(part) for part in parts])
        for tab in tabs[::2]:
            expect(tab.locator(f'.job[data-job="{id}"]')).to_contain_text(f"is at {moved}")
    for part in costs:
        counts = [cost["ZRANGE"] for cost in part]  # of queues
        assert part == [Counter(ZCARD=7 * count, ZRANGE=count, GET=count) for count in counts], "nothing else is asked"
        assert set(counts) <= {0, 1, ALL} and 1 in counts, "the one that moved"
        assert counts.count(ALL) <= 1 + len(counts) / RECOUNT, "or all, now and then"


def test_the_page_holds_its_rows_alone_and_hears_of_them_alone(operator: Open, crowded: Stack, redis: Redis) -> None:
    page = shown(operator("/jobs?status=started"))
    expect(page.locator(".job")).to_have_count(ROWS)
    assert page.evaluate("document.querySelectorAll('*').length") <= ROWS * ELEMENTS_A_ROW + ELEMENTS_BESIDE
    ids = [str(row.get_attribute("data-job")) for row in page.locator(".job").all()]
    running = [id.decode() for id in cast(list[bytes], redis.zrange(index_key("all", Status.STARTED), 0, 499))]
    assert not set(ids) & set(running)
    before = frames(crowded)
    for id in [*running, ids[7]]:
        assert store.report(redis, id, 1, {"completed": 77, "total": 100, "unit": "", "description": "reads page 77"})
    row = page.locator(f'.job[data-job="{ids[7]}"]')
    expect(row).to_contain_text("reads page 77")
    assert row.locator("progress").evaluate("bar => bar.value") == 0.77
    assert frames(crowded) == before + 1


def frames(crowded: Stack) -> int:
    """How many frames the relay has made."""
    said = crowded.session().get(f"{crowded.url}/metrics", headers=crowded.operator).text
    found = re.search(r"^headway_frames_total (\S+)", said, re.MULTILINE)
    assert found is not None, said
    return int(float(found[1]))


def test_ten_thousand_are_requeued_by_buttons_each_once_though_the_worker_is_killed(
    operator: Open, crowded: Stack, redis: Redis
) -> None:
    failed = {id.decode() for id in cast(list[bytes], redis.zrange(index_key("all", Status.FAILED), 0, -1))}
    assert len(failed) == TEN_THOUSAND
    worker = crowded.processes.worker("headway")
    page = operator("/jobs?status=failed")
    page.get_by_label("Select all shown").check()
    page.get_by_role("button", name="Select all 10,000 that match").click()
    page.locator(".bulk").get_by_role("button", name="Requeue").click()
    expect(page.locator("dialog.sure")).to_contain_text("Requeue 10,000 jobs?")
    page.locator("dialog.sure").get_by_role("button", name="Requeue").click()
    bar = page.locator(".card job-progress")
    expect(bar).to_have_attribute("status", "started")
    action = str(bar.get_attribute("job"))
    left = f"headway:action:{action}:ids"
    until(lambda: redis.llen(left) < TEN_THOUSAND - 1_000, "some of them")
    worker.kill()
    worker.wait()
    assert 0 < redis.llen(left) < TEN_THOUSAND - 1_000
    expect(bar).to_have_attribute("status", "lost")
    crowded.processes.worker("headway")
    expect(bar).to_have_attribute("status", "finished", timeout=DONE_WITHIN * 1000)
    assert bar.locator("progress").evaluate("bar => bar.value / bar.max") == 1
    state = crowded.job(crowded.session(), action)
    assert (state["completed"], state["total"]) == (TEN_THOUSAND, TEN_THOUSAND)
    assert (state["attempt"], state["result"]) == (2, {"done": TEN_THOUSAND, "skipped": 0, "failed": {}})
    waiting = Counter(id.decode() for id in cast(list[bytes], redis.lrange("rq:queue:headway.default", 0, -1)))
    assert {waiting[id] for id in failed} == {1}
    states = [row.state for row in store.load_many(redis, sorted(failed)) if row is not None]
    assert Counter((state.status, state.attempt) for state in states) == {(Status.QUEUED, 2): TEN_THOUSAND}
    assert redis.zcard(index_key("all", Status.FAILED)) == 0
