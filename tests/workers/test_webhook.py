"""One webhook, to a receiver that verifies it."""

import base64
import json
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.web_hook import WebHook
from tests.workers.test_news import state
from workers import webhook
from workers.delivery import Delayed, Undeliverable
from workers.wire import encode_state

DOCS = Path(__file__).parent.parent.parent / "docs/notices.md"
KEY = b"0123456789abcdef01234567"


@pytest.fixture
def hook() -> Iterator[WebHook]:
    opened = WebHook("whsec_" + base64.b64encode(KEY).decode())
    yield opened
    opened.close()


def send(hook: WebHook, body: bytes = b"{}", *, secret: bytes = KEY, allow_private: bool = True) -> None:
    webhook.send(hook.url, body, id="a.1", secret=secret, allow_private=allow_private)


def test_it_is_verified_and_says_what_ended_when(hook: WebHook) -> None:
    told = encode_state(state(ended_at=1_767_268_800_123, result={"big": 1e400 == 1, "text": "語\n"}))
    send(hook, webhook.message(told))
    assert hook.ids == ["a.1"] and not hook.wrong
    [event] = hook.events
    assert (event["type"], event["timestamp"]) == ("job.ended", "2026-01-01T12:00:00.123Z")
    assert event["data"] == json.loads(told) and told.encode() in hook.bodies[0]


def test_another_secret_is_noticed(hook: WebHook) -> None:
    with pytest.raises(Undeliverable, match="401"):
        send(hook, secret=KEY[::-1])
    assert hook.wrong and not hook.events


@pytest.mark.parametrize(
    ("status", "error"), [(500, Delayed), (429, Delayed), (410, Undeliverable), (302, Undeliverable)]
)
def test_what_a_receiver_answers_decides_what_becomes_of_it(status: int, error: type[Exception], hook: WebHook) -> None:
    hook.answers.append((status, {"Location": hook.url}))
    with pytest.raises(error) as raised:
        send(hook)
    assert len(hook.ids) == 1 and "a-secret-path" not in str(raised.value)


def test_a_private_address_is_refused(hook: WebHook) -> None:
    with pytest.raises(Undeliverable, match="expected a public address"):
        send(hook, allow_private=False)
    assert not hook.ids


def test_the_page_on_it_verifies_it_too(hook: WebHook) -> None:
    [code] = re.findall(r"```python\n(.*?)```", DOCS.read_text(), re.DOTALL)
    said: dict[str, Any] = {}
    exec(code, said)
    now = str(int(time.time()))
    signature = webhook.sign(b'{"a": 1}', id="a.1", timestamp=now, secret=KEY)
    headers = {"webhook-id": "a.1", "webhook-timestamp": now, "webhook-signature": f"v1,b3RoZXI= {signature}"}
    secret = "whsec_" + base64.b64encode(KEY).decode()
    assert said["verify"](b'{"a": 1}', headers, secret) == {"a": 1}
    for wrong in (
        {"webhook-id": "b.1"},
        {"webhook-timestamp": str(int(now) - 400)},
        {"webhook-signature": "v1,b3RoZXI="},
    ):
        with pytest.raises(ValueError, match="expected a message signed"):
            said["verify"](b'{"a": 1}', headers | wrong, secret)
