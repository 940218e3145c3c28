"""The way into the process: takes connections, so many of each client and in all.

Nothing here waits, and no error of one connection, nor a lack of descriptors, ends it.
"""

import errno
import logging
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

from realtime.caller import Caller, words
from realtime.framing import Fault
from realtime.gate import Gate
from realtime.lobby import READ_SIZE, Listen, Lobby
from workers.addresses import Network, block_of, is_within

TURN = 128  # connects after which others have their turn
TICK = 0.25  # seconds between two looks at deadlines
WARN_EVERY = 60.0  # seconds
FULL = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}
BROKEN = {errno.EBADF, errno.EINVAL, errno.ENOTSOCK, errno.EFAULT, errno.EOPNOTSUPP}  # the listening socket itself

log = logging.getLogger("headway.door")


class Door:
    """Takes the connections of its listening sockets into the lobby."""

    def __init__(
        self,
        gate: Gate,
        lobby: Lobby,
        *,
        accept: Callable[[Any], tuple[Any, Any]],
        listen: Listen,
        trusted: tuple[Network, ...] = (),
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._gate = gate
        self._lobby = lobby
        self._take, self._listen = accept, listen
        self._trusted = trusted
        self._now = now
        self._doors: dict[Any, bool] = {}  # listening sockets, and whether their connections are counted
        self._stops: dict[Any, Callable[[], None]] = {}  # of those that are listened to
        self._broken: OSError | None = None
        self._warned_at = -WARN_EVERY

    def open(self, listening: Any, *, counted: bool = True) -> None:
        """Take the connections of this socket from now on."""
        self._doors[listening] = counted
        self._attend(listening)

    def close(self) -> None:
        """Take no more connections; requests under way are answered."""
        for listening in list(self._doors):
            self._neglect(listening)
            del self._doors[listening]
            listening.close()
        self._lobby.close()

    def tick(self) -> None:
        """To be called several times a second. Raises `OSError` where a listening socket is beyond use."""
        if self._broken is not None:
            raise self._broken
        self._lobby.tick()
        for listening in list(self._doors):
            self._attend(listening)
            self._accept(listening)

    def _attend(self, listening: Any) -> None:
        if listening not in self._stops:
            self._stops[listening] = self._listen(listening.fileno(), lambda _: self._accept(listening))

    def _neglect(self, listening: Any) -> None:
        if listening in self._stops:
            self._stops.pop(listening)()

    def _accept(self, listening: Any) -> None:
        """Called by the hub: some of the connections that wait."""
        for _ in range(TURN):
            try:
                wire, address = self._take(listening)
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno in BROKEN:
                    self._broken = error
                if error.errno in FULL | BROKEN:
                    self._neglect(listening)  # until the next tick; else the hub would spin
                    self._warn(error)
                    for _ in range(TURN):
                        self._lobby.make_room(None)
                    return
                continue  # that connection is gone
            self._admit(wire, address, self._doors[listening])

    def _warn(self, error: OSError) -> None:
        if self._now() - self._warned_at > WARN_EVERY:
            self._warned_at = self._now()
            log.warning("no new connections for a moment: %s (%d are open)", error.strerror, self._gate.open)

    def _admit(self, wire: Any, address: Any, counted: bool) -> None:
        peer = str(address[0]) if isinstance(address, tuple) else ""
        client = block_of(peer) if counted and not is_within(peer, self._trusted) else ""
        caller = Caller(wire, peer, address, client)
        if counted:
            full = self._gate.is_full and not self._lobby.make_room(None)
            if full or (client and self._gate.is_full_for(client) and not self._lobby.make_room(client)):
                self._refuse(caller)
                return
            self._gate.enter(client)
            caller.ends.append(partial(self._gate.leave, client))
        self._lobby.take(caller)

    def _refuse(self, caller: Caller) -> None:
        with suppress(OSError):
            caller.wire.fd.recv(READ_SIZE, socket.MSG_DONTWAIT)  # unread, the kernel would take our word back
        caller.say(words(Fault(503, "unavailable", "Too many connections; try again in a moment", 5)))
        caller.drop()
