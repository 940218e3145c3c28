"""A client as simple as one can be: it does what the contract says and nothing more. Many share one browser's claim."""

import json
import random
import threading
from dataclasses import dataclass, field
from typing import Any

import websocket

SILENCE = 4.0  # seconds without a word after which a client comes anew


@dataclass
class Browser:
    """What all tabs of one browser share: which ends have been told."""

    cookie: str
    told: set[tuple[str, int]] = field(default_factory=set)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def claim(self, state: dict[str, Any]) -> None:
        with self.lock:
            self.told.add((state["id"], state["attempt"]))


class Viewer(threading.Thread):
    """One tab, watching `mine`."""

    def __init__(self, url: str, browser: Browser, seed: int) -> None:
        super().__init__(daemon=True)
        self._url = f"{url.replace('http', 'ws')}/socket.io/?EIO=4&transport=websocket"
        self._browser = browser
        self._chance = random.Random(seed)
        self._stopped = threading.Event()
        self.states: dict[str, dict[str, Any]] = {}
        self.lies: list[str] = []
        self.connected = False

    def stop(self) -> None:
        self._stopped.set()

    def run(self) -> None:
        while not self._stopped.is_set():
            try:
                self._view()
            except (websocket.WebSocketException, OSError):
                pass  # the server has gone: come anew
            self.connected = False
            self._stopped.wait(self._chance.uniform(0, 1))

    def _view(self) -> None:
        header = {"Cookie": self._browser.cookie}
        socket = websocket.create_connection(self._url, header=header, timeout=SILENCE)
        plain = socket.sock
        try:
            socket.send("40")
            socket.send('421["watch",{"topics":["mine"]}]')
            while not self._stopped.is_set():
                text = str(socket.recv())
                if not text or text == "1":
                    return
                if text == "2":
                    socket.send("3")
                elif text.startswith("431"):
                    answer = json.loads(text[3:])[0]["topics"]["mine"]
                    if "error" in answer:
                        return
                    self._replace(answer["jobs"])
                    self.connected = True
                elif text.startswith("42["):
                    self._take(socket, *json.loads(text[2:]))
        finally:
            socket.close()
            if plain is not None:
                plain.close()

    def _take(self, socket: websocket.WebSocket, event: str, data: dict[str, Any]) -> None:
        if event == "jobs" and data.get("snapshot"):
            self._replace(data["jobs"])
        elif event == "jobs":
            for state in data["jobs"]:
                self._apply(state)
        elif event == "gone":
            for job in data["jobs"]:
                self.states.pop(job["id"], None)
        elif event == "ended":
            for state in data["jobs"]:
                self._browser.claim(state)
            socket.send("42" + json.dumps(["seen", {"ids": [[one["id"], one["attempt"]] for one in data["jobs"]]}]))
        elif event == "relay" and data["state"] == "draining":
            self._stopped.wait(min(1.0, data["retry_in"] / 1000))
            raise websocket.WebSocketException("sent away")

    def _replace(self, states: list[dict[str, Any]]) -> None:
        held, self.states = self.states, {}
        for state in states:
            before = held.get(state["id"])
            if before is not None and before["version"] > state["version"]:
                self.lies.append(f"{state['id']}: a snapshot older than what was told")
            self._apply(state)

    def _apply(self, state: dict[str, Any]) -> None:
        held = self.states.get(state["id"])
        if held is not None and held["version"] >= state["version"]:
            return
        if held is not None and state["attempt"] < held["attempt"]:
            self.lies.append(f"{state['id']}: attempt {state['attempt']} after {held['attempt']}")
        same = held is not None and (held["attempt"], held["unit"]) == (state["attempt"], state["unit"])
        if same and held is not None and (held["completed"] or 0) > (state["completed"] or 0):
            self.lies.append(f"{state['id']}: {state['completed']} after {held['completed']}")
        self.states[state["id"]] = state
