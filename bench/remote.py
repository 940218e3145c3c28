"""An object in a process of its own that does what it is asked, one thing at a time."""

import multiprocessing
from collections.abc import Callable
from multiprocessing.connection import Connection as Pipe
from typing import Any, Protocol

WITHIN = 90.0  # seconds for one answer


class Served(Protocol):
    def wait(self, orders: Pipe) -> None:
        """Return once there is an order; meanwhile do what else is to be done."""


class Remote:
    """Ends with the process that made it."""

    def __init__(self, make: Callable[..., Served], *arguments: Any) -> None:
        context = multiprocessing.get_context("spawn")
        self._orders, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, make, arguments), daemon=True)
        self._process.start()
        theirs.close()  # so that its end is noticed here

    def tell(self, what: str, *arguments: Any) -> None:
        """Ask for something, and don't wait for it."""
        self._orders.send((what, arguments))

    def hear(self, within: float = WITHIN) -> Any:
        """The answer to the oldest order that has not been answered."""
        if not self._orders.poll(within):
            raise SystemExit(f"no answer within {within:.0f} s")
        try:
            return self._orders.recv()
        except EOFError:
            raise SystemExit("a process of the benchmark has ended; its own words stand above") from None

    def ask(self, what: str, *arguments: Any) -> Any:
        self.tell(what, *arguments)
        return self.hear()

    def close(self) -> None:
        self._process.kill()
        self._process.join()


def _serve(orders: Pipe, make: Callable[..., Served], arguments: tuple[Any, ...]) -> None:
    served = make(*arguments)
    while True:
        served.wait(orders)
        try:
            what, given = orders.recv()
        except (EOFError, OSError):  # who asked has ended
            return
        orders.send(getattr(served, what)(*given))
