"""What the largest pages cost: counting their words, each in a process of its own."""

import multiprocessing
import resource
import sys
import time
from multiprocessing.connection import Connection
from typing import Final

from workers.fetch import SIZE_LIMIT
from workers.jobs.words import count_page

# what is repeated until the page is as large as a page may be
REPEATED: Final = {
    "<p>a": "<p>a",
    "prose": "<p>" + "word " * 60 + "</p>\n",
    "unclosed <font>": "<p><font color=red>w",
    "nested <div>": "<div>",
    "nested <div><p>": "<div><p>",
    "tags with values": "<p a='1'>",
    "attributes": ' <a b c="d">',
    "one word in <b>": "<b>x</b>",
    "table in table": "<table><tr><td>",
    "&amp;": "&amp;",
    "<": "<",
}


def report() -> None:
    print(f"{SIZE_LIMIT:,} bytes of each          seconds of CPU   MB at most")
    for name, part in REPEATED.items():
        seconds, peak = measure(part)
        print(f"{name:28} {seconds:14.1f} {peak / 1024**2:14.0f}", flush=True)


def measure(part: str) -> tuple[float, int]:
    """Seconds of CPU, and the most bytes that the process had, the page itself counted in."""
    ours, its = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=_count, args=(part, its))
    process.start()
    its.close()
    seconds, peak = ours.recv()
    process.join()
    return seconds, peak


def _count(part: str, answer: Connection) -> None:
    page = part * (SIZE_LIMIT // len(part))
    began = time.process_time()
    count_page(page)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    answer.send((time.process_time() - began, peak))
