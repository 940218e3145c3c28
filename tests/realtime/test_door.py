"""Doors: who gets in, and that nothing ends the taking of connections."""

import errno
from collections.abc import Callable

import pytest

from realtime.caller import Then
from tests.hostile.conftest import GET, is_closed
from tests.realtime.hall import Hall, answers


def test_a_lack_of_descriptors_ends_nothing(make_hall: Callable[..., Hall]) -> None:
    hall = make_hall()
    for number in (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM, errno.ECONNABORTED, errno.EPROTO):
        hall.errors.append(OSError(number, "no"))
        client = hall.connect(GET)
        hall.turn()
        hall.door.tick()
        hall.turn()
        assert answers(client) == [200], errno.errorcode[number]


def test_where_descriptors_lack_those_who_say_nothing_make_room(make_hall: Callable[..., Hall]) -> None:
    hall = make_hall()
    silent, half = hall.connect(), hall.connect(GET[:5])
    hall.errors.append(OSError(errno.EMFILE, "no"))
    client = hall.connect(GET)
    hall.door.tick()
    hall.turn()
    assert is_closed(silent) and answers(half) == [503] and answers(client) == [200]


def test_a_listening_socket_beyond_use_is_an_error(make_hall: Callable[..., Hall]) -> None:
    hall = make_hall()
    hall.errors.append(OSError(errno.EBADF, "no"))
    hall.turn()
    with pytest.raises(OSError):
        hall.door.tick()


def test_an_address_has_its_share_of_sockets_and_those_who_wait_make_room(make_hall: Callable[..., Hall]) -> None:
    hall = make_hall(most_of_one=2)
    first, second, third = (hall.connect() for _ in range(3))
    assert is_closed(first) and not is_closed(second) and not is_closed(third)
    assert answers(hall.connect(GET, "127.0.0.2")) == [200]


def test_where_nobody_waits_one_too_many_is_refused(make_hall: Callable[..., Hall]) -> None:
    hall = make_hall(most_of_one=2)
    hall.then = Then.KEPT
    sockets = [hall.connect(GET) for _ in range(2)]
    assert answers(hall.connect(GET)) == [503]
    assert [answers(one) for one in sockets] == [[200]] * 2
    assert answers(hall.connect(GET, "127.0.0.2")) == [200]


def test_after_its_end_a_door_takes_nobody_and_answers_who_is_in(make_hall: Callable[..., Hall]) -> None:
    hall = make_hall()
    silent, half = hall.connect(), hall.connect(GET[:5])
    hall.door.close()
    assert is_closed(silent)
    half.sendall(GET[5:])
    hall.turn()
    assert answers(half) == [200] and is_closed(half)
