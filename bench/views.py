"""The dashboard's views on 100,000 jobs, 10,000 running: when each is usable, what its page and Redis have of it."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import median
from typing import Any, cast

from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright
from rq.job import JobStatus

from bench.lab import TOKEN, Lab, Server
from bench.publisher import HEADWAY
from bench.small_jobs import submitter
from tests import browsers, population
from tests.monitor import Monitor
from workers import sweeper

JOBS = 100_000
ROUNDS = 7
TABS = 20
WATCHED = 5.0  # seconds for which commands are counted while views are open
OPENED_WITHIN = 120.0  # seconds; twenty at a time
SETTLE = 1.5  # seconds after which a view that was opened asks for nothing more
NEEDLE = "the one needle"
READY = """(selector) => new Promise((done) => {
  const look = () => {
    if (document.querySelector(selector) === null) return requestAnimationFrame(look);
    // it is in the document, and painted once this frame is over
    requestAnimationFrame(() => setTimeout(() => done(performance.now())));
  };
  look();
})"""


@dataclass(frozen=True)
class View:
    name: str
    path: str
    content: str  # the first of what it is for, as a selector


@dataclass
class Seen:
    usable: list[float]  # ms from the beginning of the navigation
    heap: float  # MB
    elements: int
    opening: int  # commands of Redis
    within: int  # and those inside of scripts
    empty: int  # times that nothing was found


def report(lab: Lab) -> None:
    with lab.serve(HEADWAY) as server:
        lab.redis.set(sweeper.LOCK, "a bench", ex=3600)
        began = time.monotonic()
        submitter(lab).submit("sum_numbers", {"text": NEEDLE}, owner="bench")  # the oldest of all
        population.fill(lab.redis, JOBS)
        print(f"    {JOBS:,} jobs made in {time.monotonic() - began:.1f} s", flush=True)
        with (
            lab.running(["tests.population", lab.url], {}, lab.cores.rest),
            lab.running(["workers.main", "worker", "--queue", "headway"], {}, lab.cores.rest),
            sync_playwright() as playwright,
        ):
            browser = playwright.chromium.launch(executable_path=browsers.find(), args=browsers.FLAGS)
            views = _views(lab)
            _alone(lab, server, browser, views)
            _together(lab, server, browser, views)
            browser.close()


def _views(lab: Lab) -> list[View]:
    rank = JOBS * population.SHARES[JobStatus.QUEUED] // 2000
    [(id, order)] = cast(Any, lab.redis.zrange("headway:all:queued", rank, rank, withscores=True))
    return [
        View("queues", "/queues", "table.queues tbody tr"),
        View("jobs", "/jobs", ".found .job"),
        View("jobs, failed", "/jobs?status=failed", ".found .job"),
        View("jobs, page 1,000", f"/jobs?cursor={order:.0f}", ".found .job"),
        View("jobs, by id", f"/jobs?q={id.decode()}", ".found .job"),
        View("jobs, by argument", f"/jobs?q={NEEDLE.replace(' ', '+')}", ".found .job, .found .nothing"),
        View("a job", f"/jobs/{id.decode()}", "main .head h1"),
        View("workers", "/workers", "table.workers tbody tr"),
        View("audit", "/audit", "table.audit tbody tr"),
    ]


def _operator(browser: Browser, server: Server) -> BrowserContext:
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    context.request.post(f"{server.url}/login", data={"token": TOKEN})
    return context


def _alone(lab: Lab, server: Server, browser: Browser, views: Sequence[View]) -> None:
    heads = ("usable, ms", "at most", "heap, MB", "elements", "commands", "in scripts")
    print(f"    {'':18}" + "".join(f"{head:>11}" for head in heads))
    context = _operator(browser, server)
    page = context.new_page()
    for view in views:
        seen = _look(lab, server, page, view)
        times = f"{median(seen.usable):11.0f}{max(seen.usable):11.0f}"
        costs = f"{seen.heap:11.1f}{seen.elements:11,}{seen.opening:11,}{seen.within:11,}"
        # a search has 2 s, and says then that it goes on
        note = f"  (not found in time: {seen.empty} of {ROUNDS})" if seen.empty else ""
        print(f"    {view.name:18}{times}{costs}{note}", flush=True)
    context.close()


def _look(lab: Lab, server: Server, page: Page, view: View) -> Seen:
    usable, empty = [], 0
    for _ in range(ROUNDS):
        usable.append(_open(page, server, view))
        empty += page.locator(".found .nothing").count()
    with Monitor(lab.url) as monitor:
        page.goto("about:blank")
        before = len(monitor.asked())
        _open(page, server, view)
        page.wait_for_timeout(SETTLE * 1000)
        asked = monitor.asked()[before:]
    inside = sum(command.inside for command in asked)
    client = page.context.new_cdp_session(page)
    client.send("Performance.enable")
    client.send("HeapProfiler.collectGarbage")
    metrics = {entry["name"]: entry["value"] for entry in client.send("Performance.getMetrics")["metrics"]}
    elements = page.evaluate("document.querySelectorAll('*').length")
    return Seen(usable, metrics["JSHeapUsedSize"] / 1e6, elements, len(asked) - inside, inside, empty)


def _open(page: Page, server: Server, view: View) -> float:
    """ms from the beginning of the navigation until the content is painted and its scripts have run."""
    page.goto(server.url + view.path, wait_until="commit")
    return float(page.evaluate(READY, view.content))


def _together(lab: Lab, server: Server, browser: Browser, views: Sequence[View]) -> None:
    print(f"    commands a second, open    {'none':>8} {'1 tab':>8} {f'{TABS} tabs':>8} {f'{TABS} browsers':>12}")
    nothing = _rate(lab)
    for view in views[:2]:
        rates = []
        for contexts, tabs in ((1, 1), (1, TABS), (TABS, 1)):
            with _opened(server, browser, view, contexts, tabs):
                rates.append(_rate(lab))
        one, many, browsers_ = rates
        print(f"    {view.name:26} {nothing:8.1f} {one:8.1f} {many:8.1f} {browsers_:12.1f}", flush=True)


@contextmanager
def _opened(server: Server, browser: Browser, view: View, contexts: int, tabs: int) -> Iterator[None]:
    opened = [_operator(browser, server) for _ in range(contexts)]
    for context in opened:
        context.set_default_timeout(OPENED_WITHIN * 1000)
        for _ in range(tabs):
            page = context.new_page()
            page.goto(server.url + view.path, wait_until="commit")
    for context in opened:
        for page in context.pages:
            page.locator("connection-status[state=live]").wait_for()
            page.locator(view.content).first.wait_for()
    time.sleep(SETTLE)
    yield
    for context in opened:
        context.close()


def _rate(lab: Lab) -> float:
    """Commands a second that Redis is asked for anybody's view, those of scripts too."""
    with Monitor(lab.url) as monitor:
        before, began = len(monitor.asked()), time.monotonic()
        time.sleep(WATCHED)
        return (len(monitor.asked()) - before) / (time.monotonic() - began)
