"""Output: for readers that read, hang or go."""

import os
import pty
import re
import threading
from pathlib import Path

import pytest

from tests.conftest import until
from workers import output
from workers.output import BUFFER, Output


class Pipe:
    """One end to write to, and a reader that begins when it is asked."""

    def __init__(self) -> None:
        self.reading, self.writing = os.pipe()
        self.came = b""

    def read(self) -> None:
        """Until all writers have closed it."""

        def go_on() -> None:
            while chunk := os.read(self.reading, 65536):
                self.came += chunk

        self._reader = threading.Thread(target=go_on)
        self._reader.start()

    def rest(self) -> str:
        os.close(self.writing)
        self._reader.join()
        os.close(self.reading)
        return self.came.decode()


@pytest.fixture
def pipe() -> Pipe:
    return Pipe()


def test_lines_come_whole_and_in_order(pipe: Pipe) -> None:
    out = Output(pipe.writing)
    pipe.read()
    for number in range(20_000):
        out.say(f"line {number} ✓")
    out.close()
    assert pipe.rest().splitlines() == [f"line {number} ✓" for number in range(20_000)]


def test_without_a_reader_nothing_waits_memory_is_bounded_and_the_gap_is_told(pipe: Pipe) -> None:
    out = Output(pipe.writing)
    line = "x" * 999
    for number in range(5_000):
        out.say(f"{number} {line}")
    assert sum(map(len, out._lines)) <= BUFFER
    pipe.read()
    until(lambda: b"nobody read" in pipe.came, "the note")
    out.say("again")
    out.close()
    *before, note, last = pipe.rest().splitlines()
    left_out = re.fullmatch(r"headway \| … (\d+) lines were left out here: nobody read the output", note)
    assert left_out and len(before) + int(left_out[1]) == 5_000 and last == "again"
    assert before == [f"{number} {line}" for number in range(len(before))], "the oldest stay, without a gap"


def test_an_output_that_hangs_holds_up_no_end(pipe: Pipe, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(output, "LAST_WORDS", 0.05)
    out = Output(pipe.writing)
    for _ in range(300):
        out.say("x" * 999)
    out.close()
    out.say("too late")
    pipe.read()
    pipe.rest()
    until(lambda: not out._writer.is_alive(), "the thread's end")


def test_a_reader_that_has_gone_is_no_reason_to_go_too(pipe: Pipe) -> None:
    os.close(pipe.reading)
    out = Output(pipe.writing)
    out.say("to nobody")
    out.close()
    os.close(pipe.writing)
    assert not out._writer.is_alive()


def test_a_full_disk_is_no_reason_to_go_either() -> None:
    with open("/dev/full", "w") as full:
        out = Output(full.fileno())
        out.say("to no avail")
        out.close()
    assert not out._writer.is_alive()


def test_one_that_takes_nothing_at_the_moment_is_waited_for(pipe: Pipe) -> None:
    os.set_blocking(pipe.writing, False)
    out = Output(pipe.writing)
    for _ in range(300):
        out.say("x" * 999)
    pipe.read()
    out.close()
    assert pipe.rest() == ("x" * 999 + "\n") * 300


@pytest.mark.parametrize(
    ("encoding", "expected"),
    [("ascii", b"\\u2713 \\xe9\n"), ("latin-1", b"\\u2713 \xe9\n"), ("utf-8", "✓ é\n".encode())],
)
def test_what_the_terminal_can_not_show_is_written_out(encoding: str, expected: bytes, tmp_path: Path) -> None:
    with open(tmp_path / "log", "w", encoding=encoding) as log:
        out = Output.of(log)
        out.say("✓ é")
        out.close()
    assert (tmp_path / "log").read_bytes() == expected


def test_halves_of_characters_end_nothing(pipe: Pipe) -> None:
    out = Output(pipe.writing)
    pipe.read()
    out.say("\ud800")
    out.close()
    assert pipe.rest() == "\\ud800\n"


def test_without_standard_output_lines_go_nowhere() -> None:
    out = Output.of(None)
    out.say("to nobody")
    out.close()
    assert not out.is_terminal


def test_a_terminal_is_known() -> None:
    master, slave = pty.openpty()
    out = Output(slave)
    out.say("seen")
    assert out.is_terminal and os.read(master, 100) == b"seen\r\n"
    out.close()
    os.close(slave)
    os.close(master)
