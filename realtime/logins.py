"""The logins of browsers: each has a number, which Redis keeps until somebody logs out with it.

A session's cookie can be copied, and its signature stays good; the number is what a logout takes away from all copies.
"""

import logging
import secrets
from collections.abc import Iterable, Mapping
from typing import Any

from redis import Redis
from redis.exceptions import OutOfMemoryError, ReadOnlyError, RedisError

from realtime.sessions import OLD_LOGIN, Session
from workers.database import channel_of
from workers.wire import Recheck, encode_recheck, push_key

LASTS = 365 * 24 * 3600  # seconds; as the cookie, and both are renewed by pages
OVER = (
    "over"  # in the place of a digest: the login of a cookie that an earlier release made, and that we can't take back
)

log = logging.getLogger("headway.logins")


class Logins:
    """Begins, finds and ends logins. A login that can't be looked up, since Redis is away, is an error and no login."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    def begin(self, digest: str) -> str:
        """The number of a new login; `digest` is that of the token that it was made with. Raises RedisError."""
        number = secrets.token_urlsafe(16)
        self._redis.set(_key(number), digest, ex=LASTS)
        return number

    def end(self, session: Mapping[str, Any]) -> None:
        """End the session's login in all copies of its cookie, all connections, and all pushes. Raises RedisError."""
        number, owner = str(session["login"]), str(session.get("owner", ""))
        with self._redis.pipeline() as pipeline:
            if number.startswith(OLD_LOGIN):
                pipeline.set(_key(number), OVER, ex=LASTS)
            else:
                pipeline.delete(_key(number))
            pipeline.delete(push_key(owner))  # who has logged out is not to read what that session's jobs did
            pipeline.publish(channel_of(self._redis), encode_recheck(Recheck(owner, False)))
            pipeline.execute()

    def read(self, session: Session) -> Mapping[str, Any]:
        """What the session says, with the digest of the token in place of the login's number.

        One whose login is over says nothing any more: a copy of it is no login. Raises RedisError.
        """
        if "login" not in session:
            return session
        if session.digest is None:
            session.digest = self._digest(str(session["login"]), session.claim)
        if session.digest:
            return {**session, "login": session.digest}
        modified = session.modified
        session.clear()
        session.modified = modified  # the browser may have another cookie by now, which this answer must not undo
        return session

    def standing(self, numbers: Iterable[str]) -> set[str]:
        """Those of `numbers` that are not over. Raises RedisError."""
        asked = list(numbers)
        found = self._redis.mget([_key(number) for number in asked]) if asked else []
        return {number for number, digest in zip(asked, found, strict=True) if digest not in (None, OVER.encode())}

    def renew(self, session: Session) -> None:
        """Have its login last as long as the cookie that is renewed."""
        if "login" not in session:
            return
        try:
            self._redis.expire(_key(str(session["login"])), LASTS)
        except RedisError as error:
            log.warning("a login could not be renewed, and ends a day earlier: %s", error)

    def _digest(self, number: str, claim: str) -> str:
        found = self._get(number)
        if found is None and claim:
            try:
                self._redis.set(_key(number), claim, ex=LASTS, nx=True)
            except (ReadOnlyError, OutOfMemoryError):
                log.warning("Redis takes no writes: a login of the release before is moved later")
            found = self._get(number) or claim
        return "" if found in (None, OVER) else str(found)

    def _get(self, number: str) -> str | None:
        found = self._redis.get(_key(number))
        return found.decode() if isinstance(found, bytes) else found


def _key(number: str) -> str:
    return f"headway:login:{number}"
