"""What the server costs as watchers, and updates, become ten times as many: `python -m bench growth`."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import matplotlib
from matplotlib.figure import Figure

from bench.lab import Lab, Server
from bench.loads import WARM_UP, connect, let_watch, names, open_dashboards
from bench.machine import ROOT, Work, memory
from bench.publisher import HEADWAY

WATCHERS = (100, 1_000, 10_000)  # of one job
WATCHED_RATE = 2  # updates a second: as much as 10,000 readers in one process can follow
RATES = (100, 1_000, 10_000, 20_000)  # updates a second
JOBS, DASHBOARDS = 100, 10  # that move so often, and that show them all
PICTURE = ROOT / "bench/growth.svg"


@dataclass(frozen=True)
class Point:
    size: int  # watchers, or updates a second
    reached: float  # updates a second
    share: float  # % of a core
    memory: float  # MB


def report(lab: Lab) -> None:
    watchers = [_measure(lab, count, 1, WATCHED_RATE, _watch(count)) for count in WATCHERS]
    _print(f"watchers of one job that moves {WATCHED_RATE} times a second", watchers)
    rates = [_measure(lab, rate, JOBS, rate, _show) for rate in RATES]
    _print(f"updates a second, {JOBS} jobs, {DASHBOARDS} dashboards", rates)
    _draw(watchers, rates)
    print(f"drawn in {PICTURE.relative_to(ROOT)}")


def _watch(count: int) -> Callable[[Lab, Server, Sequence[str]], None]:
    def let_all_watch(lab: Lab, server: Server, ids: Sequence[str]) -> None:
        connect(lab, server, count)
        let_watch(lab, server, ids)

    return let_all_watch


def _show(lab: Lab, server: Server, ids: Sequence[str]) -> None:
    open_dashboards(lab, server, ids, DASHBOARDS)


def _measure(lab: Lab, size: int, jobs: int, rate: float, come: Callable[[Lab, Server, Sequence[str]], None]) -> Point:
    ids = names(jobs)
    with lab.serve(HEADWAY) as server:
        lab.publisher.ask("prepare", HEADWAY, ids)
        come(lab, server, ids)
        lab.publisher.ask("run", HEADWAY, ids, rate, 2 * WARM_UP)
        began, work = time.monotonic(), Work(server.pid)
        published = lab.publisher.ask("run", HEADWAY, ids, rate, lab.seconds)
        seconds = time.monotonic() - began
        return Point(size, sum(map(len, published.values())) / seconds, work.share(), memory(server.pid) / 1e6)


def _print(title: str, points: Sequence[Point]) -> None:
    print(f"{title:55}{'published/s':>12}{'core, %':>9}{'MB':>7}")
    for point in points:
        print(f"{point.size:55,}{point.reached:12,.0f}{point.share:9.1f}{point.memory:7.0f}", flush=True)


def _draw(watchers: Sequence[Point], rates: Sequence[Point]) -> None:
    matplotlib.rcParams["svg.fonttype"] = "none"  # text stays text
    matplotlib.rcParams["svg.hashsalt"] = "headway"  # the same figures, the same file
    figure = Figure(figsize=(9, 3.2), layout="constrained")
    titles = (f"watchers, {WATCHED_RATE} updates/s", f"updates/s, {DASHBOARDS} dashboards of {JOBS} jobs")
    for axes, points, title in zip(figure.subplots(1, 2), (watchers, rates), titles, strict=True):
        sizes = [point.size for point in points]
        axes.plot(sizes, [point.share for point in points], "o-", color="tab:blue", label="% of a core")
        axes.plot(sizes, [point.memory for point in points], "s--", color="tab:orange", label="MB resident")
        axes.set_xscale("log")
        axes.set_ylim(bottom=0)
        axes.set_xlabel(title)
        axes.legend()
    figure.savefig(PICTURE, metadata={"Date": None})
