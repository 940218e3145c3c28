"""The relay's way to its connections, without their sockets."""

import queue
from types import SimpleNamespace
from typing import Any

import pytest

from realtime.connection import QUEUE_LIMIT, Connection
from realtime.outlet import pack
from realtime.transport import SocketTransport

SIDS = ("one", "two")


class Outlet:
    """Keeps each write."""

    def __init__(self) -> None:
        self.writes: list[tuple[bytes, ...]] = []
        self.waiting = 0

    def __len__(self) -> int:
        return self.waiting

    def write(self, *frames: bytes) -> None:
        self.writes.append(frames)


@pytest.fixture
def outlets() -> dict[str, Outlet]:
    return {sid: Outlet() for sid in SIDS}


@pytest.fixture
def transport(outlets: dict[str, Outlet], monkeypatch: pytest.MonkeyPatch) -> SocketTransport:
    monkeypatch.setattr(Connection, "spawn", print, raising=False)
    engine: Any = SimpleNamespace(sockets={}, create_queue=queue.Queue)
    for sid, outlet in outlets.items():
        connection: Any = Connection(engine, f"eio {sid}")
        connection.outlet = outlet
        engine.sockets[f"eio {sid}"] = connection
    manager = SimpleNamespace(
        eio_sid_from_sid=lambda sid, namespace: f"eio {sid}",
        get_participants=lambda namespace, room: [(sid, f"eio {sid}") for sid in SIDS],
    )
    socketio: Any = SimpleNamespace(server=SimpleNamespace(eio=engine, manager=manager))
    return SocketTransport(socketio)


def test_a_packet_for_many_is_packed_once(transport: SocketTransport, outlets: dict[str, Outlet]) -> None:
    packet = '2["jobs",{}]'
    assert list(transport.connections()) == list(SIDS)
    assert all(transport.send(sid, packet) for sid in SIDS)
    (one,), (two,) = (outlet.writes[0] for outlet in outlets.values())
    assert one is two and one == pack("4" + packet)


def test_what_is_sent_together_is_one_write_for_each(transport: SocketTransport, outlets: dict[str, Outlet]) -> None:
    with transport.together():
        for packet, sids in (("2a", SIDS), ("2b", SIDS), ("2c", ("two",))):
            assert all(transport.send(sid, packet) for sid in sids)
        assert outlets["one"].writes == outlets["two"].writes == []
    assert outlets["one"].writes == [(pack("42a"), pack("42b"))]
    assert outlets["two"].writes == [(pack("42a"), pack("42b"), pack("42c"))]
    transport.send("one", "2d")
    assert outlets["one"].writes[1:] == [(pack("42d"),)]


def test_who_has_enough_to_read_is_sent_no_more(transport: SocketTransport, outlets: dict[str, Outlet]) -> None:
    outlets["one"].waiting = QUEUE_LIMIT
    assert not transport.send("one", "2a") and not transport.is_idle("one")
    assert transport.send("two", "2a") and transport.is_idle("two")


def test_who_has_left_is_owed_nothing(transport: SocketTransport) -> None:
    assert transport.send("somebody", "2a") and transport.is_idle("somebody")
