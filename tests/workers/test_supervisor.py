"""Processes under one supervisor."""

import io
import os
import sys
import time
from pathlib import Path

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
