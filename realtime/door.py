"""The way into the process: takes connections, and keeps them while nobody answers a request of theirs.

A connection that is silent, or whose head has not come in full, is a few KB and a listener of the hub; a green thread
begins with a whole head. Nothing here waits, and no error of one connection, nor a lack of descriptors, ends it.
"""

import errno
import logging
import socket
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

from realtime.caller import Caller, Then, words
from realtime.framing import Fault, Head, Heads
from realtime.gate import Gate, Waiting
from workers.addresses import Network, block_of, client_of, is_within

HEAD_TIME = 10.0  # seconds for a whole head, from the connect or the first byte of a later one
IDLE_TIME = 30.0  # seconds for the next request to begin
LEAVE_TIME = 3.0  # seconds for a client to read our last word and hang up
LEAVE_LIMIT = 64 * 1024  # bytes that we read meanwhile, beyond what the client announced
LEAVE_BODY = 16 * 1024 * 1024  # bytes of an announced body that we read so that its sender gets to our answer
BODIES = 256  # that the application waits for at once, of all clients: some 60 KB each
READ_SIZE = 16 * 1024  # bytes
STARTS = 8  # requests that begin to be answered before others have their turn
TURN = 32  # connects after which others have their turn
TICK = 0.25  # seconds between two looks at deadlines
# nothing is wrong with the listening socket: accept(2)
FULL = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}
BROKEN = {errno.EBADF, errno.EINVAL, errno.ENOTSOCK, errno.EFAULT, errno.EOPNOTSUPP}

log = logging.getLogger("headway.door")


Answer = Callable[[Caller, Head, str], tuple[Then, int]]  # (…, the client) → …, bytes of the body that are not read


class Door:
    """Takes connections from its listening sockets and has whole requests answered by `answer`, in green threads."""

    def __init__(
        self,
        gate: Gate,
        answer: Answer,
        *,
        accept: Callable[[Any], tuple[Any, Any]],
        listen: Callable[[int, Callable[[int], None]], Callable[[], None]],
        spawn: Callable[[Callable[[], None]], Any],
        unfinished: int,
        trusted: tuple[Network, ...] = (),
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._gate = gate
        self._answer = answer
        self._take, self._listen, self._spawn = accept, listen, spawn
        self._most_unfinished = unfinished  # of one client
        self._trusted = trusted
        self._now = now
        self._idle: Waiting[Caller] = Waiting()  # nothing of a request has come
        self._unfinished: Waiting[Caller] = Waiting()  # some of a head or body has, and not all
        self._whole: deque[tuple[Caller, Head]] = deque()  # requests that nobody answers yet
        self._bodies: Waiting[Caller] = Waiting()  # of those, where a green thread waits for the body
        self._doors: dict[Any, bool] = {}  # listening sockets, and whether their connections are counted
        self._stops: dict[Any, Callable[[], None]] = {}  # of those that are listened to
        self._broken: OSError | None = None
        self._warned_at = -1e9

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
        for caller in self._idle.all():
            self._drop(caller)

    def tick(self) -> None:
        """End those whose time is over, and look for connections. Raises `OSError` where a socket is beyond use."""
        if self._broken is not None:
            raise self._broken
        now = self._now()
        for caller in self._idle.all():
            if now > caller.deadline:
                self._drop(caller)
        for caller in self._unfinished.all():
            if now > caller.deadline:
                self._end(caller, Fault(408, "bad_request", "The request took too long to come"))
        for listening in list(self._doors):
            self._attend(listening)
            self._accept(listening)

    # -- connections

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
                        self._make_room(None)
                    return
                continue  # that connection is gone
            self._admit(wire, address, self._doors[listening])

    def _warn(self, error: OSError) -> None:
        if self._now() - self._warned_at > 60:
            self._warned_at = self._now()
            log.warning("no new connections for a moment: %s (%d are open)", error.strerror, self._gate.open)

    def _make_room(self, client: str | None) -> bool:
        """End the one that we have waited for longest, of this client or of all; False where we wait for nobody."""
        caller = self._idle.longest(client) or self._unfinished.longest(client)
        if caller is None:
            return False
        self._end(caller, Fault(503, "unavailable", "Too many connections"))
        return True

    def _admit(self, wire: Any, address: Any, counted: bool) -> None:
        peer = str(address[0]) if isinstance(address, tuple) else ""
        client = block_of(peer) if counted and not is_within(peer, self._trusted) else ""
        caller = Caller(wire, peer, address, client, self._now() + HEAD_TIME)
        if counted:
            full = self._gate.is_full and not self._make_room(None)
            if full or (client and self._gate.is_full_for(client) and not self._make_room(client)):
                self._refuse(caller)
                return
            self._gate.enter(client)
            caller.ends.append(partial(self._gate.leave, client))
        self._hear(caller)

    def _refuse(self, caller: Caller) -> None:
        with suppress(OSError):
            caller.wire.fd.recv(READ_SIZE, socket.MSG_DONTWAIT)  # unread, the kernel would take our word back
        caller.say(words(Fault(503, "unavailable", "Too many connections; try again in a moment", 5)))
        caller.drop()

    def _drop(self, caller: Caller) -> None:
        self._idle.discard(caller)
        self._unfinished.discard(caller)
        caller.drop()

    def _end(self, caller: Caller, why: Fault) -> None:
        """End a connection that we wait for. Where its body is awaited, who reads it finds the end."""
        self._idle.discard(caller)
        waited = self._unfinished.discard(caller)
        self._bodies.discard(caller)
        if caller.stop is None:
            caller.hear_no_more(why)
            return
        if waited:
            caller.say(words(why))
        caller.drop()

    # -- requests

    def _hear(self, caller: Caller) -> None:
        """Called by the hub: something has come."""
        try:
            data = caller.wire.fd.recv(READ_SIZE, socket.MSG_DONTWAIT)
        except BlockingIOError:
            self._await(caller)
            return
        except OSError:
            data = b""
        if caller.leaving:
            caller.leaving -= len(data)
            if not data or caller.leaving <= 0:
                self._drop(caller)
        elif data:
            caller.heads.rest += data
            self._look(caller)
        else:
            self._drop(caller)  # half a request is none

    def _look(self, caller: Caller) -> None:
        try:
            head = caller.heads.next()
        except Fault as fault:
            caller.say(words(fault))
            self._leave(caller)
            return
        if head is None:
            self._await(caller)
            return
        if caller.stop is not None:
            caller.stop()
            caller.stop = None
        self._idle.discard(caller)
        self._unfinished.discard(caller)
        self._whole.append((caller, head))
        if len(self._whole) == 1:
            self._spawn(self._dispatch)

    def _dispatch(self) -> None:
        """Have some of the whole requests answered, and the others after what else the hub has to do: frames."""
        for _ in range(min(STARTS, len(self._whole))):
            self._spawn(partial(self._serve, *self._whole.popleft()))
        if self._whole:
            self._spawn(self._dispatch)

    def _await(self, caller: Caller) -> None:
        if caller.stop is None:
            caller.stop = self._listen(caller.wire.fileno(), lambda _: self._hear(caller))
        if not caller.heads.begun:
            if caller not in self._idle:
                self._idle.add(caller, caller.client)
        elif caller not in self._unfinished:
            self._idle.discard(caller)
            caller.deadline = min(caller.deadline, self._now() + HEAD_TIME)
            self.wait_for(caller, caller.client)

    def wait_for(self, caller: Caller, client: str) -> None:
        """A request of this client is not complete, and we wait for more of it. Too many: the oldest of them ends."""
        if caller in self._unfinished:
            return
        self._unfinished.add(caller, client)
        if client and self._unfinished.count(client) > self._most_unfinished:
            oldest = self._unfinished.longest(client)
            assert oldest is not None
            why = f"expected at most {self._most_unfinished} requests at once that are not complete"
            self._end(oldest, Fault(429, "too_many", why, 5))

    def wait_for_body(self, caller: Caller, client: str) -> None:
        """As `wait_for`, of a request whose body the application reads: a green thread waits, with all it has."""
        self.wait_for(caller, client)
        if caller not in self._bodies and caller in self._unfinished:
            self._bodies.add(caller, client)
            if len(self._bodies) > BODIES and (oldest := self._bodies.longest()) is not None:
                self._end(oldest, Fault(503, "unavailable", "Too many slow requests at once; try again later", 5))

    def got(self, caller: Caller) -> None:
        """We no longer wait for this request."""
        self._unfinished.discard(caller)
        self._bodies.discard(caller)

    def _serve(self, caller: Caller, head: Head) -> None:
        """In a green thread: one request."""
        caller.deadline = float("inf")  # of the body: its own
        client, uncount = caller.client, None
        if not client and self._trusted and is_within(caller.peer, self._trusted):
            client = block_of(client_of(caller.peer, head.get("x-forwarded-for"), self._trusted))
            if self._gate.is_full_for(client):
                caller.say(words(Fault(429, "too_many", "Too many connections of this address", 5)))
                self._leave(caller, head.length)
                return
            self._gate.count(client)
            uncount = partial(self._gate.uncount, client)
            caller.ends.append(uncount)
        then, unread = self._answer(caller, head, client)
        self.got(caller)
        if then is Then.KEPT:
            return  # and counted until it is closed
        if uncount in caller.ends:
            caller.ends.remove(uncount)
            uncount()
        if then is Then.STAYS and self._doors:
            caller.deadline = self._now() + IDLE_TIME
            self._look(caller)
        else:
            self._leave(caller, unread)

    def _leave(self, caller: Caller, unread: int = -1) -> None:
        """Let the client read our last word: closed at once, with bytes unread, the kernel would take it back."""
        if unread == 0 and not caller.heads.begun:
            caller.drop()
            return
        with suppress(OSError):
            caller.wire.shutdown(socket.SHUT_WR)
        caller.leaving = LEAVE_LIMIT + (unread if 0 < unread <= LEAVE_BODY else 0)
        caller.heads = Heads()
        caller.deadline = self._now() + LEAVE_TIME
        self._unfinished.discard(caller)
        self._await(caller)
