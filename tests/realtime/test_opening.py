"""realtime/opening.py: which requests open a WebSocket, and what all others learn."""

import json
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest
from werkzeug.test import Client, TestResponse

from realtime.access import Access
from realtime.opening import LOGGED, Opening
from workers.settings import Secrets, Settings

KEY = "dGhlIHNhbXBsZSBub25jZQ=="
OPENS = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": KEY}
QUERY = "EIO=4&transport=websocket"
HINT = 'io(url, {transports: ["websocket"]})'
FOREIGN = "https://shop.example"


class Behind:
    """What is behind it: Socket.IO, or the pages."""

    def __init__(self, settings: Settings, **changes: Any) -> None:
        self.reached: list[tuple[str, str, str]] = []
        self.leaving = False
        access = Access(replace(settings, **changes), Secrets("key", "token", False))
        self.client = Client(Opening(self._answer, access, lambda: self.leaving))

    def _answer(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        self.reached.append((environ["PATH_INFO"], environ["QUERY_STRING"], environ.get("HTTP_UPGRADE", "")))
        start_response("200 OK", [])
        return []

    def open(self, path: str = "/socket.io/", query: str = QUERY, method: str = "GET", **headers: str) -> TestResponse:
        given = OPENS | {name.replace("_", "-"): value for name, value in headers.items()}
        return self.client.open(path, method=method, query_string=query, headers=given, base_url="http://here:5000")


@pytest.fixture
def behind(settings: Settings) -> Behind:
    return Behind(settings)


@pytest.mark.parametrize("path", ["/", "/socket.iox", "/api/jobs", "/x/socket.io/"])
def test_what_is_not_below_its_path_goes_on_as_it_is(path: str, behind: Behind) -> None:
    assert behind.open(path, "a=b", Upgrade="no").status_code == 200
    assert behind.reached == [(path, "a=b", "no")]


@pytest.mark.parametrize(
    ("path", "query", "headers"),
    [
        ("/socket.io/", QUERY, {}),
        ("/socket.io", QUERY, {}),
        ("/socket.io/", f"{QUERY}&j=x&t=now&sid2=1", {}),
        ("/socket.io/", QUERY, {"Upgrade": "foo, WebSocket", "Connection": "keep-alive, Upgrade"}),
        ("/socket.io/", QUERY, {"Origin": "http://here:5000"}),
    ],
)
def test_an_opening_handshake_goes_on_in_one_form(
    path: str, query: str, headers: dict[str, str], behind: Behind
) -> None:
    assert behind.open(path, query, **headers).status_code == 200
    assert behind.reached == [("/socket.io/", QUERY, "websocket")]


@pytest.mark.parametrize(
    "headers",
    [
        {"Connection": "keep-alive"},
        {"Upgrade": "h2c"},
        {"Upgrade": ""},
        {"Sec-WebSocket-Version": "8"},
        {"Sec-WebSocket-Version": ""},
        {"Sec-WebSocket-Key": ""},
        {"Sec-WebSocket-Key": "a"},
        {"Sec-WebSocket-Key": "é" * 24},
        {"Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAA"},  # 15 bytes
        {"Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAAA="},  # 17
        {"Sec-WebSocket-Key": f"{KEY},{KEY}"},
        {"Transfer-Encoding": "chunked"},
    ],
    ids=str,
)
def test_what_is_no_handshake_is_a_bad_request_and_goes_nowhere(headers: dict[str, str], behind: Behind) -> None:
    answer = behind.open(**headers)
    assert answer.status_code == 400 and answer.headers["Sec-WebSocket-Version"] == "13"
    assert answer.get_json()["error"]["code"] == "bad_request" and behind.reached == []


@pytest.mark.parametrize("environ", [{"SERVER_PROTOCOL": "HTTP/1.0"}, {"CONTENT_LENGTH": "5"}], ids=str)
def test_http_1_0_and_a_request_with_a_body_open_no_websocket(environ: dict[str, str], behind: Behind) -> None:
    answer = behind.client.get("/socket.io/", query_string=QUERY, headers=OPENS, environ_overrides=environ)
    assert answer.status_code == 400 and behind.reached == []


@pytest.mark.parametrize(
    ("query", "number"),
    [
        *(("", 0), ("EIO=4", 0), ("EIO=4&transport=polling", 0), ("EIO=4&transport=abc", 0)),
        *(("EIO=3&transport=polling&t=1", 5), (f"transport=polling&{QUERY}", 0)),
        *(("transport=websocket", 5), ("EIO=3&transport=websocket", 5), (f"EIO=3&{QUERY}", 5)),
        (f"{QUERY}&sid=nobody", 1),
    ],
)
def test_a_wrong_query_is_answered_with_a_sentence_by_both_contracts(query: str, number: int, behind: Behind) -> None:
    answer = behind.open(query=query)
    said = answer.get_json()
    assert (answer.status_code, said["code"], said["error"]["code"]) == (400, number, "bad_request")
    assert said["message"] == said["error"]["message"] and (HINT in said["message"]) is (number != 1)
    assert behind.reached == []


@pytest.mark.parametrize("origin", [None, "http://here:5000", FOREIGN, "https://other.example", "null"])
def test_who_begins_with_polling_reads_from_every_origin_what_to_do(origin: str | None, settings: Settings) -> None:
    behind = Behind(settings, origins=(FOREIGN,))
    headers = {"Origin": origin} if origin else {}
    answer = behind.open(query="EIO=4&transport=polling", **headers)
    assert answer.status_code == 400 and HINT in answer.get_json()["message"]
    allowed = answer.headers.get("Access-Control-Allow-Origin")
    ours = origin in (FOREIGN, "http://here:5000")
    assert allowed == (origin if ours or origin is None else "*")
    assert answer.headers.get("Access-Control-Allow-Credentials") == ("true" if ours else None)
    assert ("HEADWAY_ORIGINS" in answer.get_json()["message"]) is (origin == "https://other.example")
    asked = {"Access-Control-Request-Headers": "authorization,x-own"}
    preflight = behind.open(method="OPTIONS", query="EIO=4&transport=polling", **headers, **asked)
    assert preflight.status_code == 204 and preflight.headers["Allow"] == "GET, OPTIONS"
    if origin:
        assert preflight.headers["Access-Control-Allow-Origin"] == allowed
        assert preflight.headers["Access-Control-Allow-Headers"] == "authorization,x-own"


@pytest.mark.parametrize("file", ["socket.io.js", "socket.io.min.js", "socket.io.esm.min.js.map", "x/"])
def test_there_are_no_files_and_it_says_where_they_are(file: str, behind: Behind) -> None:
    answer = behind.open(f"/socket.io/{file}")
    said = answer.get_json()["error"]
    assert (answer.status_code, said["code"]) == (404, "not_found")
    assert HINT in said["message"] and "/vendor/socket.io.js" in said["message"]
    assert answer.headers["Cross-Origin-Resource-Policy"] == "cross-origin"  # else the browser would tell less


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "TRACE", "HEAD"])
def test_another_method_is_refused(method: str, behind: Behind) -> None:
    answer = behind.open(method=method)
    assert answer.status_code == 405 and answer.headers.get("Allow") == "GET, OPTIONS"
    assert (answer.data == b"") is (method == "HEAD")
    polls = behind.open(query="EIO=4&transport=polling", method=method)
    assert polls.status_code == 400 and (method == "HEAD" or HINT in polls.get_json()["message"])


@pytest.mark.parametrize("path", ["/", "/ws", "/api/jobs", "/socket.iox"])
def test_a_websocket_at_another_path_reads_where_it_belongs(path: str, behind: Behind) -> None:
    answer = behind.open(path)
    assert (answer.status_code, answer.get_json()["error"]["code"]) == (400, "bad_request") and behind.reached == []
    assert "/socket.io/" in answer.get_json()["message"]


@pytest.mark.parametrize("origin", [FOREIGN, "http://here", "https://here:5000", "null", "", "x\x7f" * 300])
def test_a_page_of_a_foreign_origin_is_forbidden(origin: str, behind: Behind) -> None:
    answer = behind.open(Origin=origin)
    assert (answer.status_code, answer.get_json()["error"]["code"]) == (403, "forbidden") and behind.reached == []
    assert (f"HEADWAY_ORIGINS={origin}" in answer.get_json()["message"]) is origin.startswith("http")
    assert len(answer.data) < 1000


def test_the_log_names_the_setting_once_for_each_origin(behind: Behind, caplog: pytest.LogCaptureFixture) -> None:
    for _ in range(3):
        behind.open(Origin=FOREIGN)
    [line] = caplog.messages
    assert line.endswith(f"set HEADWAY_ORIGINS={FOREIGN}")
    for number in range(2 * LOGGED):
        behind.open(Origin=f"https://{number}.example")
    assert len(caplog.messages) == LOGGED + 1


def test_a_process_that_ends_takes_no_more(behind: Behind) -> None:
    behind.leaving = True
    answer = behind.open()
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
    assert json.loads(answer.data)["error"]["code"] == "unavailable" and behind.reached == []
