"""Who each connection is, and until when it may watch what it watches; ends watches whose right has ended."""

import time
from collections.abc import Sequence
from dataclasses import replace

from redis.exceptions import RedisError

from realtime.access import EXPIRED, STRANGER, Access, Refusal, Visitor
from realtime.frames import encode_event
from realtime.leases import Leases
from realtime.logins import Logins
from realtime.relay import Relay
from realtime.tokens import Grant
from realtime.topics import Topic, ends_of
from realtime.transport import Transport
from workers.wire import Recheck

LOOK = 0.25  # seconds between two looks at what has expired
REVIEW = 5  # seconds between two looks at which logins are over


class Rights:
    def __init__(self, relay: Relay, access: Access, transport: Transport, logins: Logins) -> None:
        self._relay = relay
        self._access = access
        self._transport = transport
        self._logins = logins
        self._visitors: dict[str, Visitor] = {}
        self._leases = Leases()

    def enter(self, sid: str, who: Visitor) -> None:
        self._visitors[sid] = who

    def leave(self, sid: str) -> None:
        self._visitors.pop(sid, None)
        self._leases.drop(sid)

    def knows(self, sid: str) -> bool:
        """Whether the connection is there."""
        return sid in self._visitors

    def visitor(self, sid: str) -> Visitor:
        return self._visitors.get(sid, STRANGER)

    def granted(self, sid: str, topics: Sequence[Topic], grant: Grant | None) -> None:
        """They are watched from now on: by `grant` where it covers them, and for no longer than that."""
        for topic in topics:
            if grant is not None and grant.covers(topic.name) and not self.visitor(sid).sees:
                self._leases.grant(sid, topic, grant.expires_at)
            else:
                self._leases.release(sid, topic)

    def released(self, sid: str, topics: Sequence[Topic]) -> None:
        """They are not watched any more."""
        for topic in topics:
            self._leases.release(sid, topic)

    def expire(self) -> None:
        """End the watches whose token has expired, for ever."""
        while True:
            time.sleep(LOOK)
            for sid, topic in self._leases.over(time.time()):
                self._refuse(sid, topic, EXPIRED)

    def recheck(self, recheck: Recheck) -> None:
        """A browser has logged in, or out, over HTTP, and has another owner since: its pages are asked to come anew.

        Out: the connections that were opened with its login, or with a copy of it, are nobody's.
        """
        is_login = recheck.operator or recheck.viewer
        for sid, who in list(self._visitors.items()):
            if not who.owner or who.owner != recheck.owner:
                continue
            if not is_login:
                self._end(sid, who)
            elif not who.sees:
                self._transport.send(sid, self._relay.pulse.farewell())

    def review(self) -> None:
        """End what was opened by logins that are over, for ever: the word of a logout may have been lost."""
        while True:
            time.sleep(REVIEW)
            shown = {who.login for who in self._visitors.values() if who.login}
            try:
                standing = self._logins.standing(shown)
            except RedisError:
                continue  # nobody is known to have logged out
            for sid, who in list(self._visitors.items()):
                if who.login in shown - standing:
                    self._end(sid, who)

    def _end(self, sid: str, who: Visitor) -> None:
        """The session that opened a connection is over: it keeps what anybody may watch, and what tokens let it."""
        by_token = who.sees and not who.login  # an operator's own, in the header
        self._visitors[sid] = now = replace(who, owner="") if by_token else STRANGER
        for topic in self._relay.topics.of(sid):
            if topic == ends_of(who.owner):
                self._relay.topics.remove(sid, [topic])
                continue
            job_owner = self._relay.logs.owner_of(topic)
            refusal = self._access.may_watch(now, topic.name, job_owner=job_owner)
            if refusal is not None and not self._leases.holds(sid, topic):
                self._refuse(sid, topic, refusal)
        self._transport.send(sid, self._relay.pulse.farewell())

    def _refuse(self, sid: str, topic: Topic, refusal: Refusal) -> None:
        self._relay.topics.remove(sid, [topic])
        said = {"topic": topic.name, "error": {"code": refusal.code, "message": refusal.message}}
        self._transport.send(sid, encode_event("refused", said))
