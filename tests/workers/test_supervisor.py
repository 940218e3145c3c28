"""Processes under one supervisor."""

import os
import re
import signal
import sys
import time
from pathlib import Path

import pytest

from tests.conftest import ROOT, Processes
from tests.no_files import no_files
from tests.said import Said
from workers import supervisor as supervisor_module
from workers.environment import of_parts
from workers.errors import AWAY, WRONG
from workers.output import Output
from workers.queue import Jobs
from workers.supervisor import EARLY, Part, Supervisor
from workers.watchdog import Watchdog


def test_a_part_that_can_not_start_ends_the_rest_with_its_code(said: Said) -> None:
    supervisor = Supervisor(ROOT, os.environ, said.out)
    supervisor.add("long", ["sleep", "60"])
    supervisor.add("short", ["sh", "-c", "echo first; echo last without an end >&2; printf tail; exit 3"])
    assert supervisor.run() == 3
    assert said.lines("short") == ["first", "last without an end", "tail"]
    assert "short ended with exit code 3 at its start" in said.lines("headway")


def test_a_part_that_does_not_end_is_ended(said: Said) -> None:
    supervisor = Supervisor(ROOT, os.environ, said.out, grace=0.3)
    supervisor.add("deaf", [sys.executable, "-m", "tests.deaf"])
    assert supervisor.wait_until(lambda: "listens to nobody" in said.text, 15)
    supervisor.stop()
    began = time.monotonic()
    assert supervisor.run() == 0
    assert time.monotonic() - began < 5


def test_asked_twice_it_does_not_wait_for_a_job_which_goes_back_to_its_queue(
    said: Said, jobs: Jobs, processes: Processes
) -> None:
    given = {**os.environ, **processes.environment, "HEADWAY_GRACE": "60"}
    supervisor = Supervisor(ROOT, given, said.out, grace=60)
    id = jobs.submit("create_task", {"task_type": 3}, owner="me").state.id
    supervisor.add("worker", [sys.executable, "-m", "workers.main", "worker"])
    assert supervisor.wait_until(lambda: jobs.load(id).state.status == "started", 15)
    supervisor.stop()
    supervisor.stop()
    assert supervisor.run() == 0
    state = jobs.load(id).state
    assert (state.status, state.attempt) == ("queued", 2)


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
def test_what_outlasts_the_others_is_there_for_them_though_all_were_asked_at_once(said: Said) -> None:
    supervisor = Supervisor(ROOT, os.environ, said.out)
    supervisor.add("database", ["sh", "-c", "echo pid $$; exec sleep 60"], outlasts=True)
    assert supervisor.wait_until(lambda: "pid" in said.text, 15)
    pid = said.text.split("pid ")[1].split()[0]
    supervisor.add("worker", [sys.executable, "-c", WORKER], environment={**os.environ, "DATABASE": pid})
    assert supervisor.wait_until(lambda: "ready" in said.text, 15)
    os.kill(int(pid), signal.SIGTERM)
    supervisor.stop()
    assert supervisor.run() == 0
    said.out.close()
    assert "the database is there" in said.text and not Path(f"/proc/{pid}").exists()


def test_what_is_not_there_at_the_moment_is_waited_for(said: Said, tmp_path: Path) -> None:
    """A part that says so with its exit code, Redis being full or away, ends nobody else."""
    supervisor = Supervisor(ROOT, os.environ, said.out)
    mark = tmp_path / "mark"
    supervisor.add("part", ["sh", "-c", f"test -e {mark} && exec sleep 60; touch {mark}; exit {AWAY}"])
    assert supervisor.wait_until(lambda: supervisor._parts[0].starts == 2, 15)
    supervisor.stop()
    assert supervisor.run() == 0
    assert said.lines("part") == [f"ended with exit code {AWAY}; it is started again in 1 s"]


def test_a_lack_of_files_at_a_restart_ends_nothing(said: Said, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor_module, "LONGEST_PAUSE", 0.05)
    supervisor = Supervisor(ROOT, os.environ, said.out)
    supervisor.add("part", ["sleep", "60"])
    [part] = supervisor._parts
    assert part.process is not None
    part.process.kill()
    with no_files():
        assert supervisor.wait_until(lambda: part.starts > 1, 15)
    assert supervisor.wait_until(lambda: part.process is not None, 15)
    supervisor.stop()
    assert supervisor.run() == 0
    assert any(re.match("can't be started: .*Too many open files.*; the next try", line) for line in said.lines("part"))


@pytest.mark.parametrize(
    ("code", "lived", "heard", "beyond"),
    [
        (1, EARLY - 1, None, True),
        (1, EARLY + 1, None, False),
        (WRONG, EARLY + 1, None, True),
        (AWAY, EARLY - 1, None, False),
        (1, 20.0, False, True),  # a web server whose imports take long, and fail
        (1, 20.0, True, False),
        (-9, EARLY - 1, None, False),
        (0, EARLY - 1, None, False),
    ],
)
def test_what_would_not_mend_is_not_started_again(code: int, lived: float, heard: bool | None, beyond: bool) -> None:
    watchdog = None
    if heard is not None:
        watchdog = Watchdog("/")
        watchdog.heard = heard
        watchdog.close()
    assert Part("web", [], (), {}, watchdog).is_beyond_help(code, lived) == beyond


def test_asked_to_end_before_a_part_gave_up_it_ends_in_peace(said: Said) -> None:
    supervisor = Supervisor(ROOT, os.environ, said.out)
    supervisor.stop()
    supervisor.give_up("too late to matter")
    assert supervisor.run() == 0


def test_what_a_part_prints_can_not_play_with_the_terminal(said: Said) -> None:
    """What strangers sent stands in logs: it must not move the cursor, nor begin a line in another part's name."""
    supervisor = Supervisor(ROOT, os.environ, said.out)
    supervisor.add("pa\x1brt", ["printf", r"a\tb \033[31mred \r over \302\233m \342\200\256 turned\nnext\n"])
    assert supervisor.wait_until(lambda: "next" in said.text, 15)
    supervisor.stop()
    supervisor.run()
    assert said.lines("pa\\u001brt")[:3] == ["a\tb \\u001b[31mred ", " over \\u009bm \\u202e turned", "next"]


def test_a_line_that_does_not_end_is_printed_in_pieces(said: Said) -> None:
    supervisor = Supervisor(ROOT, os.environ, said.out)
    supervisor.add(
        "part", [sys.executable, "-c", "import time; print('x' * 300_000, end='', flush=True); time.sleep(60)"]
    )
    assert supervisor.wait_until(lambda: said.text.count("x") >= 200_000, 15)
    supervisor.stop()
    supervisor.run()


def test_an_output_that_nobody_reads_blocks_no_part_and_no_end(tmp_path: Path) -> None:
    """A terminal after Ctrl-S, a program behind a pipe that hangs."""
    reading, writing = os.pipe()
    out, mark = Output(writing), tmp_path / "mark"
    supervisor = Supervisor(ROOT, os.environ, out)
    talk = f"print('{'x' * 999}\\n' * 5000); open({str(mark)!r}, 'w'); import time; time.sleep(60)"
    supervisor.add("part", [sys.executable, "-c", talk])
    assert supervisor.wait_until(mark.exists, 15)
    supervisor.stop()
    assert supervisor.run() == 0
    os.close(reading)
    out.close()
    os.close(writing)


def test_parts_print_what_any_alphabet_has_and_halves_of_characters_too(said: Said) -> None:
    """Whatever the terminal has: it is the supervisor that writes there."""
    given = of_parts({"PATH": os.environ["PATH"], "LC_ALL": "C", "PYTHONIOENCODING": "ascii"}, ROOT)
    supervisor = Supervisor(ROOT, given, said.out)
    supervisor.add("part", [sys.executable, "-c", "print('✓ é \\ud800'); raise SystemExit(1)"])
    supervisor.run()
    assert said.lines("part") == ["✓ é \\ud800"]
