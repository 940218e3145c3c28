"""realtime/hosts.py: only names that are ours are answered to."""

import json
import logging
import re
import socket
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import requests
import websocket
from flask import Flask
from werkzeug.test import Client, TestResponse

from realtime.hosts import LOGGED, SHOWN, Hosts, split_host
from realtime.prefix import Prefix
from tests.conftest import Stack, free_port, is_ready, until
from workers.settings import Settings


def client(settings: Settings, **changes: Any) -> Client:
    app = Flask("a test")

    @app.get("/")
    def index() -> str:
        return "here"

    return Client(Hosts(app, replace(settings, **changes), machine="Box.corp.example"))


def ask(client: Client, host: str, **headers: str) -> TestResponse:
    return client.get("/", headers={"Host": host, **headers})


OURS = [
    *("127.0.0.1", "127.0.0.1:8500", "10.0.0.7:5000", "203.0.113.9"),
    *("[::1]:5000", "[2001:db8::1]", "[::ffff:10.0.0.7]"),
    *("localhost", "LOCALHOST:5000", "localhost.", "localhost.:5000", "shop.localhost:5000", "a.b.localhost"),
    *("box.corp.example:5000", "box", "BOX:5000", "box."),
]
FOREIGN = [
    *("evil.example", "evil.example:5000", "127.0.0.1.evil.example", "localhost.evil.example", "evillocalhost"),
    *("corp.example", "a.box.corp.example", "127.0.0.1@evil.example", "127.0.0.1/evil.example"),
    *("127.0.0.1,evil.example", "127.0.0.1:port", "127.0.0.1:1:2", "::1", "[::1", "[evil.example]"),
    *("127.1", "0x7f000001", "2130706433", "-", ".", ":5000"),
    *("evil.example..", "localhost..", "b\xfccher.example", " localhost", "local host"),
]


@pytest.mark.parametrize("host", OURS)
def test_addresses_and_our_own_names_are_answered_to(host: str, settings: Settings) -> None:
    assert ask(client(settings), host).status_code == 200


@pytest.mark.parametrize("host", FOREIGN)
def test_any_other_name_is_misdirected(host: str, settings: Settings) -> None:
    answer = ask(client(settings), host)
    assert answer.status_code == 421
    assert answer.get_json()["error"]["code"] == "forbidden"


def test_a_program_that_names_no_host_is_answered(settings: Settings) -> None:
    assert ask(client(settings), "").status_code == 200


@pytest.mark.parametrize("header", ["X-Forwarded-Host", "X-Host", "Forwarded", "X-Original-Host"])
def test_no_other_header_is_believed(header: str, settings: Settings) -> None:
    assert ask(client(settings), "evil.example", **{header: "localhost"}).status_code == 421
    assert ask(client(settings), "localhost", **{header: "evil.example"}).status_code == 200


@pytest.mark.parametrize(
    ("given", "host", "status"),
    [
        ("shop.example", "shop.example:5000", 200),
        ("shop.example", "Shop.Example.", 200),
        ("shop.example", "a.shop.example", 421),
        ("Shop.Example.", "shop.example", 200),
        ("*.shop.example", "a.b.shop.example", 200),
        ("*.shop.example", "shop.example", 200),
        (".shop.example", "a.shop.example", 200),
        (".shop.example", "myshop.example", 421),
        ("*.shop.example", "a.shop.example.evil", 421),
        ("a.example,b.example", "b.example", 200),
        ("shop.example", "localhost", 200),
        ("*", "evil.example", 200),
    ],
)
def test_further_names_are_set(given: str, host: str, status: int, settings: Settings) -> None:
    hosts = Settings.from_environment({"HEADWAY_HOSTS": given}, settings.home).hosts
    assert ask(client(settings, hosts=hosts), host).status_code == status


def test_the_hosts_of_origins_and_the_name_listened_at_are_ours(settings: Settings) -> None:
    ours = client(settings, origins=("https://Jobs.example", "http://shop.example:8000"), host="Named.example")
    for host in ("jobs.example", "shop.example", "shop.example:5000", "named.example:5000"):
        assert ask(ours, host).status_code == 200, host


def test_a_browser_is_shown_the_setting_to_add(settings: Settings) -> None:
    answer = ask(client(settings), "jobs.shop.example:8500", Accept="text/html,*/*")
    assert answer.status_code == 421 and answer.mimetype == "text/html"
    assert "HEADWAY_HOSTS=jobs.shop.example<" in answer.text
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy and "unsafe" not in policy and answer.headers["Cache-Control"] == "no-store"
    program = ask(client(settings), "jobs.shop.example:8500").get_json()["error"]["message"]
    assert program.endswith("if it should, set HEADWAY_HOSTS=jobs.shop.example")


@pytest.mark.parametrize(
    "host", ["<script>alert(1)</script>", '"><img src=x>', "x" * 5000, "a" * 150 + "." + "b" * 150]
)
def test_a_foreign_name_is_shown_cut_and_harmless(
    host: str, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    for accept in ("text/html", "*/*"):
        text = ask(client(settings), host, Accept=accept).text
        assert "<img" not in text and "<script" not in text
        assert max(len(run) for run in re.findall(r"[A-Za-z0-9.]+", text)) <= SHOWN
    assert max(len(record.getMessage()) for record in caplog.records) < 3 * SHOWN


def test_a_name_is_logged_once_and_only_so_many_are(settings: Settings, caplog: pytest.LogCaptureFixture) -> None:
    ours = client(settings)
    with caplog.at_level(logging.WARNING, "headway.hosts"):
        for _ in range(3):
            ask(ours, "evil.example:1")
            ask(ours, "evil.example:2")
        assert [record.getMessage() for record in caplog.records] == [
            "refused a request for the host name evil.example; if it is ours, set HEADWAY_HOSTS=evil.example"
        ]
        for number in range(3 * LOGGED):
            ask(ours, f"evil{number}.example")
    assert len(caplog.records) == LOGGED + 1


def test_a_head_request_is_refused_without_a_body(settings: Settings) -> None:
    answer = client(settings).head("/", headers={"Host": "evil.example"})
    assert (answer.status_code, answer.data) == (421, b"") and int(answer.headers["Content-Length"]) > 0


@pytest.mark.parametrize("path", ["/jobs/", "/jobs", "/", "/elsewhere"])
def test_nothing_is_said_to_a_foreign_name_below_a_prefix(path: str, settings: Settings) -> None:
    below = Client(Hosts(Prefix(Flask("a test"), "/jobs"), settings))
    assert below.get(path, headers={"Host": "evil.example"}).status_code == 421


@pytest.mark.parametrize(
    ("host", "parts"),
    [
        ("Shop.Example:81", ("shop.example", "81")),
        ("shop.example.", ("shop.example", "")),
        ("[::1]:5000", ("::1", "5000")),
        ("a b", ("", "")),
    ],
)
def test_a_host_has_a_name_and_a_port(host: str, parts: tuple[str, str]) -> None:
    assert split_host(host) == parts


# -- the real server

EVIL = "evil.example:5000"


@pytest.fixture(params=["", "/deep/jobs"])
def server(request: pytest.FixtureRequest, stack: Stack) -> Iterator[str]:
    port = free_port()
    process: subprocess.Popen[bytes] = stack.processes.start(
        "-m", "realtime.server", PORT=str(port), HEADWAY_PREFIX=request.param, HEADWAY_HOSTS="shop.example"
    )
    url = f"http://127.0.0.1:{port}{request.param}"
    until(lambda: is_ready(url), "the server")
    yield url
    process.terminate()
    process.wait()


def open_socket(url: str, host: str, origin: str | None) -> websocket.WebSocket:
    where = f"{url.replace('http', 'ws')}/socket.io/?EIO=4&transport=websocket"
    return websocket.create_connection(where, host=host, origin=origin, suppress_origin=origin is None, timeout=10)


def test_a_rebound_name_reaches_nothing(server: str) -> None:
    """What worked: a page of evil.example, whose name leads to us by now, says that it is of our own origin."""
    own = {"Host": EVIL, "Origin": f"http://{EVIL}"}
    body = {"task": "sum_numbers", "args": {"text": "1"}}
    for answer in (
        requests.post(f"{server}/api/jobs", json=body, headers=own),
        requests.post(f"{server}/login", json={"token": "a guess"}, headers=own),
        requests.get(f"{server}/", headers=own),
        requests.get(f"{server}/healthz", headers=own),
        requests.get(f"{server}/socket.io/?EIO=4&transport=polling", headers=own),
        requests.options(f"{server}/api/jobs", headers=own),
    ):
        assert answer.status_code == 421 and answer.json()["error"]["code"] == "forbidden"
    for origin in (f"http://{EVIL}", None):
        with pytest.raises(websocket.WebSocketBadStatusException) as refused:
            open_socket(server, EVIL, origin)
        assert refused.value.status_code == 421
        assert json.loads(refused.value.resp_body or b"")["error"]["code"] == "forbidden"
    assert requests.get(f"{server}/healthz").status_code == 200


def test_a_name_that_was_set_is_served_with_its_sockets(server: str) -> None:
    host = "shop.example:5000"
    assert requests.get(f"{server}/", headers={"Host": host}).status_code == 200
    open_socket(server, host, f"http://{host}").close()
    for origin in ("http://evil.example:5000", "http://shop.example:5001", "null"):
        with pytest.raises(websocket.WebSocketBadStatusException) as refused:
            open_socket(server, host, origin)
        assert refused.value.status_code == 403


@pytest.mark.parametrize(("host", "statuses"), [(EVIL, {400}), ("127.0.0.1", {400, 404})])
def test_the_target_of_a_request_names_no_other_host(host: str, statuses: set[int], stack: Stack) -> None:
    """A request line `GET http://localhost/ HTTP/1.1` does not make up for a foreign Host, nor lead elsewhere."""
    port = int(stack.url.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port), timeout=10) as plain:
        target = "http://127.0.0.1/healthz" if host == EVIL else "http://evil.example/healthz"
        plain.sendall(f"GET {target} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
        answer = plain.makefile("rb").read().decode()
    assert int(answer.split()[1]) in statuses
    assert "location: http://evil" not in answer.lower()
