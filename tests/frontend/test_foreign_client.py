"""npm's socket.io-client as a client."""

import json

from tests.conftest import ROOT, Stack
from tests.frontend.node import run_node
from workers.wire import FIELDS


def test_npms_client_follows_a_job_to_its_end(stack: Stack) -> None:
    session = stack.session()
    id = stack.submit(session, "text_length", text="four")["id"]
    answer = run_node(str(ROOT / "tests/frontend/foreign_client.js"), stack.url, f"job:{id}")
    assert answer.returncode == 0, answer.stderr
    whole = stack.job(session, id)
    assert json.loads(answer.stdout) == {name: whole[name] for name in FIELDS}
    assert whole["result"] == 4
