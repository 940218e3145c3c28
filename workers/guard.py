"""A session for an address that a stranger named: it connects to public addresses only, and is over in time."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.util.connection import allowed_gai_family

from workers.errors import HeadwayError
from workers.public import is_public
from workers.release import VERSION

USER_AGENT = f"Headway/{VERSION}"


class OutOfTime(HeadwayError):
    """The time was up before all had been done."""


class NotPublic(HeadwayError):
    """The host has no public address. It is named nowhere: else anybody could ask which names our network knows."""

    def __init__(self) -> None:
        super().__init__("expected a public address, but the host has none")


class Unresolved(NotPublic):
    """The host has no address at all, or none just now. To a stranger it reads like any other that is not public."""


class _OneHop(requests.Session):
    def get_redirect_target(self, resp: requests.Response) -> None:
        """None: even with allow_redirects=False requests reads the whole body of a redirect, of whatever size."""


class _Lines:
    """The connections of a session, which can be cut."""

    def __init__(self) -> None:
        self._twins: list[socket.socket] = []
        self._over = threading.Event()

    def watch(self, connected: socket.socket) -> None:
        self._twins.append(connected.dup())  # TLS takes the socket itself away; what is shut is the connection of both
        if self._over.is_set():
            self.cut()  # it was on its way when the time was up

    def cut(self) -> None:
        self._over.set()
        for twin in list(self._twins):
            try:
                twin.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass  # the other side has gone before

    def close(self) -> None:
        for twin in self._twins:
            twin.close()


@contextmanager
def guarded(*, allow_private: bool, limit: float) -> Iterator[requests.Session]:
    """A session that is good for `limit` seconds in all.

    Unless `allow_private`, every host must have public addresses alone, and the connection goes to the one that was
    checked (a second look-up could answer otherwise); else `NotPublic`. Proxies from the environment are ignored.
    The time-out of requests is one of each read: a server that sends a byte now and then would hold it for ever.
    Raises `OutOfTime` in the place of whatever became of what was cut off.
    """
    lines = _Lines()
    began = time.monotonic()
    timer = threading.Timer(limit, lines.cut)
    timer.daemon = True
    failure: Exception | None = None
    with _OneHop() as session:
        session.trust_env = False
        session.headers["User-Agent"] = USER_AGENT
        for scheme, pool in (("http", HTTPConnectionPool), ("https", HTTPSConnectionPool)):
            adapter = HTTPAdapter()
            connection = _watched(pool.ConnectionCls, lines.watch, allow_private)
            watched = type("Watched", (pool,), {"ConnectionCls": connection})
            adapter.poolmanager.pool_classes_by_scheme = {scheme: watched}
            session.mount(f"{scheme}://", adapter)
        timer.start()
        try:
            yield session
        except Exception as error:
            failure = error
        finally:
            timer.cancel()
            timer.join()  # it may be in the middle of them
            lines.close()
    # a body without a Content-Length that was cut looks like a whole one
    if time.monotonic() - began >= limit:
        raise OutOfTime(f"expected an answer within {limit:.0f} s") from None
    if failure:
        raise failure


def _watched(connection_class: type[Any], watch: Callable[[socket.socket], None], allow_private: bool) -> type[Any]:
    class Watched(connection_class):  # type: ignore[misc]
        _dns_host: str

        def _new_conn(self) -> socket.socket:
            named = self._dns_host
            if not allow_private:
                self._dns_host = public_address(named, self.port)
            try:
                connected: socket.socket = super()._new_conn()
            finally:
                self._dns_host = named  # `Host` and the certificate are of the name
            watch(connected)
            return connected

    return Watched


def public_address(host: str, port: int) -> str:
    """The first address of `host`. Raises `NotPublic` unless all that it has are public, `Unresolved` without any."""
    try:
        found = socket.getaddrinfo(host, port, family=allowed_gai_family(), type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):  # UnicodeError: no name, by IDNA
        raise Unresolved from None
    addresses = [str(address[0]) for *_, address in found]
    if not addresses or not all(is_public(address) for address in addresses):
        raise NotPublic
    return addresses[0]


def is_web_address(url: str, schemes: tuple[str, ...]) -> bool:
    """Whether this is an address with a host, by one of `schemes`."""
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018  it raises where it is no number
    except ValueError:
        return False
    return parts.scheme in schemes and bool(parts.hostname)
