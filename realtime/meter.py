"""What connections cost, metered: those of one owner, or of one address, share an allowance. Pure.

A client that has used it up waits, and nobody else: the connection is read from again once its debt is paid. One unit
is about what the watch of one job costs, 35 µs of a core.
"""

import time
from collections.abc import Callable, Iterable
from typing import Any

from realtime.access import Visitor
from workers.addresses import Network, block_of, client_of

RATE = 8000.0  # units a second that one payer may cost for long: less than a quarter of a core
BURST = 32_000.0  # units at once: twenty pages that watch as many topics as they may, or five hundred usual ones
MESSAGE = 3.0  # units, and as many bytes of it as watch one job by its id are another one
BYTES_A_UNIT = 42
TOPIC, END, LEFT, JOIN = 0.5, 0.5, 0.25, 10.0  # units more: a topic watched, an end seen, a topic left, a CONNECT
ANSWER_BYTES_A_UNIT = 2048  # a list of jobs is read and joined faster than it is watched
PAYERS_LIMIT = 10_000  # after which those are forgotten that owe nothing

Environ = dict[str, Any]


class Payer:
    """One owner, or one address."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._left, self._at = BURST, clock()

    @property
    def left(self) -> float:
        """Units; below 0 it is in debt."""
        now = self._clock()
        self._left = min(BURST, self._left + (now - self._at) * RATE)
        self._at = now
        return self._left

    def charge(self, units: float) -> None:
        self._left = self.left - units

    def book(self, size: int) -> float:
        """Charge a message of `size` bytes; returns the seconds until it may be taken.

        Those that come meanwhile are taken after it, one after the other, and not all at once.
        """
        wait = max(0.0, -self.left / RATE)
        self.charge(MESSAGE + size / BYTES_A_UNIT)
        return wait


class Meter:
    """All payers by their names."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._payers: dict[str, Payer] = {}
        self._limit = PAYERS_LIMIT

    def payer(self, name: str) -> Payer:
        """The one of this name; it is the same for as long as it owes anything."""
        found = self._payers.get(name)
        if found is None:
            if len(self._payers) >= self._limit:
                self._payers = {known: payer for known, payer in self._payers.items() if payer.left < BURST}
                self._limit = max(PAYERS_LIMIT, 2 * len(self._payers))
            found = self._payers[name] = Payer(self._clock)
        return found

    def of_address(self, trusted: Iterable[Network]) -> Callable[[Environ], Payer]:
        """What tells from an opening request at which address somebody pays for it."""

        def payer_of(environ: Environ) -> Payer:
            forwarded = environ.get("HTTP_X_FORWARDED_FOR", "")
            return self.payer(block_of(client_of(environ.get("REMOTE_ADDR", ""), forwarded, trusted)))

        return payer_of

    def of_visitor(self, who: Visitor, address: Payer) -> Payer:
        """Those who see everything pay by themselves, wherever they are; all others at their address."""
        return self.payer(f"owner {who.owner}") if who.sees else address
