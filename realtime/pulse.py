"""How fresh what we show is: live, stale or draining; told on change, and every 2 s as a beat."""

import logging
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from redis import Redis
from redis.exceptions import RedisError

from realtime.frames import encode_event
from workers import channel, scheduler_heartbeat, store, trouble
from workers.wire import Probe

BEAT = 2.0  # seconds between two `relay` events
PROBE_INTERVAL = 1.0  # seconds between two probes through Redis to ourselves
SILENCE = 2.5  # seconds since the newest of our probes that came back was sent, after which the channel counts as lost
LOOK = 0.25  # seconds between two looks at that

log = logging.getLogger("headway.pulse")


@dataclass
class Pulse:
    """The state of one relay. `tell` sends a packet to every connection."""

    tell: Callable[[str], None]
    state: str = "stale"
    since: int = 0  # Unix time in ms of the last change
    gaps: int = 0
    scheduler: bool | None = None  # whether one is up; None: nobody has looked yet
    process: str = ""
    _sent: dict[int, float] = field(default_factory=dict)  # our probes under way, and when they were sent
    _proved_at: float = 0.0  # when the newest of our probes that came back was sent
    _clock: tuple[float, float] | None = None  # what Redis's clock said (ms), and by ours that can't be set when (s)
    refusal: str = ""  # why Redis takes no writes, so that what we show stands still; '' where it takes them
    _held: bool = False  # whether the channel is, and all that was said while it was not has been read
    _held_since: float = 0.0
    _born: str = ""  # the mark of the Redis data that our states came from

    def __post_init__(self) -> None:
        self.since = _now_ms()
        self.process = uuid4().hex
        self._held = self.live

    @property
    def live(self) -> bool:
        return self.state == "live"

    def change(self, live: bool) -> None:
        """Tell every page, where it is news, whether what it shows is live: we hold the channel, or have lost it."""
        if live and not self._held:
            self._held_since = time.monotonic()
        self._held = live
        self._judge()

    def refuse(self, why: str) -> None:
        """Take note that Redis takes no writes, and tell every page; '': it takes them, or takes them again."""
        if why and why != self.refusal:
            log.warning("%s; pages say that what they show may be stale", why)
        self.refusal = why
        self._judge()

    def _judge(self) -> None:
        state = "live" if self._held and not self.refusal else "stale"
        if state == self.state or self.state == "draining":
            return
        if state == "stale":
            self.gaps += 1
        self.state, self.since = state, _now_ms()
        self.tell(self.packet())

    def now(self) -> int:
        """Unix time in ms by Redis's clock, which all our machines share; by our own before we know it."""
        if self._clock is None:
            return _now_ms()
        said, at = self._clock
        return round(said + (time.monotonic() - at) * 1000)

    def packet(self) -> str:
        """The `relay` event."""
        return encode_event("relay", {"state": self.state, "since": self.since, **self._more()})

    def drain(self, within: float) -> Callable[[], str]:
        """From now on we say that we go. Returns what makes a packet that sends a page away within `within` seconds."""
        self.state, self.since = "draining", _now_ms()

        def packet() -> str:
            retry_in = round(random.uniform(0, within) * 1000)
            said = {"state": self.state, "since": self.since, **self._more(), "retry_in": retry_in}
            return encode_event("relay", said)

        return packet

    def farewell(self) -> str:
        """The packet that has one page leave and come anew, once the answer to its login has reached its browser."""
        return encode_event("relay", {"state": "draining", "since": _now_ms(), **self._more(), "retry_in": 1000})

    def _more(self) -> dict[str, Any]:
        return {"at": self.now(), "scheduler": self.scheduler}

    def beat(self) -> None:
        """Tell every connection that we are here, for ever."""
        while True:
            time.sleep(BEAT)
            self.tell(self.packet())

    # -- probes

    def probe(self, redis: Redis) -> None:
        """Send ourselves a word through Redis, for ever."""
        number = 0
        while True:
            number += 1
            began = time.monotonic()
            self._sent = {sent: at for sent, at in self._sent.items() if began - at < SILENCE} | {number: began}
            try:
                channel.probe(redis, self.process, number)
                self.refuse("")
            except RedisError as error:
                self.refuse(trouble.refusal(error))
                log.info("a probe could not be sent: %s", trouble.words_of(error))
            time.sleep(max(0.0, began + PROBE_INTERVAL - time.monotonic()))

    def look_around(self, redis: Redis, queues: Sequence[str]) -> None:
        """Look at Redis's clock and for a scheduler of `queues` (their names in RQ), for ever.

        Not between two probes: where Redis is slow these would come late.
        """
        while True:
            try:
                self._clock = (store.now(redis) / 1000, time.monotonic())
                self.scheduler = scheduler_heartbeat.read(redis, queues) is not None
            except RedisError as error:  # what was known is still the best that we know
                log.debug("neither the time nor a scheduler could be looked for: %s", error)
            time.sleep(PROBE_INTERVAL)

    def hear(self, probe: Probe) -> bool:
        """Take a probe; False where it says that Redis has lost its data since, so that what we show is of the past."""
        if probe.process == self.process:
            # not the time at which it came: that would hide how late all else comes
            self._proved_at = max(self._proved_at, self._sent.pop(probe.number, 0.0))
        same = probe.born == self._born or not self._born or not probe.born
        self._born = probe.born or self._born
        return same

    def mind(self, drop: Callable[[], None]) -> None:
        """Call what we show stale, and `drop` the channel, when probes don't come back or come late; for ever."""
        while True:
            time.sleep(LOOK)
            if self._held and time.monotonic() - max(self._proved_at, self._held_since) > SILENCE:
                log.warning("what is said on the channel does not come through")
                self.change(live=False)
                drop()

    @property
    def probe_age(self) -> float | None:
        """Seconds since the newest of our probes that came back was sent; None before the first."""
        return time.monotonic() - self._proved_at if self._proved_at else None


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
