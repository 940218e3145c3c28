"""A client as simple as one can be: it does what the contract says and nothing more."""

import json
import random
import socket
import threading
import time
from collections import Counter
from contextlib import suppress
from typing import Any

import websocket

from tests.faults.view import View, lie

SILENCE = 4.0  # seconds without a word after which a client comes anew


class Programs:
    """Python programs that share a cookie, and a record of ends."""

    def __init__(self, url: str, cookie: str, owner: str, seed: int, count: int) -> None:
        self.owner = owner
        self.cookie = cookie
        self._claimed: Counter[tuple[str, int]] = Counter()
        self._lock = threading.Lock()
        self._viewers = [Viewer(url, self, seed + number) for number in range(count)]
        for viewer in self._viewers:
            viewer.start()

    def claim(self, state: dict[str, Any]) -> None:
        """A raw client is told at least once; whoever is first here tells."""
        with self._lock:
            self._claimed[state["id"], state["attempt"]] |= 1

    def look(self) -> list[View]:
        return [viewer.look() for viewer in self._viewers]

    def told(self) -> Counter[tuple[str, int]]:
        with self._lock:
            return self._claimed.copy()

    def lies(self) -> list[str]:
        return [lie for viewer in self._viewers for lie in viewer.lies]

    def close(self) -> None:
        for viewer in self._viewers:
            viewer.stop()
        for viewer in self._viewers:
            viewer.join(10)


class Viewer(threading.Thread):
    """One program, watching `mine`."""

    def __init__(self, url: str, browser: Programs, seed: int) -> None:
        super().__init__(daemon=True)
        self._url = f"{url.replace('http', 'ws')}/socket.io/?EIO=4&transport=websocket"
        self._browser = browser
        self._chance = random.Random(seed)
        self._stopped = threading.Event()
        self._socket: websocket.WebSocket | None = None
        self._heard_at = 0.0
        self._relay = ""
        self._leave_at: float | None = None  # when the server that drains said to come back
        self._read = False  # whether this connection has answered what it was asked
        self._states: dict[str, dict[str, Any]] = {}
        self.lies: list[str] = []

    def look(self) -> View:
        live = self._read and self._relay == "live" and time.monotonic() - self._heard_at <= SILENCE
        states = self._states.copy()
        return View(live, {id: state["version"] for id, state in states.items()}, self.name)

    def stop(self) -> None:
        self._stopped.set()
        if self._socket is not None and (plain := self._socket.sock) is not None:
            with suppress(OSError):  # it has ended by itself
                plain.shutdown(socket.SHUT_RDWR)

    def run(self) -> None:
        while not self._stopped.is_set():
            try:
                self._view()
            except (websocket.WebSocketException, OSError):
                pass  # the server has gone, or we are to stop
            self._read, self._relay, self._leave_at = False, "", None
            self._stopped.wait(self._chance.uniform(0, 1))

    def _view(self) -> None:
        self._socket = websocket.create_connection(self._url, header={"Cookie": self._browser.cookie}, timeout=SILENCE)
        plain = self._socket.sock
        try:
            self._socket.send("40")
            self._socket.send('421["watch",{"topics":["mine"]}]')
            while not self._stopped.is_set():
                if self._leave_at is not None:
                    self._socket.settimeout(max(0.01, self._leave_at - time.monotonic()))
                text = str(self._socket.recv())
                self._heard_at = time.monotonic()
                if not text or text == "1":
                    return
                if text == "2":
                    self._socket.send("3")
                elif text.startswith("431"):
                    self._answer(json.loads(text[3:])[0]["topics"]["mine"])
                elif text.startswith("42["):
                    self._take(self._socket, *json.loads(text[2:]))
        finally:
            self._socket.close()
            if plain is not None:
                plain.close()

    def _answer(self, answer: dict[str, Any]) -> None:
        if "error" in answer:
            raise websocket.WebSocketException("come anew")
        self._replace(answer["jobs"])
        self._read = True

    def _take(self, connection: websocket.WebSocket, event: str, data: dict[str, Any]) -> None:
        if event == "jobs" and data.get("snapshot"):
            self._replace(data["jobs"])
        elif event == "jobs":
            for state in data["jobs"]:
                self._apply(state)
        elif event == "gone":
            for job in data["jobs"]:
                self._states.pop(job["id"], None)
        elif event == "ended":
            for state in data["jobs"]:
                self._browser.claim(state)
            connection.send("42" + json.dumps(["seen", {"ids": [[one["id"], one["attempt"]] for one in data["jobs"]]}]))
        elif event == "relay" and data["state"] == "draining":
            # who shows nothing live has nothing to wait for
            wait = data.get("retry_in", 0) / 1000 if self._relay == "live" else 0.0
            self._leave_at = self._leave_at or time.monotonic() + wait
        elif event == "relay":
            self._relay = data["state"]

    def _replace(self, states: list[dict[str, Any]]) -> None:
        held, self._states = self._states, {}
        for state in states:
            before = held.get(state["id"])
            if before is not None and before["version"] > state["version"]:
                self.lies.append(f"{state['id']}: a snapshot older than what was told")
            self._apply(state, before)

    def _apply(self, state: dict[str, Any], before: dict[str, Any] | None = None) -> None:
        held = before or self._states.get(state["id"])
        if before is None and held is not None and held["version"] >= state["version"]:
            return
        if found := lie(held, state):
            self.lies.append(found)
        self._states[state["id"]] = state
