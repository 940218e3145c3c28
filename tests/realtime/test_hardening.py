"""Headers that every answer has."""

from typing import Any

import pytest
import requests
from werkzeug.test import Client

from realtime.hardening import HEADERS, Hardened
from realtime.prefix import Prefix
from tests.conftest import Stack


def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    start_response("200 OK", [("cache-control", "no-cache"), ("Content-Type", "text/plain")])
    return [b"hello"]


def test_an_answer_keeps_what_it_says_and_gets_what_it_lacks() -> None:
    headers = Client(Hardened(app)).get("/").headers
    assert headers.getlist("Cache-Control") == ["no-cache"]
    for name in set(HEADERS) - {"Cache-Control"}:
        assert headers.getlist(name) == [HEADERS[name]]


@pytest.mark.parametrize("path", ["/", "/jobs", "/jobs/"])
def test_answers_from_around_an_installation_have_them(path: str) -> None:
    headers = Client(Hardened(Prefix(app, "/jobs"))).get(path).headers
    assert all(name in headers for name in HEADERS)


@pytest.mark.parametrize("path", ["/socket.io/", "/socket.io/?EIO=3&transport=polling", "/socket.io/?EIO=4&sid=none"])
def test_what_engine_io_says_over_http_has_them(path: str, stack: Stack) -> None:
    answer = requests.get(f"{stack.url}{path}", timeout=10)
    assert answer.status_code == 400 and set(HEADERS) <= set(answer.headers.keys())
