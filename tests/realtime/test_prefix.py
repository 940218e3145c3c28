"""realtime/prefix.py: an installation below another one."""

import pytest
from flask import Flask, request
from werkzeug.test import Client

from realtime.prefix import Prefix


@pytest.fixture
def client() -> Client:
    app = Flask("a test")

    @app.get("/jobs")
    def jobs() -> str:
        return f"{request.script_root} {request.path}"

    return Client(Prefix(app, "/deep/down"))


def test_what_is_below_the_prefix_is_ours(client: Client) -> None:
    assert client.get("/deep/down/jobs").text == "/deep/down /jobs"


def test_the_prefix_itself_leads_below_it(client: Client) -> None:
    answer = client.get("/deep/down")
    assert (answer.status_code, answer.headers["Location"]) == (308, "/deep/down/")


@pytest.mark.parametrize("path", ["/", "/jobs", "/deep/jobs", "/deep/downjobs", "/other/deep/down/jobs"])
def test_nothing_else_is(path: str, client: Client) -> None:
    answer = client.get(path)
    assert answer.status_code == 404 and "below /deep/down/" in answer.get_json()["error"]["message"]
    assert client.head(path).data == b""


def test_a_socket_io_client_at_the_root_learns_the_path(client: Client) -> None:
    answer = client.get("/socket.io/?EIO=4&transport=polling", headers={"Origin": "https://shop.example"})
    assert answer.status_code == 404 and answer.headers["Access-Control-Allow-Origin"] == "*"
    assert 'io(url, {path: "/deep/down/socket.io", transports: ["websocket"]})' in answer.text.replace('\\"', '"')
