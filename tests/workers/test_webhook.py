"""One webhook, to a receiver that verifies it."""

import base64
import json
import re
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.web_hook import WebHook
from tests.workers.test_news import state
from workers import webhook
from workers.delivery import Delayed, Undeliverable
from workers.release import VERSION
from workers.wire import encode_state

DOCS = Path(__file__).parent.parent.parent / "docs/notices.md"
KEY = b"0123456789abcdef01234567"


@pytest.fixture
def hook() -> Iterator[WebHook]:
    opened = WebHook("whsec_" + base64.b64encode(KEY).decode())
    yield opened
    opened.close()


def send(hook: WebHook, body: bytes = b"{}", *, secrets: Sequence[bytes] = (KEY,), allow_private: bool = True) -> None:
    webhook.send(hook.url, body, id="a_1", secrets=secrets, allow_private=allow_private)


def test_it_is_verified_and_says_what_ended_when(hook: WebHook) -> None:
    told = encode_state(state(ended_at=1_767_268_800_123, result={"big": 1e400 == 1, "text": "語\n"}))
    send(hook, webhook.message(told))
    assert hook.ids == ["a_1"] and not hook.wrong
    [event] = hook.events
    assert (event["type"], event["timestamp"]) == ("job.ended", "2026-01-01T12:00:00.123Z")
    assert event["data"] == json.loads(told) and told.encode() in hook.bodies[0]


def test_another_secret_is_noticed(hook: WebHook) -> None:
    with pytest.raises(Undeliverable, match="401"):
        send(hook, secrets=(KEY[::-1],))
    assert hook.wrong and not hook.events


@pytest.mark.parametrize("secrets", [(KEY, KEY[::-1]), (KEY[::-1], KEY)], ids=["the new one", "the old one"])
def test_while_a_secret_is_changed_a_receiver_may_have_either(secrets: Sequence[bytes], hook: WebHook) -> None:
    send(hook, secrets=secrets)
    assert hook.events and not hook.wrong
    assert [part.partition(",")[0] for part in hook.heads[0]["webhook-signature"].split(" ")] == ["v1", "v1"]


def test_it_says_who_sends_it_and_has_one_id_without_a_dot_in_all_tries(hook: WebHook) -> None:
    hook.answers.append((500, {}))
    with pytest.raises(Delayed):
        send(hook)
    send(hook)
    assert hook.ids == ["a_1", "a_1"] and hook.heads[0]["user-agent"] == f"Headway/{VERSION}"
    ids = {webhook.id_of(job, attempt) for job in ("a", "a_1", "1b4e28ba-2fa1-11d2") for attempt in (1, 2, 11)}
    assert len(ids) == 9 and not [id for id in ids if "." in id]


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
    signature = webhook.sign(b'{"a": 1}', id="a_1", timestamp=now, secret=KEY)
    headers = {"webhook-id": "a_1", "webhook-timestamp": now, "webhook-signature": f"v1,b3RoZXI= {signature}"}
    secret = "whsec_" + base64.b64encode(KEY).decode()
    assert said["verify"](b'{"a": 1}', headers, secret) == {"a": 1}
    for wrong in (
        {"webhook-id": "b_1"},
        {"webhook-timestamp": str(int(now) - 400)},
        {"webhook-signature": "v1,b3RoZXI="},
    ):
        with pytest.raises(ValueError, match="expected a message signed"):
            said["verify"](b'{"a": 1}', headers | wrong, secret)
