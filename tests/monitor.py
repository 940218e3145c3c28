"""Every command that Redis is given meanwhile, and by what of ours: for whom it is to be counted."""

import re
import threading
from collections import Counter
from dataclasses import dataclass
from uuid import uuid4

from redis import Redis

from tests.conftest import until
from workers import store

# what a web process and workers ask of Redis by themselves: heartbeats, probes, chores, and once for all what has ended
BY_ITSELF = re.compile(
    r"headway:(sweeper|tidying|events|born|due|batches|ends|audit:refused|retention|scheduler|webs)\b|:intermediate"
    r"|rq:(wip|worker|workers|clean_registries|suspended|pubsub|scheduler-lock)\b"
    r"|^MGET headway:login:"  # of all open connections, each 5 s
    r"|rq:(queue|scheduled):(default|bookInfoParser)\b"  # what a release before may have left there
    r"|^(HELLO|CLIENT|MULTI|EXEC|WATCH|UNWATCH|PING|ECHO|INFO|SUBSCRIBE|BLMOVE|TIME)\b"
)


@dataclass(frozen=True, slots=True)
class Command:
    text: str
    inside: bool  # of a script

    @property
    def asked(self) -> bool:
        """Whether it is for somebody, or in a script of theirs."""
        return BY_ITSELF.search(self.text) is None

    @property
    def name(self) -> str:
        return self.text.partition(" ")[0].upper()


class Monitor:
    """Hears them over a connection of its own, from when it is entered to when it is left."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._redis = store.connect(url)
        self._heard: list[Command] = []
        self._last = ""

    def __enter__(self) -> "Monitor":
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()
        self.all()
        return self

    def __exit__(self, *_: object) -> None:
        self._redis.echo("leave")
        self._listener.join()
        self._redis.close()

    def _listen(self) -> None:
        connection: Redis = store.connect(self._url, socket_timeout=None)
        with connection.monitor() as monitor:
            for heard in monitor.listen():
                if heard["command"] == "ECHO leave":
                    break
                self._heard.append(Command(heard["command"], heard["client_type"] == "lua"))
        connection.close()

    def all(self) -> list[Command]:
        """All that have come so far."""
        mark = uuid4().hex

        def has_come() -> bool:
            self._redis.echo(mark)  # again, until it listens
            return any(mark in command.text for command in self._heard[-50:])

        until(has_come, "the mark")
        return list(self._heard)

    def asked(self) -> list[Command]:
        """Of these, those that are asked for somebody, and what scripts of theirs do."""
        return [command for command in self.all() if command.asked]


def counted(commands: list[Command]) -> Counter[str]:
    """How many of each name."""
    return Counter(command.name for command in commands)
