"""One webhook: the end of a job as JSON, signed as Standard Webhooks has it (https://www.standardwebhooks.com)."""

import base64
import hashlib
import hmac
import time
from collections.abc import Sequence
from datetime import UTC, datetime

from workers import delivery
from workers.delivery import Undeliverable
from workers.wire import decode_state

GONE = 410


def message(state: str) -> bytes:
    """{"type": "job.ended", "timestamp": when it ended, "data": the state as it is on the wire, byte for byte}."""
    ended_at = decode_state(state).ended_at or 0
    moment = datetime.fromtimestamp(ended_at / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return f'{{"type":"job.ended","timestamp":"{moment}","data":{state}}}'.encode()


def send(url: str, body: bytes, *, id: str, secrets: Sequence[bytes], allow_private: bool) -> None:
    """Post `body`, signed with each of `secrets`; `id` is the same in every try. Raises `Delayed`, `Undeliverable`."""
    now = str(int(time.time()))
    headers = {
        "Content-Type": "application/json",
        "webhook-id": id,
        "webhook-timestamp": now,
        "webhook-signature": " ".join(sign(body, id=id, timestamp=now, secret=secret) for secret in secrets),
    }
    answer = delivery.post(url, body, headers, allow_private=allow_private)
    if answer.status == GONE:
        raise Undeliverable(f"{answer.host} answered 410: it wants no more of them")
    answer.refuse()


def id_of(job: str, attempt: int) -> str:
    """The message of one end of a job. Without a dot, which the standard has between id, timestamp and body."""
    return f"{job}_{attempt}"


def sign(body: bytes, *, id: str, timestamp: str, secret: bytes) -> str:
    digest = hmac.digest(secret, f"{id}.{timestamp}.".encode() + body, hashlib.sha256)
    return f"v1,{base64.b64encode(digest).decode()}"
