"""Dashboards in tabs of a real browser, and what is counted while they are open."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from playwright.sync_api import Browser, BrowserContext, Request, Response, WebSocket
from redis import Redis

from bench.machine import Work

READY_WITHIN = 240_000.0  # ms
SETTLED = 3.0  # seconds after the last tab shows something; its requests are over by then
ALONE = "delete globalThis.SharedWorker"  # the socket is then the tab's own, and what it receives can be counted


@dataclass(frozen=True)
class View:
    path: str
    shows: str  # what is there once it can be read


@dataclass(frozen=True)
class Board:
    """One of the dashboards, its server running."""

    url: str
    pid: int
    views: dict[str, View]
    token: str | None = None  # logs operators in


@dataclass(frozen=True)
class Counts:
    """Of some seconds, per second but for the shares of a core, which are in %."""

    commands: float
    connections: float
    redis_core: float
    server_core: float
    errors: float  # answers of the server that are its own faults


class Tabs:
    def __init__(self, browser: Browser, redis: Redis) -> None:
        self._browser = browser
        self._redis = redis
        self._errors = 0
        self._clock = browser.new_page()  # its pauses let the browser's events come in

    def pause(self, seconds: float) -> None:
        self._clock.wait_for_timeout(seconds * 1000)

    @contextmanager
    def session(self, board: Board, script: str = "") -> Iterator[BrowserContext]:
        """A browser of its own, logged in."""
        context = self._browser.new_context(viewport={"width": 1280, "height": 800})
        context.set_default_timeout(READY_WITHIN)
        if script:
            context.add_init_script(script)
        if board.token is not None:
            context.request.post(f"{board.url}/login", data={"token": board.token})
        context.on("response", self._look)
        try:
            yield context
        finally:
            context.close()

    @contextmanager
    def opened(self, board: Board, view: str, count: int, browsers: int = 1) -> Iterator[None]:
        """`count` tabs, of so many browsers in all."""
        with ExitStack() as stack:
            contexts = [stack.enter_context(self.session(board)) for _ in range(browsers)]
            pages = [contexts[number % browsers].new_page() for number in range(count)]
            for page in pages:
                page.goto(board.url + board.views[view].path, wait_until="commit")
            for page in pages:
                page.locator(board.views[view].shows).first.wait_for()
            self.pause(SETTLED)
            yield

    def count(self, seconds: float, server: int, spent: Callable[[], float] = lambda: 0.0) -> Counts:
        """What happens in the next `seconds`, without the commands that are `spent` by then on something else.

        `server` is the process whose share of a core is told.
        """
        self._errors = 0
        before, work, first = self._totals(), Work(server), spent()
        self.pause(seconds)
        share, after = work.share(), self._totals()
        commands, connections, cpu, at = (late - early for late, early in zip(after, before, strict=True))
        return Counts((commands - spent() + first) / at, connections / at, cpu / at * 100, share, self._errors / at)

    def commands(self) -> float:
        """That Redis has taken so far."""
        return self._totals()[0]

    def received(self, board: Board, view: str, seconds: float) -> float:
        """Bytes a second that one tab of its own receives once it stands: bodies and heads of answers, and frames."""
        sizes: list[int] = []

        def listen(socket: WebSocket) -> None:
            socket.on("framereceived", lambda payload: sizes.append(len(payload)))

        def add(request: Request) -> None:
            taken = request.sizes()
            sizes.append(taken["responseBodySize"] + taken["responseHeadersSize"])

        with self.session(board, ALONE) as context:
            page = context.new_page()
            page.on("websocket", listen)
            page.on("requestfinished", add)
            page.goto(board.url + board.views[view].path)
            page.locator(board.views[view].shows).first.wait_for()
            self.pause(SETTLED)
            sizes.clear()
            self.pause(seconds)
            return sum(sizes) / seconds

    def _look(self, response: Response) -> None:
        self._errors += response.status >= 500

    def _totals(self) -> tuple[float, float, float, float]:
        """(commands, new connections, seconds of CPU, time), by Redis itself."""
        info = self._redis.info("everything")
        seconds, microseconds = self._redis.time()
        return (
            sum(value["calls"] for name, value in info.items() if name.startswith("cmdstat_")),
            info["total_connections_received"],
            info["used_cpu_user"] + info["used_cpu_sys"],
            seconds + microseconds / 1e6,
        )
