"""The browsers of an owner that want to be pushed news of ends. In Redis: headway:push:<owner>, beside the key pair
that their push services know us by (workers/vapid.py): the one is of no use without the other.
"""

import hashlib
import json
from dataclasses import dataclass
from typing import Literal

from redis import Redis

from workers import allowance, records, store
from workers.errors import TooMany
from workers.limits import BROWSERS, DAY, Limit, Payer
from workers.news import run_time
from workers.wire import JobState, Status, encode, push_key

MOST = BROWSERS.owner or 0  # of one owner; the one that was renewed the longest ago goes
ALL = "headway:browsers"  # those of all strangers: a sorted set of `<owner> <digest>` by when they were renewed, in µs
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


def put(redis: Redis, owner: str, subscription: Subscription, payer: Payer | None = None) -> None:
    """Add a subscription, or change it. Raises `TooMany` where `payer` may have no more."""
    key = push_key(owner)
    if payer is not None and not redis.hexists(key, subscription.digest):
        _check(redis, payer)
    keys = {"p256dh": subscription.p256dh, "auth": subscription.auth}
    given = {"endpoint": subscription.endpoint, "expirationTime": subscription.expires_at, "keys": keys}
    renewed_at = store.now(redis)
    kept = {
        "subscription": given,
        "ends": subscription.ends,
        "longer_than": subscription.longer_than,
        "renewed_at": renewed_at,
    }
    with redis.pipeline() as pipeline:
        pipeline.hset(key, subscription.digest, encode(kept))
        pipeline.expire(key, TTL)
        if payer is not None:
            pipeline.zadd(ALL, {_member(owner, subscription.digest): renewed_at})
        pipeline.hgetall(key)
        found = records.execute(pipeline)[-1]
    if found is None:  # a key of another type is nobody's
        redis.delete(key)
        return put(redis, owner, subscription)
    oldest = sorted(found, key=lambda digest: _renewed_at(found[digest]))
    for digest in oldest[: max(0, len(found) - MOST)]:
        remove(redis, owner, records.text(digest))


def _check(redis: Redis, payer: Payer) -> None:
    with redis.pipeline() as pipeline:
        pipeline.zremrangebyscore(ALL, "-inf", store.now(redis) - TTL * 1_000_000)
        pipeline.zcard(ALL)
        _, count = pipeline.execute()
    if count >= (BROWSERS.strangers or 0):
        raise TooMany("No more browsers can subscribe to notices here; ask an operator", DAY)
    if wait := allowance.spend(redis, "browsers", payer, Limit(None, BROWSERS.address, None), DAY):
        raise TooMany(f"At most {BROWSERS.address} browsers of one address may subscribe to notices a day", wait)


def _member(owner: str, digest: str) -> str:
    return f"{owner} {digest}"


def remove(redis: Redis, owner: str, digest: str) -> None:
    with redis.pipeline() as pipeline:
        pipeline.hdel(push_key(owner), digest)
        pipeline.zrem(ALL, _member(owner, digest))
        pipeline.execute()


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
