"""A viewer that remembers what it has been told."""

from typing import Any

import websocket

from tests.faults.viewer import Programs, Viewer


class Witness(Viewer):
    def __init__(self, url: str, cookie: str) -> None:
        self._us = Programs(url, cookie, "", 1, 0)
        super().__init__(url, self._us, 1)
        self.relay: list[str] = []  # what the relay has called itself, each change
        self.gone: set[str] = set()  # jobs that vanished before our eyes
        self.ends: dict[str, set[str]] = {}  # every status that a job was told to have ended with

    @property
    def states(self) -> dict[str, dict[str, Any]]:
        return self._states.copy()

    @property
    def watches(self) -> bool:
        return self.look().live

    def _take(self, connection: websocket.WebSocket, event: str, data: dict[str, Any]) -> None:
        if event == "relay" and self.relay[-1:] != [data["state"]]:
            self.relay.append(data["state"])
        elif event == "gone":
            self.gone |= {job["id"] for job in data["jobs"]} & set(self._states)
        elif event == "ended":
            for state in data["jobs"]:
                self.ends.setdefault(state["id"], set()).add(state["status"])
        super()._take(connection, event, data)

    def _replace(self, states: list[dict[str, Any]]) -> None:
        held = set(self._states)
        super()._replace(states)
        self.gone |= held - set(self._states)
