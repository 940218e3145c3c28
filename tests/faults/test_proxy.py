"""The proxy does to connections what it says, so that a schedule of faults is one."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing

import pytest

from tests.faults.proxy import Proxy


@pytest.fixture
def proxy() -> Iterator[Proxy]:
    """A proxy to a server that says everything twice."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                threading.Thread(target=echo, args=(connection,), daemon=True).start()

        def echo(connection: socket.socket) -> None:
            with connection:
                try:
                    while data := connection.recv(1024):
                        connection.sendall(data * 2)
                except OSError:
                    pass  # reset, as it was meant to be

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        proxy = Proxy(server.getsockname()[1])
        yield proxy
        proxy.close()
        server.shutdown(socket.SHUT_RDWR)
    thread.join(5)


def connect(proxy: Proxy, timeout: float = 5.0) -> socket.socket:
    return socket.create_connection(("127.0.0.1", proxy.port), timeout=timeout)


def says(connection: socket.socket, text: bytes) -> bytes:
    connection.sendall(text)
    return connection.recv(2 * len(text))


def is_silent(connection: socket.socket) -> bool:
    connection.settimeout(0.3)
    try:
        return connection.recv(1) == b"never"
    except TimeoutError:
        return True
    finally:
        connection.settimeout(5)


def test_it_passes_on_what_both_sides_say(proxy: Proxy) -> None:
    with closing(connect(proxy)) as connection:
        assert says(connection, b"ab") == b"abab"


def test_a_cut_resets_connections_and_refuses_new_ones_until_it_is_mended(proxy: Proxy) -> None:
    with closing(connect(proxy)) as connection:
        assert says(connection, b"ab") == b"abab"
        proxy.cut()
        with pytest.raises(ConnectionError):
            connection.recv(1)
    with pytest.raises(ConnectionError), closing(connect(proxy)) as refused:
        refused.recv(1)
    proxy.mend()
    with closing(connect(proxy)) as connection:
        assert says(connection, b"ab") == b"abab"


def test_a_pause_holds_everything_back_and_loses_nothing(proxy: Proxy) -> None:
    with closing(connect(proxy)) as connection:
        assert says(connection, b"ab") == b"abab"
        proxy.pause()
        connection.sendall(b"cd")
        assert is_silent(connection)
        proxy.mend()
        assert connection.recv(4) == b"cdcd"


def test_a_trickle_lets_a_byte_a_second_through(proxy: Proxy) -> None:
    with closing(connect(proxy)) as connection:
        assert says(connection, b"a") == b"aa"
        proxy.trickle()
        began = time.monotonic()
        connection.sendall(b"c")
        assert connection.recv(2) == b"c"
        assert connection.recv(2) == b"c"
        assert time.monotonic() - began > 0.9


def test_a_delay_is_a_delay(proxy: Proxy) -> None:
    proxy.delay(0.2)
    with closing(connect(proxy)) as connection:
        began = time.monotonic()
        assert says(connection, b"ab") == b"abab"
        assert time.monotonic() - began > 0.4


def test_a_forgotten_connection_is_half_open_until_it_is_mended_and_new_ones_are_fine(proxy: Proxy) -> None:
    with closing(connect(proxy)) as old:
        assert says(old, b"ab") == b"abab"
        proxy.forget()
        old.sendall(b"cd")
        assert is_silent(old)
        with closing(connect(proxy)) as new:
            assert says(new, b"ef") == b"efef"
            proxy.mend()
            assert says(new, b"gh") == b"ghgh"
        with pytest.raises(ConnectionError):
            old.recv(1)


def test_a_reset_is_over_at_once(proxy: Proxy) -> None:
    with closing(connect(proxy)) as old:
        assert says(old, b"ab") == b"abab"
        proxy.reset()
        with pytest.raises(ConnectionError):
            old.recv(1)
        with closing(connect(proxy)) as new:
            assert says(new, b"ab") == b"abab"
