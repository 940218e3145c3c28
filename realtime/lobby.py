"""Where callers wait until a request of theirs is whole: bounded in number and in time, each a few KB.

A green thread, with all that an application has around it, begins with a whole request. Only a body that is large, or
that the client sends upon our word, is read by the application itself.
"""

import socket
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

from realtime import body
from realtime.caller import Caller, Then, words
from realtime.framing import Fault, Head
from realtime.gate import Gate, Room, Waiting
from workers.addresses import Network, block_of, client_of, is_within

HEAD_TIME = 10.0  # seconds for a whole head, from the connect or the first byte of a later one
IDLE_TIME = 30.0  # seconds for the next request to begin
LEAVE_TIME = 3.0  # seconds for a client to read our last word and hang up
LEAVE_LIMIT = 64 * 1024  # bytes that we read meanwhile, beyond what the client announced
LEAVE_BODY = 16 * 1024 * 1024  # bytes of an announced body that we read so that its sender gets to our answer
BODIES = 256  # that the application waits for at once, of all clients: some 60 KB each
READ_SIZE = 16 * 1024  # bytes
STARTS, STARTS_WITH_BODY = 8, 2  # requests that begin to be answered before others have their turn
FAULTS = 200  # refusals in one tick, of all clients; the others wait, or who is refused would be back at once
HOLD = 1.0  # seconds that they wait

Listen = Callable[[int, Callable[[int], None]], Callable[[], None]]
Answer = Callable[[Caller, Head, str], tuple[Then, int]]  # (…, the client) → …, bytes of the body that are not read


class Lobby:
    """Hears callers, has whole requests answered by `answer` in green threads, and ends clients that take too long."""

    def __init__(
        self,
        gate: Gate,
        room: Room,
        answer: Answer,
        *,
        listen: Listen,
        spawn: Callable[[Callable[[], None]], Any],
        unfinished: int,
        trusted: tuple[Network, ...] = (),
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._gate = gate
        self._room = room
        self._answer = answer
        self._listen, self._spawn = listen, spawn
        self._most_unfinished = unfinished  # of one client
        self._trusted = trusted
        self._now = now
        self._is_open = True
        self._faults = 0  # refusals since the last tick
        self._idle: Waiting[Caller] = Waiting()  # nothing of a request has come
        self._unfinished: Waiting[Caller] = Waiting()  # some of a request has come, and not all
        self._bodies: Waiting[Caller] = Waiting()  # of those, where a green thread waits for the body
        self._whole: deque[tuple[Caller, Head]] = deque()  # requests that nobody answers yet
        self._with_body: deque[tuple[Caller, Head]] = deque()  # as these; what they ask for takes longer

    def take(self, caller: Caller) -> None:
        """Hear this connection, which is new."""
        caller.deadline = self._now() + HEAD_TIME
        self._hear(caller)

    def close(self) -> None:
        """Requests under way are answered; nobody stays for another."""
        self._is_open = False
        for caller in self._idle.all():
            self._drop(caller)

    def tick(self) -> None:
        """End those whose time is over. To be called several times a second."""
        now, self._faults = self._now(), 0
        for caller in self._idle.all():
            if now <= caller.deadline:
                continue
            if caller.last is None:
                self._drop(caller)
            elif self._faults < FAULTS:
                self._say(caller, caller.last)
        for caller in self._unfinished.all():
            if now > caller.deadline:
                self._end(caller, Fault(408, "bad_request", "The request took too long to come"))

    def make_room(self, client: str | None) -> bool:
        """End the one that we have waited for longest, of this client or of all; False where we wait for nobody."""
        caller = self._idle.longest(client) or self._unfinished.longest(client)
        if caller is None:
            return False
        if caller in self._bodies:
            self._end(caller, Fault(503, "unavailable", "Too many connections; try again in a moment", 5))
        else:
            if caller in self._unfinished:
                caller.say(words(Fault(503, "unavailable", "Too many connections; try again in a moment", 5)))
            self._drop(caller)
        return True

    # -- what comes

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
        """Whether a request is whole by now."""
        try:
            had_head = caller.head is not None
            head = caller.next()
            if caller.head is not None:
                self._keep(caller, caller.head, new=not had_head)
        except Fault as fault:
            self._refuse(caller, fault)
            return
        if head is None:
            self._await(caller)
            return
        caller.be_deaf()
        self._forget(caller)
        if not self._whole and not self._with_body:
            self._spawn(self._dispatch)
        (self._with_body if head.length or head.chunked else self._whole).append((caller, head))

    def _keep(self, caller: Caller, head: Head, *, new: bool) -> None:
        """Count what has come of a body. Raises `Fault` where there is no room for it."""
        if new:
            self._unfinished.discard(caller)  # it may count for another now
            caller.whose = self._client_of(caller, head)
            caller.begun_at = self._now()
            caller.deadline = caller.begun_at + body.TIME
            self._room.check(caller.whose, head.length)
        self._room.hold(caller, caller.whose, len(caller.heads.rest))

    def _client_of(self, caller: Caller, head: Head) -> str:
        if caller.client or not self._trusted or not is_within(caller.peer, self._trusted):
            return caller.client
        return block_of(client_of(caller.peer, head.get("x-forwarded-for"), self._trusted))

    def _await(self, caller: Caller) -> None:
        if caller.stop is None:
            caller.stop = self._listen(caller.wire.fileno(), lambda _: self._hear(caller))
        if not caller.begun:
            if caller not in self._idle:
                self._idle.add(caller, caller.client)
        elif caller not in self._unfinished:
            self._idle.discard(caller)
            if caller.head is None:
                caller.deadline = min(caller.deadline, self._now() + HEAD_TIME)
            self._wait_for(caller, caller.whose)

    def _wait_for(self, caller: Caller, client: str) -> None:
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
        """A reader of a body calls this before each wait. Of all that wait so, the oldest end where they are many."""
        self._wait_for(caller, client)
        if caller not in self._bodies and caller in self._unfinished:
            self._bodies.add(caller, client)
            if len(self._bodies) > BODIES and (oldest := self._bodies.longest()) is not None:
                self._end(oldest, Fault(503, "unavailable", "Too many slow requests at once; try again later", 5))

    def got(self, caller: Caller) -> None:
        """The body has come; its reader calls this."""
        self._unfinished.discard(caller)
        self._bodies.discard(caller)

    # -- the end of waiting

    def _forget(self, caller: Caller) -> None:
        self._idle.discard(caller)
        self.got(caller)
        self._room.give_back(caller)

    def _drop(self, caller: Caller) -> None:
        self._forget(caller)
        caller.drop()

    def _end(self, caller: Caller, why: Fault) -> None:
        """Wait no longer for this request. Where a green thread does, it finds the end of the body."""
        if self._bodies.discard(caller):
            self._unfinished.discard(caller)
            caller.hear_no_more(why)
        else:
            self._refuse(caller, why)

    def _refuse(self, caller: Caller, why: Fault) -> None:
        """Say why, and let the client hang up; some time later where there are many such."""
        unread = caller.head.length - len(caller.heads.rest) if caller.head is not None else 0
        self._forget(caller)
        if self._faults < FAULTS:
            self._say(caller, words(why), unread or -1)
            return
        caller.forget()
        caller.be_deaf()
        # not the error itself, which holds on to all that led to it
        caller.last, caller.deadline = words(why), self._now() + HOLD
        self._idle.add(caller, caller.client)

    def _say(self, caller: Caller, last: bytes, unread: int = -1) -> None:
        self._faults += 1
        self._idle.discard(caller)
        caller.last = None
        caller.say(last)
        self._leave(caller, unread)

    def _leave(self, caller: Caller, unread: int = -1) -> None:
        """Let the client read our last word: closed at once, with bytes unread, the kernel would take it back."""
        if unread == 0 and not caller.begun:
            caller.drop()
            return
        with suppress(OSError):
            caller.wire.shutdown(socket.SHUT_WR)
        caller.forget()
        caller.leaving = LEAVE_LIMIT + (unread if 0 < unread <= LEAVE_BODY else 0)
        caller.deadline = self._now() + LEAVE_TIME
        self._await(caller)

    # -- answers

    def _dispatch(self) -> None:
        """Have some of the whole requests answered, and the others after what else the hub has to do: frames."""
        for waiting, most in ((self._whole, STARTS), (self._with_body, STARTS_WITH_BODY)):
            for _ in range(min(most, len(waiting))):
                self._spawn(partial(self._serve, *waiting.popleft()))
        if self._whole or self._with_body:
            self._spawn(self._dispatch)

    def _serve(self, caller: Caller, head: Head) -> None:
        """In a green thread: one request."""
        caller.deadline = float("inf")  # of the body: its own
        client, uncount = self._client_of(caller, head), None
        if client != caller.client:
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
        if then is Then.STAYS and self._is_open:
            caller.whose, caller.begun_at = caller.client, 0.0
            caller.deadline = self._now() + IDLE_TIME
            self._look(caller)
        else:
            self._leave(caller, unread)
