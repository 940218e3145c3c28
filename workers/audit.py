"""The audit log: who did what to which jobs, queues and workers; the newest 10,000 entries, and as many of strangers.

Each is a line of the log, too. An entry is written after the act, with its result. One that Redis does not take fails
no act that is done: its line is still there, and another says that it was not kept. Whoever must keep all of them
keeps the log. What strangers were refused is counted, and told as one entry for each ten minutes.
"""

import logging
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any, Final

from redis import Redis
from redis.exceptions import RedisError, WatchError

from workers import records
from workers.terminal import visible
from workers.wire import decode, encode

KEY: Final = "headway:audit"  # a stream: of operators, viewers and tokens
OTHERS_KEY: Final = "headway:audit:others"  # of strangers, so that what they do pushes out nothing of the former
REFUSED_KEY: Final = "headway:audit:refused"  # a hash: `<what> <code>` → how many; and `since`, in ms
LIMIT: Final = 10_000  # entries of each stream, about
SIZE_LIMIT: Final = 2048  # bytes of one entry
IDS_LIMIT: Final = 20  # ids that one entry names
TEXT_LIMITS: Final = (200, 80, 36, 8)  # characters of each text in it: the most that leaves it small enough
TOLD_AFTER: Final = 600_000  # ms for which refusals are counted together
STRANGERS: Final = "strangers"  # who did it, in an entry of refusals

log = logging.getLogger("headway.audit")


@dataclass(frozen=True, slots=True)
class Entry:
    who: str  # operator, viewer, token, or the beginning of an owner's id; '' for a program that nobody knows
    what: str
    which: Mapping[str, Any]  # what it was done to
    result: str  # ok, or the error's code


def write(redis: Redis, entry: Entry, *, stranger: bool = False) -> None:
    """Never raises: what was done was done."""
    text = encoded(entry)
    log.info("%s", visible(text))
    try:
        redis.xadd(OTHERS_KEY if stranger else KEY, {"entry": text}, maxlen=LIMIT, approximate=True)
    except RedisError as error:
        log.error("not kept in Redis, this line is all there is: %s: %s", visible(text), error)


def encoded(entry: Entry) -> str:
    """As JSON of at most 2 KB: the texts in it are cut as much as that takes."""
    for most in TEXT_LIMITS:
        text = encode({name: _cut(value, most) for name, value in asdict(entry).items()})
        if len(text.encode()) <= SIZE_LIMIT:
            return text
    return encode({"who": _cut(entry.who, most), "what": _cut(entry.what, most), "which": {}, "result": entry.result})


def _cut(value: Any, most: int) -> Any:
    if isinstance(value, str):
        return value if len(value) <= most else value[: most - 1] + "…"
    if isinstance(value, Mapping):
        return {_cut(str(name), most): _cut(one, most) for name, one in list(value.items())[:IDS_LIMIT]}
    if isinstance(value, list | tuple):
        return [_cut(one, most) for one in value[:IDS_LIMIT]]
    return value


def count_refusal(redis: Redis, what: str, code: str) -> None:
    """Count what a stranger was refused. Never raises, as `write`."""
    try:
        with redis.pipeline() as pipeline:
            pipeline.hsetnx(REFUSED_KEY, "since", int(time.time() * 1000))
            pipeline.hincrby(REFUSED_KEY, f"{what} {code}", 1)
            pipeline.execute()
    except RedisError as error:
        log.error("a refusal was not counted: %s %s: %s", what, code, error)


def tell_refusals(redis: Redis, *, after: int = TOLD_AFTER) -> bool:
    """Make an entry of what has been counted for `after` ms; whether there was one to be made. Raises RedisError."""
    with redis.pipeline() as pipeline:
        pipeline.watch(REFUSED_KEY)
        entry = _refusals(redis)
        if entry is None or time.time() * 1000 - entry["at"] < after:
            return False
        text = encoded(Entry(entry["who"], entry["what"], entry["which"], entry["result"]))
        pipeline.multi()
        pipeline.xadd(OTHERS_KEY, {"entry": text}, maxlen=LIMIT, approximate=True)
        pipeline.delete(REFUSED_KEY)
        try:
            pipeline.execute()
        except WatchError:
            return False  # one more has come: another time
    log.info("%s", visible(text))
    return True


def _refusals(redis: Redis) -> dict[str, Any] | None:
    """What has been counted, as an entry."""
    kept = records.ask(lambda: redis.hgetall(REFUSED_KEY), {})
    found = {records.text(name): records.whole(value) or 0 for name, value in kept.items()}
    since = found.pop("since", None)
    if not since or not found:
        return None
    counts = dict(sorted(found.items(), key=lambda item: -item[1])[:IDS_LIMIT])
    which = {**counts, "count": sum(found.values()), "since": since}
    return {"at": since, "who": STRANGERS, "what": "refused", "which": which, "result": "refused"}


def read(redis: Redis, before: str | None, limit: int) -> tuple[list[dict[str, Any]], str | None]:
    """Up to `limit` entries, newest first: [{at: ms, who, what, which, result}]; and where to go on, None: nowhere.

    The first page has one more, in its place by time: what strangers are being refused just now, if anything.
    """
    found: list[tuple[tuple[int, int, bool], dict[str, Any]]] = []
    for key, others in ((KEY, False), (OTHERS_KEY, True)):
        bound = _bound(before, others)
        if bound is None:
            continue
        for id, fields in records.ask(partial(redis.xrevrange, key, max=bound, count=limit + 1), []):
            at, _, number = id.decode().partition("-")
            found.append(((int(at), int(number), others), _entry(key, id.decode(), fields.get(b"entry", b""))))
    found.sort(key=lambda one: one[0], reverse=True)
    counted = _refusals(redis) if before is None else None
    entries = [entry for _, entry in found[:limit]]
    if counted is not None:
        newer = sum(entry["at"] >= counted["at"] for entry in entries)
        entries.insert(newer, counted)
    if len(found) <= limit:
        return entries, None
    at, number, others = found[limit - 1][0]
    return entries, f"{at}-{number}{'o' if others else ''}"


def _bound(before: str | None, others: bool) -> str | None:
    """From where to read on in one of the streams; None: nothing comes before it.

    Of two entries with one id that of strangers comes first.
    """
    if before is None:
        return "+"
    id = before.removesuffix("o")
    if not others and before.endswith("o"):
        return id
    return None if id.strip("0") == "-" else f"({id}"  # Redis takes no "(0-0"


def _entry(key: str, id: str, text: bytes) -> dict[str, Any]:
    at = records.whole(id.partition("-")[0])
    try:
        kept = decode(text)
        entry = Entry(**kept)
        if isinstance(entry.which, dict) and all(isinstance(kept[name], str) for name in ("who", "what", "result")):
            return {"at": at, **kept}
    except (ValueError, TypeError, RecursionError) as error:
        records.say(f"{key} {id}", str(error))
    return {"at": at, "who": "", "what": "unreadable", "which": {}, "result": ""}
