"""Tokens: the right to watch, or act on, just these jobs for so long, or to have ends told to webhooks and addresses;
for pages and programs that have no session of ours.

Signed with the installation's SECRET_KEY, kept nowhere: what a token says holds until it expires.
"""

import hashlib
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from itsdangerous import BadData, URLSafeSerializer

from workers.settings import Secrets, Settings
from workers.wire import is_job_id, is_queue_name

MOST = 200  # topics of a token: it must fit into a header line of 8 KiB
LONGEST = 366 * 24 * 3600  # seconds
TOPIC = "^(jobs|job:[A-Za-z0-9_-]{1,128}|queue:[A-Za-z0-9_.-]{1,64})$"  # what `_may_be_granted` takes, as a pattern


@dataclass(frozen=True, slots=True)
class Grant:
    """What a token says."""

    topics: frozenset[str]
    expires_at: float  # Unix time in seconds
    act: bool  # whether its jobs may also be stopped, canceled, requeued and deleted
    notify: bool = False  # whether submits may name a webhook or an address to be told of their ends

    def covers(self, topic: str) -> bool:
        return topic in self.topics

    @property
    def is_over(self) -> bool:
        return time.time() >= self.expires_at

    @property
    def digest(self) -> str:
        """Names this token and no other. Of what it says: one signature can be written in more than one way."""
        said = repr((sorted(self.topics), self.expires_at, self.act, self.notify))
        return hashlib.sha256(said.encode()).hexdigest()[:32]


class Tokens:
    def __init__(self, secret_key: str) -> None:
        self._serializer = URLSafeSerializer(secret_key, salt="headway.token")

    def sign(self, topics: Sequence[str], expires: float, *, act: bool = False, notify: bool = False) -> str:
        """A token for `topics` (job:<id>, queue:<name>, jobs), good for `expires` seconds.

        With `notify` it needs no topic. Raises ValueError where a topic is none of these, or `expires` is not positive
        or over 366 days.
        """
        names = sorted(set(topics))
        if not (0 if notify else 1) <= len(topics) <= MOST:
            raise ValueError(f"topics: expected 1 to {MOST} of them, got {len(topics)}")
        for name in names:
            if not _may_be_granted(name):
                raise ValueError(f"topics: expected job:<id>, queue:<name> or jobs, got {name[:80]!r}")
        if not 0 < expires <= LONGEST:
            raise ValueError(f"expires: expected more than 0 and at most {LONGEST} seconds, got {expires!r:.40}")
        return self._text({"topics": names, "until": time.time() + expires, "act": act, "notify": notify})

    def _text(self, said: Mapping[str, object]) -> str:
        signed = self._serializer.dumps(said)
        return signed.decode() if isinstance(signed, bytes) else signed

    def read(self, token: str) -> Grant | None:
        """What `token` says, expired or not; None where it is none of ours."""
        try:
            said = self._serializer.loads(token)
            notify = bool(said.get("notify", False))  # which older ones don't say
            return Grant(frozenset(said["topics"]), float(said["until"]), bool(said["act"]), notify)
        except (BadData, AttributeError, KeyError, TypeError, ValueError):
            return None


def sign(
    topics: Sequence[str],
    expires: float,
    *,
    act: bool = False,
    notify: bool = False,
    environ: Mapping[str, str] | None = None,
) -> str:
    """A token of the installation that the environment names (SECRET_KEY, or what is kept in HEADWAY_HOME).

    For a program of somebody else that runs beside Headway; see `Tokens.sign`. Raises `SettingsError` too.
    """
    given = os.environ if environ is None else environ
    settings = Settings.from_environment(given, Path.cwd())
    tokens = Tokens(Secrets.from_environment(given, settings.home).secret_key)
    return tokens.sign(topics, expires, act=act, notify=notify)


def _may_be_granted(topic: str) -> bool:
    kind, _, name = topic.partition(":")
    return topic == "jobs" or (kind == "job" and is_job_id(name)) or (kind == "queue" and is_queue_name(name))
