"""`make bench`: starts servers, measures, prints one table. `python -m bench PART`: what else is measured."""

import argparse
import signal
import subprocess
import sys
import tempfile
from types import FrameType

from bench import (
    comparison,
    dashboard,
    growth,
    hostile,
    log_flood,
    outage,
    pages,
    rows,
    rq_dashboard,
    stuck_reader,
    views,
)
from bench.lab import Lab
from bench.machine import ROOT, Cores, describe, pin

PARTS = ("stuck", "outage", "growth", "logs", "rows", "dashboard", "views", "rq-dashboard", "hostile", "pages")
STOPS = (signal.SIGTERM, signal.SIGINT)


def main(part: str, rounds: int, seconds: float) -> int:
    for number in STOPS:
        signal.signal(number, _stop)
    cores = Cores.of_this_process()
    if part != "outage":
        pin(0, cores.rest)
    with tempfile.TemporaryDirectory(prefix="headway-bench-") as folder:
        lab = Lab(folder, cores, seconds)
        try:
            lab.start()
            print(describe(lab.redis, cores), end="\n\n", flush=True)
            if part == "all":
                comparison.report(lab, rounds)
            elif part == "stuck":
                stuck_reader.report(stuck_reader.measure(lab))
            elif part == "rows":
                rows.report(lab, 60 * seconds)
            elif part == "growth":
                growth.report(lab)
            elif part == "logs":
                log_flood.report(lab, rounds)
            elif part == "dashboard":
                dashboard.report(lab)
            elif part == "rq-dashboard":
                rq_dashboard.report(lab, rounds, 4 * seconds)
            elif part == "views":
                views.report(lab)
            elif part == "hostile":
                hostile.report(lab)
            elif part == "pages":
                pages.report()
            else:
                _outage(lab)
        except (Exception, SystemExit):
            print(lab.last_words(), file=sys.stderr)
            raise
        finally:
            lab.close()
    return 0


def _stop(number: int, _: FrameType | None) -> None:
    """End what was started; asked twice, as by `timeout`, we must not leave in the midst of that."""
    for other in STOPS:
        signal.signal(other, signal.SIG_IGN)
    sys.exit(128 + number)


def _outage(lab: Lab) -> None:
    # the server is there for its sweeper, which judges silent workers
    lab.processes.append(
        subprocess.Popen([sys.executable, "-m", "realtime.server"], cwd=ROOT, env={**lab.environment, "PORT": "0"})
    )
    outage.report(lab.settings, lab.environment, lab.processes)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("part", nargs="?", choices=["all", *PARTS], default="all")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=4.0, help="of each load")
    options = parser.parse_args()
    sys.exit(main(options.part, options.rounds, options.seconds))
