"""What becomes of a message to a stranger's address."""

import random
import socket
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from types import SimpleNamespace
from typing import Any

import pytest
from redis import Redis
from rq import Retry

from tests.conftest import free_port
from tests.workers.test_fetch import Request, Site, dripping
from workers import context, delivery
from workers.delivery import (
    ATTEMPTS,
    BACK_OFF,
    SCHEDULERS_CUT,
    TRIES,
    Delayed,
    NoAnswer,
    PutOff,
    Undeliverable,
    host_of,
    post,
    try_again,
    wait_of,
)

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    opened = Site()
    monkeypatch.setattr(Request, "do_POST", Request.do_GET, raising=False)
    yield opened
    opened.close()


def post_to(url: str) -> delivery.Answer:
    return post(url, b"x", {}, allow_private=True)


@pytest.mark.parametrize(
    ("text", "wait"),
    [
        ("7", 7),
        (" 7 ", 7),
        ("0", 1),
        ("999999", 3600),
        (format_datetime(NOON + timedelta(seconds=90), usegmt=True), 90),
        (format_datetime(NOON - timedelta(seconds=90), usegmt=True), 1),
        (format_datetime(NOON + timedelta(days=90), usegmt=True), 3600),
        ("Thu, 01 Jan 2026 12:01:30 -0000", 90),
        ("", None),
        ("soon", None),
        ("-5", None),
        ("7.5", None),
        ("9" * 5000, None),
        ("Mon, 01 Jan 99999999999999999999 00:00:00 GMT", None),
        ("Mon, 01 Jan 2026 00:00:00 +999999999999999999", None),
        ("Mon, 01 Jan 0001 00:00:00 +2359", 1),
        ("\xb2", None),
    ],
)
def test_how_long_a_server_asks_to_wait(text: str, wait: int | None) -> None:
    assert wait_of(text, NOON) == wait


def test_whatever_a_server_says_a_wait_is_up_to_an_hour_or_none() -> None:
    pick = random.Random(1)
    odd = "Mon, 01 Jan 2026 12:01:30 -0000 +9999 +99999999 GMT ( ) \x00 9999999999999999 10000 25:61:61 -5 1e9 \xb2 : -"
    for _ in range(20_000):
        text = " ".join(pick.choices([*odd.split(" "), ""], k=pick.randint(1, 8)))
        wait = wait_of(text, NOON)
        assert wait is None or 1 <= wait <= 3600, text


def test_of_an_answer_only_its_head_is_read(site: Site) -> None:
    site.answer = dripping(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n")
    began = time.monotonic()
    assert post_to(site.url).fine
    assert time.monotonic() - began < delivery.LIMIT / 2


def test_a_head_that_never_ends_is_cut_off(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivery, "LIMIT", 0.5)
    site.answer = dripping(b"HTTP/1.1 200 OK\r\nX: ")
    with pytest.raises(NoAnswer, match=r"^127\.0\.0\.1 gave no answer: OutOfTime$") as error:
        post_to(f"{site.url}/secret")
    assert error.value.timed_out
    with pytest.raises(NoAnswer) as refused:
        post_to(silent())
    assert not refused.value.timed_out


@pytest.mark.parametrize(
    ("url", "host"), [("https://Push.Example:8443/x", "push.example"), ("https://[half", ""), ("", "")]
)
def test_the_host_of_an_address(url: str, host: str) -> None:
    assert host_of(url) == host


def silent() -> str:
    return f"http://127.0.0.1:{free_port()}/secret"


@pytest.mark.parametrize(
    ("make", "error"),
    [
        (silent, Delayed),
        (lambda: "http://nowhere.invalid/secret", Delayed),
        (lambda: "http://127.0.0.1:0/secret", Delayed),
        (lambda: "ftp://127.0.0.1/secret", Undeliverable),
        (lambda: "http:///secret", Undeliverable),
        (lambda: "http://[half/secret", Undeliverable),
        (lambda: f"http://{'a' * 70}.example/secret", Undeliverable),
    ],
)
def test_no_error_repeats_the_address(make: Callable[[], str], error: type[Exception]) -> None:
    with pytest.raises(error) as raised:
        post_to(make())
    assert "secret" not in str(raised.value)
    assert raised.value.__suppress_context__ or raised.value.__context__ is None, "a traceback would repeat it"


def test_a_connection_is_made_to_public_addresses_only(site: Site) -> None:
    for host in ("127.0.0.1", "localhost", "[::1]", "10.0.0.1", "169.254.169.254", "[fec0::1]", "[::ffff:0:7f00:1]"):
        with pytest.raises(Undeliverable, match="expected a public address"):
            post(f"http://{host}:{site.server_port}/", b"x", {}, allow_private=False)
    assert site.asked == []


def test_a_name_without_an_address_just_now_is_tried_again() -> None:
    with pytest.raises(Delayed, match=r"^nowhere\.invalid has no address just now$"):
        post("http://nowhere.invalid/secret", b"x", {}, allow_private=False)


# -- tries


@pytest.fixture
def attempt(monkeypatch: pytest.MonkeyPatch, redis: Redis) -> Callable[[int], None]:
    def be_at(number: int) -> None:
        running: Any = SimpleNamespace(id="a", redis=redis, sender=SimpleNamespace(attempt=number))
        monkeypatch.setattr(context, "running", running)

    return be_at


def later(wait: int | None = None) -> str:
    raise Delayed("push.example answered 500", wait)


def test_it_is_tried_five_times_ever_more_slowly(attempt: Callable[[int], None]) -> None:
    waits = []
    for number in range(1, TRIES):
        attempt(number)
        again = try_again(later)
        assert isinstance(again, Retry) and again.max >= TRIES - 1
        waits += again.intervals
    assert waits == [wait + SCHEDULERS_CUT for wait in BACK_OFF] == [11, 61, 301, 1801]
    attempt(TRIES)
    with pytest.raises(Undeliverable, match=r"^push\.example answered 500; that was try 5 of 5$"):
        try_again(later)


def put_off() -> str:
    raise PutOff("push.example gave no answer before", 7)


def test_to_be_put_off_is_no_try_and_has_an_end(attempt: Callable[[int], None]) -> None:
    waits = []
    for number in range(1, 9):
        attempt(number)
        again = try_again(put_off)
        assert isinstance(again, Retry)
        waits += again.intervals
    assert waits == [wait + SCHEDULERS_CUT for wait in (7, 7, 8, 16, 32, 60, 60, 60)]
    attempt(9)
    again = try_again(later)
    assert isinstance(again, Retry) and again.intervals == [BACK_OFF[0] + SCHEDULERS_CUT], "its first try"
    attempt(ATTEMPTS)
    with pytest.raises(Undeliverable, match="put off"):
        try_again(put_off)


def test_the_servers_own_wish_comes_first(attempt: Callable[[int], None]) -> None:
    attempt(1)
    again = try_again(lambda: later(7))
    assert isinstance(again, Retry) and again.intervals == [7 + SCHEDULERS_CUT]


def test_what_is_of_no_use_is_not_tried_again(attempt: Callable[[int], None]) -> None:
    def never() -> str:
        raise Undeliverable("no")

    attempt(1)
    with pytest.raises(Undeliverable):
        try_again(never)
    assert try_again(lambda: "sent") == "sent"


def test_a_server_that_hangs_up_is_tried_again() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        threading.Thread(target=lambda: listening.accept()[0].close(), daemon=True).start()
        with pytest.raises(Delayed):
            post_to(f"http://127.0.0.1:{listening.getsockname()[1]}/")
