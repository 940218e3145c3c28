"""Callers: the last word to a connection, and what is done once it is closed."""

import json
from typing import Any

from realtime.caller import on_close, words
from realtime.framing import Fault


class Wire:
    """A socket that can only be closed."""

    def __init__(self) -> None:
        self.close: Any = self._close
        self.closed = 0

    def _close(self) -> None:
        self.closed += 1


def test_a_last_word_is_an_error_of_the_contract() -> None:
    head, _, body = words(Fault(429, "too_many", "Too many", 5)).decode().partition("\r\n\r\n")
    lines = head.split("\r\n")
    assert lines[0] == "HTTP/1.1 429 Too Many Requests"
    assert {"Retry-After: 5", "Connection: close", f"Content-Length: {len(body)}"} < set(lines)
    assert json.loads(body) == {"error": {"code": "too_many", "message": "Too many"}}


def test_what_ends_with_a_connection_ends_once() -> None:
    wire, done = Wire(), list[str]()
    ends = on_close(wire)
    ends += [lambda: done.append("first"), lambda: done.append("last")]
    wire.close()
    wire.close()
    assert done == ["last", "first"] and wire.closed == 2
