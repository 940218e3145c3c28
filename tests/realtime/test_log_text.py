"""A log as a file: one entry a line, and none that is not."""

import json
from dataclasses import replace

import pytest

from realtime import log_text
from tests.workers.test_wire import STATE


def line(text: str, level: str = "info", at: int = 1795257062123) -> bytes:
    return json.dumps({"n": 1, "attempt": 1, "at": at, "level": level, "text": text}).encode()


def test_an_entry_has_time_level_and_text() -> None:
    assert log_text.render([line("text"), line("more", "warning", 0)]) == (
        "2026-11-21T10:31:02.123Z info  text\n1970-01-01T00:00:00.000Z warning more\n"
    )


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r", "\v", "\f", "\x1c", "\x85", "\u2028"])
def test_what_follows_a_line_break_can_not_be_taken_for_an_entry(end: str) -> None:
    first, second = log_text.render([line(f"text{end}2026-11-21T10:31:02.123Z info  forged")]).splitlines()
    assert first.endswith("info  text") and second == "    2026-11-21T10:31:02.123Z info  forged"


def test_what_would_move_a_terminals_cursor_is_replaced() -> None:
    assert log_text.render([line("a\x1b[2Jb\x00c\x9bd\te")]).endswith("info  a�[2Jb�c�d\te\n")


@pytest.mark.parametrize(("task", "shown"), [("parse_book", "parse_book"), ("", "job"), ('a"/\r\n..', "a____..")])
def test_the_file_is_named_after_task_and_job(task: str, shown: str) -> None:
    assert log_text.filename(replace(STATE, id="0123456789", task=task)) == f"{shown}-01234567.log"
