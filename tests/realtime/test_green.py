"""Connections that outlive the request in which they began: in the server itself, since eventlet patches all of it."""

import threading

from tests.conftest import Stack
from tests.realtime.clients import Raw, connected


def test_a_handed_over_connection_outlives_its_request_and_others_do_not(stack: Stack) -> None:
    with Raw(stack.url).join() as raw, connected(stack.url) as client:
        assert stack.session().get(f"{stack.url}/healthz").status_code == 200
        assert client.watch("job:none")["ok"] is True
        assert not raw.is_closed(within=0.5)


def test_many_come_and_go_at_once(stack: Stack) -> None:
    def visit() -> None:
        for _ in range(10):
            with Raw(stack.url).join():
                pass

    threads = [threading.Thread(target=visit) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
        assert not thread.is_alive()
    with connected(stack.url) as client:
        assert client.watch("job:none")["ok"] is True
