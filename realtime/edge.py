"""What stands between the network and the application: the door, its limits, and one request after the other."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from realtime.body import Body
from realtime.caller import Caller, Then
from realtime.door import Door
from realtime.framing import Head
from realtime.gate import Gate, Room, room_for_sockets
from realtime.lobby import Lobby
from realtime.stream import Stream
from workers.settings import Settings


@dataclass(frozen=True, slots=True)
class Hands:
    """What the edge needs of the event loop: realtime/green.py has eventlet's."""

    accept: Callable[[Any], tuple[Any, Any]]
    listen: Callable[[int, Callable[[int], None]], Callable[[], None]]
    spawn: Callable[[Callable[[], None]], Any]
    give_way: Callable[[], object]  # let others have their turn
    answer: Callable[[Any, Any, Head, Body], Then]  # (socket, its address, …): have the application answer


class Edge:
    """Takes connections, and has the application answer their requests; both bounded by the settings."""

    def __init__(self, settings: Settings, files: int, hands: Hands) -> None:
        """`files`: how many the process may have open (RLIMIT_NOFILE)."""
        self.gate = Gate(room_for_sockets(settings.max_connections, files), settings.max_per_address)
        self.room = Room()
        self._hands = hands
        trusted = settings.trusted_proxies
        self._lobby = Lobby(
            self.gate,
            self.room,
            self._answer,
            listen=hands.listen,
            spawn=hands.spawn,
            unfinished=settings.max_unfinished,
            trusted=trusted,
        )
        self.door = Door(self.gate, self._lobby, accept=hands.accept, listen=hands.listen, trusted=trusted)

    def _answer(self, caller: Caller, head: Head, client: str) -> tuple[Then, int]:
        waits = partial(self._lobby.wait_for_body, caller, client)
        body = Body(
            Stream(caller.wire, caller.heads.rest, waits=waits, cut=lambda: caller.cut),
            head,
            self.room,
            client,
            begun=caller.begun_at or None,
            give_way=self._hands.give_way,
            came=partial(self._lobby.got, caller),
        )
        try:
            then = self._hands.answer(caller.wire, caller.address, head, body)
        finally:
            body.close()
        return then, body.unread
