"""Processes under one supervisor."""

import io
import os
import signal
import sys
import time
from pathlib import Path

import pytest

from tests.conftest import ROOT
from workers.supervisor import Supervisor


def test_a_part_that_can_not_start_ends_the_rest_with_its_code() -> None:
    out = io.StringIO()
    supervisor = Supervisor(ROOT, os.environ, out)
    supervisor.add("long", ["sleep", "60"])
    supervisor.add("short", ["sh", "-c", "echo first; echo last without an end >&2; printf tail; exit 3"])
    assert supervisor.run() == 3
    lines = out.getvalue().splitlines()
    said = [line.split("| ")[1] for line in lines if line.startswith("short")]
    assert said == ["first", "last without an end", "tail"]
    assert any(line.startswith("headway") and "short ended with exit code 3" in line for line in lines)


def test_a_part_that_does_not_end_is_ended() -> None:
    out = io.StringIO()
    supervisor = Supervisor(ROOT, os.environ, out, grace=0.3)
    supervisor.add("deaf", [sys.executable, "-m", "tests.deaf"])
    supervisor.wait_until(lambda: "listens to nobody" in out.getvalue(), 5)
    supervisor.stop()
    began = time.monotonic()
    assert supervisor.run() == 0
    assert time.monotonic() - began < 5


WORKER = """
import os, signal
def end(*_):
    with open("/proc/%s/stat" % os.environ["DATABASE"]) as file: print("the database is there", file.read()[:0])
    os._exit(0)
signal.signal(signal.SIGTERM, end)
print("ready", flush=True)
while True: signal.pause()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="systemd's and the kernel's part is Linux's own")
def test_what_outlasts_the_others_is_there_for_them_though_all_were_asked_at_once() -> None:
    out = io.StringIO()
    supervisor = Supervisor(ROOT, os.environ, out)
    supervisor.add("database", ["sh", "-c", "echo pid $$; exec sleep 60"], outlasts=True)
    assert supervisor.wait_until(lambda: "pid" in out.getvalue(), 15)
    pid = out.getvalue().split("pid ")[1].split()[0]
    supervisor.add("worker", [sys.executable, "-c", WORKER], environment={**os.environ, "DATABASE": pid})
    assert supervisor.wait_until(lambda: "ready" in out.getvalue(), 15)
    os.kill(int(pid), signal.SIGTERM)
    supervisor.stop()
    assert supervisor.run() == 0
    assert "the database is there" in out.getvalue() and not Path(f"/proc/{pid}").exists()


class Gone(io.StringIO):
    """A pipe that nobody reads any more."""

    def write(self, text: str) -> int:
        raise BrokenPipeError(text)


def test_a_reader_that_has_gone_is_no_reason_to_go_too(tmp_path: Path) -> None:
    supervisor = Supervisor(ROOT, os.environ, Gone())
    mark = tmp_path / "mark"
    supervisor.add("talks", ["sh", "-c", f"echo word; sleep 0.2; echo word; touch {mark}; exec sleep 60"])
    assert supervisor.wait_until(mark.exists, 5)
    supervisor.stop()
    assert supervisor.run() == 0


def test_asked_to_end_before_a_part_gave_up_it_ends_in_peace() -> None:
    supervisor = Supervisor(ROOT, os.environ, io.StringIO())
    supervisor.stop()
    supervisor.give_up("too late to matter")
    assert supervisor.run() == 0


def test_what_a_part_prints_can_not_play_with_the_terminal() -> None:
    """What strangers sent stands in logs: it must not move the cursor, nor begin a line in another part's name."""
    out = io.StringIO()
    supervisor = Supervisor(ROOT, os.environ, out)
    supervisor.add("part", ["printf", r"a\tb \033[31mred \r over \302\233m \342\200\256 turned\nnext\n"])
    supervisor.wait_until(lambda: "next" in out.getvalue(), 5)
    supervisor.stop()
    supervisor.run()
    lines = [line for line in out.getvalue().splitlines() if line.startswith("part")]
    assert lines[0].endswith("| a\tb \\u001b[31mred \\u000d over \\u009bm \\u202e turned") and lines[1].endswith(
        "| next"
    )


def test_a_line_that_does_not_end_is_printed_in_pieces() -> None:
    out = io.StringIO()
    supervisor = Supervisor(ROOT, os.environ, out)
    supervisor.add(
        "part", [sys.executable, "-c", "import time; print('x' * 300_000, end='', flush=True); time.sleep(60)"]
    )
    assert supervisor.wait_until(lambda: out.getvalue().count("x") >= 200_000, 10)
    supervisor.stop()
    supervisor.run()
