"""How fresh what we show is: live, stale or draining; told on change, and every 2 s as a beat."""

import logging
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from uuid import uuid4

from redis import Redis
from redis.exceptions import RedisError

from realtime.frames import encode_event
from workers import store
from workers.wire import Probe

BEAT = 2.0  # seconds between two `relay` events
PROBE_INTERVAL = 1.0  # seconds between two probes through Redis to ourselves
SILENCE = 2.5  # seconds without any message, our own probe included, after which the channel counts as lost

log = logging.getLogger("headway.pulse")


@dataclass
class Pulse:
    """The state of one relay. `tell` sends a packet to every connection."""

    tell: Callable[[str], None]
    state: str = "stale"
    since: int = 0  # Unix time in ms of the last change
    gaps: int = 0
    heard_at: float = 0.0  # monotonic time at which our own probe last came back
    process: str = ""
    _born: str = ""  # the mark of the Redis data that our states came from

    def __post_init__(self) -> None:
        self.since = _now_ms()
        self.process = uuid4().hex

    @property
    def live(self) -> bool:
        return self.state == "live"

    def change(self, live: bool) -> None:
        """Tell every page, where it is news, whether what it shows is live."""
        state = "live" if live else "stale"
        if state == self.state or self.state == "draining":
            return
        if not live:
            self.gaps += 1
        self.state, self.since = state, _now_ms()
        self.tell(self.packet())

    def packet(self) -> str:
        """The `relay` event."""
        return encode_event("relay", {"state": self.state, "since": self.since})

    def drain(self, within: float) -> Callable[[], str]:
        """From now on we say that we go. Returns what makes a packet that sends a page away within `within` seconds."""
        self.state, self.since = "draining", _now_ms()

        def packet() -> str:
            retry_in = round(random.uniform(0, within) * 1000)
            return encode_event("relay", {"state": self.state, "since": self.since, "retry_in": retry_in})

        return packet

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
            try:
                store.probe(redis, self.process, number)
            except RedisError as error:
                log.info("a probe could not be sent: %s", error)
            time.sleep(PROBE_INTERVAL)

    def hear(self, probe: Probe) -> bool:
        """Take a probe; False where it says that Redis has lost its data since, so that what we show is of the past."""
        if probe.process == self.process:
            self.heard_at = time.monotonic()
        same = probe.born == self._born or not self._born
        self._born = probe.born
        return same

    @property
    def probe_age(self) -> float | None:
        """Seconds since our own probe last came back; None before the first."""
        return time.monotonic() - self.heard_at if self.heard_at else None


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
