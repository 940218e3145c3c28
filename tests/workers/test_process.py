"""What one process asks of the kernel."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT, until
from workers.process import asked_to_end, how_it_ended

PARENT = """
import signal, subprocess, sys
from workers.process import die_with_parent
child = subprocess.Popen(["sleep", "60"], preexec_fn=lambda: die_with_parent(signal.SIGTERM))
print(child.pid, flush=True)
sys.stdin.read()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's part is Linux's own")
def test_a_child_goes_with_its_parent() -> None:
    command = [sys.executable, "-c", PARENT]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        child = Path(f"/proc/{int(parent.stdout.readline())}/exe")
        assert child.exists()
        parent.kill()
    until(lambda: not child.exists(), "the child's end")


HORSE = """
import multiprocessing, os, signal, subprocess, sys, time
from workers.process import outlast_requests_to_end
outlast_requests_to_end()
for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
    os.kill(os.getpid(), number)
program = subprocess.Popen(["sleep", "60"])
fork = multiprocessing.get_context("fork").Process(target=time.sleep, args=(60,))
fork.start()
for child in (program, fork):
    child.terminate()
fork.join()
print(program.wait(), fork.exitcode)
"""


def test_a_horse_goes_on_when_asked_to_end_and_what_its_job_starts_ends() -> None:
    command = [sys.executable, "-c", HORSE]
    assert subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout == "-15 -15\n"


@pytest.mark.parametrize(("handler", "asks"), [(signal.SIG_DFL, True), (signal.SIG_IGN, False)])
def test_a_terminal_that_goes_asks_for_the_end_but_under_nohup(handler: signal.Handlers, asks: bool) -> None:
    before = signal.signal(signal.SIGHUP, handler)
    try:
        assert (signal.SIGHUP in asked_to_end()) == asks
    finally:
        signal.signal(signal.SIGHUP, before)


def test_what_is_closed_leads_nowhere_and_nothing_else_takes_its_place() -> None:
    """As a service manager or `>&-` starts a process."""
    script = "from workers.process import open_standard_streams as o; o(); import os; os._exit(os.dup(0) - 3)"
    closed = f"exec {sys.executable} -c {script!r} 0<&- 1>&- 2>&-"
    assert subprocess.run(["sh", "-c", closed], cwd=ROOT, check=False).returncode == 0


@pytest.mark.parametrize(
    ("wait_status", "words"),
    [
        (9, "was killed by SIGKILL (signal 9)"),
        (40, "was killed by signal 40"),
        (0, "ended with exit code 0 in the middle of it"),
        (3 << 8, "ended with exit code 3 in the middle of it"),
        (None, "went away"),
    ],
)
def test_an_end_is_said_in_words(wait_status: int | None, words: str) -> None:
    assert how_it_ended(wait_status) == words
