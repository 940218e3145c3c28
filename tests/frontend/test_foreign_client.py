"""npm's socket.io-client as a client."""

import json
from dataclasses import asdict

from realtime.access import WRONG_TOKEN
from realtime.opening import WEBSOCKET_ONLY
from tests.conftest import ROOT, Stack
from tests.frontend.node import run_node
from workers.wire import FIELDS


def test_npms_client_follows_a_job_to_its_end(stack: Stack) -> None:
    session = stack.session()
    id = stack.submit(session, "text_length", text="four")["id"]
    answer = run_node(str(ROOT / "tests/frontend/foreign_client.js"), stack.url, "follow", f"job:{id}")
    assert answer.returncode == 0, answer.stderr
    whole = stack.job(session, id)
    assert json.loads(answer.stdout) == {name: whole[name] for name in FIELDS}
    assert whole["result"] == 4


def test_npms_client_is_refused_answered_and_closed_and_comes_back(stack: Stack) -> None:
    answer = run_node(str(ROOT / "tests/frontend/foreign_client.js"), stack.url, "part")
    assert answer.returncode == 0, answer.stderr
    met = json.loads(answer.stdout)
    assert met["message"] == "Invalid namespace"
    assert met["ack"]["topics"]["nonsense"]["error"]["code"] == "bad_request"
    assert met["unknown"]["error"]["code"] == "bad_request"
    why = "expected no binary attachments"
    assert met["byServer"] == {"reason": "transport close", "code": 1003, "why": why} and met["back"] is True
    assert met["again"] == {"ok": True}
    assert met["byClient"] == "io client disconnect"


def test_npms_client_with_default_options_learns_what_to_do(stack: Stack) -> None:
    answer = run_node(str(ROOT / "tests/frontend/foreign_client.js"), stack.url, "newcomer")
    assert answer.returncode == 0, answer.stderr
    met = json.loads(answer.stdout)
    assert met["said"]["message"] == WEBSOCKET_ONLY and met["transport"] == "websocket"
    assert met["refused"] == {"message": WRONG_TOKEN.message, "data": asdict(WRONG_TOKEN)}
