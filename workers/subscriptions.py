"""The browsers of an owner that want to be pushed news of ends. In Redis: headway:push:<owner>, beside the key pair
that their push services know us by (workers/vapid.py): the one is of no use without the other.
"""

import hashlib
import json
from dataclasses import dataclass
from typing import Literal

from redis import Redis

from workers import records, store
from workers.news import run_time
from workers.wire import JobState, Status, encode, push_key

MOST = 20  # of one owner; the one that was renewed the longest ago goes
TTL = 60 * 24 * 3600  # seconds, renewed with each change

Ends = Literal["all", "failures", "off"]


@dataclass(frozen=True, slots=True)
class Subscription:
    """What a browser has subscribed to. Its endpoint is a capability: it is told to nobody."""

    endpoint: str
    p256dh: str  # base64url, of a point on P-256
    auth: str  # base64url, of 16 bytes
    ends: Ends = "all"
    longer_than: float = 0.0  # seconds; what ran for less is not told
    expires_at: int | None = None  # ms, as the browser says

    @property
    def digest(self) -> str:
        return digest_of(self.endpoint)

    def wants(self, state: JobState) -> bool:
        if self.ends == "off" or (self.ends == "failures" and state.status != Status.FAILED):
            return False
        return run_time(state) >= self.longer_than


def digest_of(endpoint: str) -> str:
    return hashlib.sha256(endpoint.encode(errors="surrogatepass")).hexdigest()


def put(redis: Redis, owner: str, subscription: Subscription) -> None:
    """Add a subscription, or change it."""
    key = push_key(owner)
    keys = {"p256dh": subscription.p256dh, "auth": subscription.auth}
    given = {"endpoint": subscription.endpoint, "expirationTime": subscription.expires_at, "keys": keys}
    kept = {
        "subscription": given,
        "ends": subscription.ends,
        "longer_than": subscription.longer_than,
        "renewed_at": store.now(redis),
    }
    with redis.pipeline() as pipeline:
        pipeline.hset(key, subscription.digest, encode(kept))
        pipeline.expire(key, TTL)
        pipeline.hgetall(key)
        found = records.execute(pipeline)[-1]
    if found is None:  # a key of another type is nobody's
        redis.delete(key)
        return put(redis, owner, subscription)
    if len(found) > MOST:
        oldest = sorted(found, key=lambda digest: _renewed_at(found[digest]))
        redis.hdel(key, *oldest[: len(found) - MOST])


def remove(redis: Redis, owner: str, digest: str) -> None:
    redis.hdel(push_key(owner), digest)


def load(redis: Redis, owner: str, digest: str) -> Subscription | None:
    text = records.ask(lambda: redis.hget(push_key(owner), digest))
    return None if text is None else _read(owner, text)


def load_all(redis: Redis, owner: str) -> list[Subscription]:
    """Those that can be read."""
    kept = records.ask(lambda: redis.hgetall(push_key(owner)), {})
    return [one for text in kept.values() if (one := _read(owner, text)) is not None]


def _read(owner: str, text: bytes) -> Subscription | None:
    try:
        kept = json.loads(text)
        given = kept["subscription"]
        keys, longer_than = given["keys"], float(kept["longer_than"])
        for word in (given["endpoint"], keys["p256dh"], keys["auth"], kept["ends"]):
            word.encode()
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        records.say(push_key(owner), repr(error))
        return None
    return Subscription(
        given["endpoint"], keys["p256dh"], keys["auth"], kept["ends"], longer_than, given.get("expirationTime")
    )


def _renewed_at(text: bytes) -> int:
    """0 where it can't be read: it is the first to go."""
    try:
        return int(json.loads(text)["renewed_at"])
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError):
        return 0
