"""What becomes of a message to an address that a stranger named: delivered, tried again later, or given up.

Such an address may be a capability: whoever knows it can use it. Errors and logs name its host alone.
"""

import logging
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import cast
from urllib.parse import urlsplit

import requests
from rq import Retry
from urllib3.exceptions import HTTPError, LocationValueError

from workers import context
from workers.errors import HeadwayError
from workers.guard import NotPublic, OutOfTime, Unresolved, guarded, is_web_address

LIMIT = 15.0  # seconds for one try; the least that Standard Webhooks recommends
CONNECT_LIMIT = 3.0  # seconds of them to connect
TRIES = 5
ATTEMPTS = 40  # with those that came to no try, since the receiver was put off
BACK_OFF = (10, 60, 300, 1800)  # seconds between them
DATE_LIMIT = 64  # characters; the longest form of a date, asctime's or RFC 850's, has 33
LONGEST_WAIT = 3600  # seconds, whatever a server asks for
LONGEST_PUT_OFF = 60  # seconds, unless the receiver itself is put off for longer
PUT_OFF_TTL = 24 * 3600  # seconds for which it is known how often a message was put off
SCHEDULERS_CUT = 1  # seconds: RQ keeps times in whole ones, cut, and no server is to be asked before it said

log = logging.getLogger("headway.delivery")


class Undeliverable(HeadwayError):
    """No use in trying again."""


class Delayed(HeadwayError):
    """Not now; `wait` is for how many seconds the server has asked."""

    def __init__(self, message: str, wait: int | None = None) -> None:
        super().__init__(message)
        self.wait = wait


class NoAnswer(Delayed):
    """Nobody answered; `timed_out`: and it took all the time there was to find out."""

    def __init__(self, message: str, *, timed_out: bool) -> None:
        super().__init__(message)
        self.timed_out = timed_out


class PutOff(Delayed):
    """It was not tried at all (workers/circuit.py); `wait` is in how many seconds it may be."""


@dataclass(frozen=True)
class Answer:
    host: str
    status: int
    wait: int | None  # seconds, as Retry-After says

    @property
    def fine(self) -> bool:
        return 200 <= self.status < 300

    def refuse(self) -> None:
        """Raises `Delayed` where another time may do, else `Undeliverable`; nothing where all is fine."""
        if self.status == 429 or self.status >= 500:
            raise Delayed(f"{self.host} answered {self.status}", self.wait)
        if not self.fine:
            raise Undeliverable(f"expected {self.host} to take the message, got the answer {self.status}")


def post(url: str, body: bytes, headers: Mapping[str, str], *, allow_private: bool) -> Answer:
    """Post `body` within 15 s, to a public address only unless `allow_private`; of the answer only its head is read.

    Raises `Delayed` where no answer came, `Undeliverable` where none may be asked for. What the libraries say is left
    out, since they repeat the whole URL.
    """
    if not is_web_address(url, ("http", "https")):
        raise Undeliverable("expected an address that starts with https://, got another")
    host = urlsplit(url).hostname or ""
    try:
        with (
            guarded(allow_private=allow_private, limit=LIMIT) as session,
            session.post(
                url,
                data=body,
                headers=dict(headers),
                stream=True,
                allow_redirects=False,
                timeout=(CONNECT_LIMIT, LIMIT),
            ) as response,
        ):
            return Answer(host, response.status_code, wait_of(response.headers.get("Retry-After", "")))
    except Unresolved:
        raise Delayed(f"{host} has no address just now") from None
    except NotPublic:
        raise Undeliverable(f"expected a public address, got {host}") from None
    except (requests.exceptions.InvalidURL, LocationValueError, UnicodeError):
        raise Undeliverable(f"expected a web address, got one of {host} that can't be used") from None
    except (OutOfTime, requests.RequestException, HTTPError, OSError) as error:
        timed_out = isinstance(error, OutOfTime | requests.Timeout | TimeoutError)
        raise NoAnswer(f"{host} gave no answer: {type(error).__name__}", timed_out=timed_out) from None


def try_again(send: Callable[[], str]) -> str | Retry:
    """What `send` returns; where it is `Delayed`, when RQ is to run this job again. The fifth try is the last.

    Raises `Undeliverable`.
    """
    job = context.current()
    attempt = job.sender.attempt or 1
    put_off_key = f"headway:put-off:{job.id}"
    try:
        return send()
    except PutOff as error:
        if attempt >= ATTEMPTS:
            raise Undeliverable(f"{error}; it was put off {attempt} times") from None
        with job.redis.pipeline() as pipeline:
            pipeline.incr(put_off_key)
            pipeline.expire(put_off_key, PUT_OFF_TTL)
            times = pipeline.execute()[0]
        wait = max(error.wait or 1, min(2 ** min(times, 10), LONGEST_PUT_OFF))
    except Delayed as error:
        number = attempt - int(cast(bytes | None, job.redis.get(put_off_key)) or 0)
        if number >= TRIES:
            raise Undeliverable(f"{error}; that was try {number} of {TRIES}") from None
        wait = BACK_OFF[max(number, 1) - 1] if error.wait is None else error.wait
        log.warning("%s; the next try is in %d s", error, wait)
    return Retry(max=ATTEMPTS, interval=wait + SCHEDULERS_CUT)


def host_of(url: str) -> str:
    """'' where it has none."""
    try:
        return (urlsplit(url).hostname or "").lower()
    except ValueError:
        return ""


def wait_of(retry_after: str, now: datetime | None = None) -> int | None:
    """Seconds, from 1 to an hour, of a header `Retry-After` (RFC 9110 §10.2.3); None where it says nothing."""
    text = retry_after.strip()
    if re.fullmatch(r"[0-9]{1,9}", text):
        seconds = float(text)
    else:
        try:
            moment = parsedate_to_datetime(text[:DATE_LIMIT])
            moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
            seconds = (moment - (now or datetime.now(UTC))).total_seconds()
        except (ValueError, OverflowError, TypeError, IndexError):  # each for another way to be no date
            return None
    return math.ceil(min(max(seconds, 1), LONGEST_WAIT))
