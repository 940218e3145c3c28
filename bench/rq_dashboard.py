"""rq-dashboard beside ours, on the same Redis with the same jobs: what their tabs cost, long lists, and how soon."""

import os
import random
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from functools import partial
from statistics import median
from typing import cast

import requests
from playwright.sync_api import BrowserContext, sync_playwright

from bench import rq_dashboard_server
from bench.lab import TOKEN, Lab, free_port, until
from bench.population import FAILED, MOVED, QUEUES, RATE, WORKERS, Mover, fill, rests, submitter
from bench.tabs import Board, Counts, Tabs, View
from tests.browsers import FLAGS, find
from tests.conftest import is_ready
from workers import sweeper
from workers.queue import Jobs
from workers.wire import Status, index_key

OURS, THEIRS = "Headway", f"rq-dashboard {rq_dashboard_server.VERSION}"
VIEWS = ("queues", "jobs", "workers")
MANY = 20
# view, whose, tabs, browsers; twenty browsers where most is watched
Crowd = tuple[str, str, int, int]
NOBODY: Crowd = ("", OURS, 0, 0)
CROWDS: tuple[Crowd, ...] = (
    *((view, whose, count, 1) for view in VIEWS for whose in (OURS, THEIRS) for count in (1, MANY)),
    ("jobs", OURS, MANY, MANY),
)
SETTLED = 2.0  # seconds after jobs begin to move
PAGES, PAGE = (1, 100, 400), 50  # jobs a page: as ours has it, and as theirs can be set
TRIES = 3
AFTER = 1.0  # seconds after a page shows its jobs for which its commands are counted
NO_MORE = "setTimeout = (of => (act, ms, ...more) => ms === 2500 ? 0 : of(act, ms, ...more))(setTimeout)"  # polls
ENDS = 15
# when something was first seen: after each change of the page it is looked for, in the same task
WATCH = """([kind, queue, least]) => {
  const shows = {
    Headway: () => document.querySelector("job-status")?.textContent === "finished",
    RIVAL: () => /Status:\\s*finished/.test(document.querySelector("#job-data")?.textContent ?? ""),
    count: () => [...document.querySelectorAll("tbody tr")].some(({ cells }) =>
      cells[0]?.textContent.trim() === queue && Number(cells[5]?.textContent.replace(/\\D/g, "")) >= least),
  }[kind];
  window.seen = null;
  const look = () => { if (window.seen === null && shows()) window.seen = Date.now(); };
  window.watching?.disconnect();
  window.watching = new MutationObserver(look);
  window.watching.observe(document.body, { childList: true, subtree: true, characterData: true });
  look();
}""".replace("RIVAL", f'"{THEIRS}"')
ENDING = {  # view → whose → the path of a page, and what is there once it can be read
    "job": {
        OURS: ("/jobs/{}", "job-status"),
        THEIRS: ("/0/view/job/{}", "#job-data p"),
    },
    "queues": {
        OURS: ("/queues", "table.queues tbody tr"),
        THEIRS: ("/0/view/queues", "tr[data-role=queue]"),
    },
}

Found = dict[Crowd, dict[bool, list[Counts]]]  # → whether something moves → in each round
Boards = dict[str, Board]


def report(lab: Lab, rounds: int, seconds: float) -> None:
    """Measure, and print as it comes."""
    python = rq_dashboard_server.python()
    jobs = submitter(lab.redis)
    scheduled = fill(jobs)
    settings = {"HEADWAY_QUEUES": ",".join(QUEUES)}
    with ExitStack() as stack:
        for queue in WORKERS:
            stack.enter_context(lab.running(["workers.main", "worker", "--queue", queue], settings, lab.cores.rest))
        until(lambda: rests(lab.redis), 120)
        playwright = stack.enter_context(sync_playwright())
        path = find()
        launched = [playwright.chromium.launch(executable_path=path, args=FLAGS) for _ in (OURS, THEIRS)]
        tabs, other = (Tabs(browser, lab.redis) for browser in launched)
        with _boards(lab, python, settings) as boards:
            _report_ends({OURS: tabs, THEIRS: other}, jobs, boards, scheduled)
            swept = tabs.count(seconds, boards[OURS].pid).commands
            # what the sweeper compares each 5 s is many commands at once, and of no tab: it rests meanwhile
            lab.redis.set(sweeper.LOCK, "a bench")
            _report_pages(lab, tabs, boards, seconds)
            _report_tabs(tabs, jobs, boards, rounds, seconds)
            _report_bytes(tabs, jobs, boards, seconds)
            unswept = tabs.count(seconds, boards[OURS].pid).commands
        workers = tabs.count(seconds, os.getpid()).commands
        print(f"with no tab open Redis takes {swept:.0f} commands a second: {workers:.0f} of the workers,")
        print(f"{swept - unswept:.0f} of Headway's sweeper, {unswept - workers:.0f} of what else its server does")
        for browser in launched:
            browser.close()


@contextmanager
def _boards(lab: Lab, python: str, settings: dict[str, str]) -> Iterator[Boards]:
    """Both servers, on the same Redis."""
    port, other = free_port(), free_port()
    command = rq_dashboard_server.command(other, lab.url)
    with (
        lab.running(["realtime.server"], {**settings, "PORT": str(port)}, lab.cores.server) as ours,
        lab.running(command, {}, lab.cores.server, python) as theirs,
    ):
        finished = f"/jobs?q=queue:{MOVED}&status=finished"
        views = {
            "queues": View("/queues", "table.queues tbody tr"),
            "jobs": View(finished, ".job"),
            "workers": View("/workers", "table.workers tbody tr"),
        }
        others = {
            "queues": View("/0/view/queues", "tr[data-role=queue]"),
            "jobs": View(f"/0/view/jobs/{MOVED}/finished/8/dsc/1", "tr[data-role=job]"),
            "workers": View("/0/view/workers", "tr[data-role=worker]"),
        }
        boards = {
            OURS: Board(f"http://127.0.0.1:{port}", ours, views, TOKEN),
            THEIRS: Board(f"http://127.0.0.1:{other}", theirs, others),
        }
        until(lambda: is_ready(boards[OURS].url), 60)
        until(lambda: _answers(boards[THEIRS]), 60)
        yield boards


def _answers(board: Board) -> bool:
    try:
        return requests.get(f"{board.url}/0/data/queues.json", timeout=5).ok
    except requests.RequestException:
        return False


# -- tabs


def _report_tabs(tabs: Tabs, jobs: Jobs, boards: Boards, rounds: int, seconds: float) -> None:
    """All take turns, so that what else the machine does befalls all."""
    found: Found = defaultdict(lambda: defaultdict(list))
    crowds = (NOBODY, *CROWDS)
    mover = Mover(jobs)
    each = _cost(tabs, mover, seconds)
    for _ in range(rounds):
        for crowd in crowds:
            view, whose, count, in_browsers = crowd
            with tabs.opened(boards[whose], view, count, in_browsers):
                for moves in (False, True):
                    with mover.moving() if moves else nullcontext():
                        tabs.pause(SETTLED)
                        counts = tabs.count(seconds, boards[whose].pid, lambda: mover.count * each)
                        found[crowd][moves].append(counts)
    print(f"{'tabs that are open':48}{'commands/s':>12}{f'{RATE} ends/s':>12}{'connects/s':>12}", end="")
    print(f"{'server, %':>12}{'Redis, %':>12}{'errors/s':>12}")
    for crowd in crowds:
        _print_crowd(crowd, found)
    print(f"    rounds: {rounds}, of {seconds:.0f} s each; medians\n", flush=True)


def _cost(tabs: Tabs, mover: Mover, seconds: float) -> float:
    """Commands of one end, with those of the busy worker in its time."""
    rest = tabs.count(seconds, os.getpid()).commands
    with mover.moving():
        tabs.pause(SETTLED)
        before = mover.count
        moved = tabs.count(seconds, os.getpid()).commands
        return (moved - rest) * seconds / (mover.count - before)


def _print_crowd(crowd: Crowd, found: Found) -> None:
    view, whose, count, in_browsers = crowd

    def middle(moves: bool, figure: Callable[[Counts], float]) -> float:
        """What is more than with no tab open."""
        pairs = zip(found[crowd][moves], found[NOBODY][moves], strict=True)
        return median(figure(here) - (figure(none) if crowd != NOBODY else 0.0) for here, none in pairs)

    name = (
        f"{view:8} {whose:18} {count:2} in {in_browsers}"
        if count
        else "none: both servers, workers, jobs; the rest is more"
    )
    figures = [
        middle(False, lambda counts: counts.commands),
        middle(True, lambda counts: counts.commands),
        middle(False, lambda counts: counts.connections),
        median(counts.server_core for counts in found[crowd][True]),
        middle(True, lambda counts: counts.redis_core),
        median(counts.errors for counts in found[crowd][True]),
    ]
    print(f"{name:48}" + "".join(f"{figure:12.1f}" for figure in figures))


def _report_bytes(tabs: Tabs, jobs: Jobs, boards: Boards, seconds: float) -> None:
    mover = Mover(jobs)
    print(f"bytes a second that one tab receives{'at rest':>24}{f'{RATE} ends/s':>12}")
    for view in VIEWS:
        for whose, board in boards.items():
            rest = tabs.received(board, view, seconds)
            with mover.moving():
                moved = tabs.received(board, view, seconds)
            print(f"{view:8} {whose:39}{rest:12,.0f}{moved:12,.0f}", flush=True)
    print()


# -- a long list


def _report_pages(lab: Lab, tabs: Tabs, boards: Boards, seconds: float) -> None:
    nobody = tabs.count(seconds, boards[OURS].pid).commands
    print(f"a page of {PAGE} of {FAILED:,} failed jobs             commands    ms until it shows them   jobs on it")
    with tabs.session(boards[OURS]) as ours, tabs.session(boards[THEIRS], NO_MORE) as theirs:
        for page in PAGES:
            paths = {
                OURS: (ours, f"/jobs?q=queue:{MOVED}&status=failed{_cursor(lab, page)}", ".job"),
                THEIRS: (theirs, f"/0/view/jobs/{MOVED}/failed/{PAGE}/asc/{page}", "tr[data-role=job]"),
            }
            taken: dict[str, list[tuple[float, float, int]]] = {OURS: [], THEIRS: []}
            for _ in range(TRIES):
                for whose, (context, path, shows) in paths.items():
                    taken[whose].append(_open(tabs, context, boards[whose].url + path, shows, nobody))
            for whose, tries in taken.items():
                commands, took, rows = (median(values) for values in zip(*tries, strict=True))
                print(f"page {page:3} {whose:39}{commands:12,.0f}{took:12,.0f}{rows:12,.0f}", flush=True)
    print()


def _cursor(lab: Lab, page: int) -> str:
    """Ours goes on from the last job of the page before."""
    if page == 1:
        return ""
    index = index_key(f"queue:{MOVED}", Status.FAILED)
    last = (page - 1) * PAGE - 1
    [(_, score)] = cast(list[tuple[bytes, float]], lab.redis.zrevrange(index, last, last, withscores=True))
    return f"&cursor={score:.0f}"


def _open(tabs: Tabs, context: BrowserContext, address: str, shows: str, nobody: float) -> tuple[float, float, int]:
    """(commands, ms, rows): with what the page asks for in the second after, and less what all else sends."""
    page = context.new_page()
    before, began = tabs.commands(), time.monotonic()
    page.goto(address, wait_until="commit")
    page.locator(shows).first.wait_for()
    took = time.monotonic() - began
    tabs.pause(AFTER)
    commands = tabs.commands() - before - nobody * (time.monotonic() - began)
    rows = page.locator(shows).count()
    page.close()
    return commands, took * 1000, rows


# -- how soon


def _report_ends(tabs: dict[str, Tabs], jobs: Jobs, boards: Boards, scheduled: list[str]) -> None:
    """The same ends, seen by both; each page lies in front in a browser of its own: what is behind is not painted."""
    print(f"ms from a job's end in Redis until it can be seen{'median':>11}{'quickest':>12}{'slowest':>12}")
    with tabs[OURS].session(boards[OURS]) as ours, tabs[THEIRS].session(boards[THEIRS]) as theirs:
        pages = {OURS: ours.new_page(), THEIRS: theirs.new_page()}
        for view, ids in (("job", scheduled[:ENDS]), ("queues", scheduled[ENDS : 2 * ENDS])):
            late: dict[str, list[float]] = defaultdict(list)
            for id in ids:
                least = int(jobs.redis.zcard(index_key(f"queue:{MOVED}", Status.FINISHED))) + 1
                for whose, page in pages.items():
                    path, shows = ENDING[view][whose]
                    page.goto(boards[whose].url + path.format(id))
                    page.locator(shows).first.wait_for()
                    page.evaluate(WATCH, ["count" if view == "queues" else whose, MOVED, least])
                tabs[OURS].pause(random.uniform(0.5, 3.0))  # so that the next poll is as far away as it happens to be
                jobs.enqueue(id)
                for whose, page in pages.items():
                    until(partial(page.evaluate, "window.seen !== null"))
                    late[whose].append(page.evaluate("window.seen") - jobs.load(id).state.version / 1000)
            for whose, times in late.items():
                print(f"{view:8} {whose:39}{median(times):12,.0f}{min(times):12,.0f}{max(times):12,.0f}", flush=True)
    print(f"    {ENDS} ends each\n", flush=True)
