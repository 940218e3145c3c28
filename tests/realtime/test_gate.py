"""Gates: how many sockets and bytes there are for all, and for one address."""

import pytest

from realtime.framing import Fault
from realtime.gate import Gate, Room, Waiting, room_for_sockets


@pytest.mark.parametrize(
    ("wanted", "files", "sockets"),
    [(20_000, 1_000_000, 20_000), (20_000, 20_000, 19_744), (20_000, 512, 384), (9, 1, 1)],
)
def test_sockets_leave_files_for_redis(wanted: int, files: int, sockets: int) -> None:
    assert room_for_sockets(wanted, files) == sockets


def test_an_address_has_its_share_and_others_the_rest() -> None:
    gate = Gate(8, 100)
    assert gate.most_of_one == 6
    for _ in range(6):
        assert not gate.is_full_for("a")
        gate.enter("a")
    assert gate.is_full_for("a") and not gate.is_full_for("b") and not gate.is_full
    gate.enter("b")
    gate.enter("")
    assert gate.is_full
    gate.leave("a")
    assert not gate.is_full and not gate.is_full_for("a")


def test_who_is_behind_a_proxy_counts_for_its_own_address() -> None:
    gate = Gate(8, 2)
    gate.enter("")
    gate.count("a")
    gate.count("a")
    assert gate.open == 1 and gate.is_full_for("a") and not gate.is_full_for("")
    gate.uncount("a")
    assert not gate.is_full_for("a")


def test_the_longest_wait_is_known_of_each_and_of_all() -> None:
    waiting: Waiting[int] = Waiting()
    for number, client in [(1, "a"), (2, "b"), (3, "b"), (4, "b")]:
        waiting.add(number, client)
    assert (waiting.longest(), waiting.longest("b"), waiting.longest("c")) == (1, 2, None)
    assert waiting.discard(2) and not waiting.discard(2)
    assert waiting.longest("b") == 3 and waiting.count("b") == 2
    waiting.add(3, "b")
    assert waiting.longest("b") == 4 and 3 in waiting and waiting.all() == [1, 4, 3]


def test_bodies_share_the_room_and_give_it_back() -> None:
    room = Room(100, 60)
    first, second = object(), object()
    room.take(first, "a", 40)
    room.take(first, "a", 20)
    with pytest.raises(Fault) as refused:
        room.take(second, "a", 1)
    assert refused.value.status == 503 and refused.value.retry_after
    room.take(second, "b", 40)
    with pytest.raises(Fault):
        room.check("c", 1)
    room.give_back(first)
    room.give_back(first)
    assert room.taken == 40
    room.check("a", 60)
