"""A web process that is there and answers nobody is replaced, whatever keeps it; each of several by itself."""

import os
import signal
import sys
from collections.abc import Iterator

import pytest

from tests.conftest import ROOT, free_port, is_ready
from tests.said import Said
from workers import supervisor as supervisor_module
from workers import watchdog
from workers.supervisor import Supervisor
from workers.watchdog import Watchdog

WITHIN = 30.0  # seconds; long, since a web process takes its time to start where much else runs


class Kennel:
    """Two web processes on one port, under one supervisor."""

    def __init__(self, environment: dict[str, str], said: Said) -> None:
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        self.said = said
        given = {**os.environ, **environment, "PORT": str(port), "HEADWAY_PROCESSES": "2"}
        self.supervisor = Supervisor(ROOT, given, self.said.out, grace=5)
        for name in ("web.1", "web.2"):
            dog = Watchdog("/healthz")
            command = [sys.executable, "-m", "tests.hostile.stuck", "--watch", str(dog.fileno())]
            self.supervisor.add(name, command, keep=(dog.fileno(),), watchdog=dog)

    def pids(self) -> list[int]:
        return [part.process.pid if part.process else 0 for part in self.supervisor._parts]

    def until(self, condition: object) -> None:
        assert self.supervisor.wait_until(condition, WITHIN), self.said.text

    def heard(self) -> bool:
        """Whether both have answered since they started."""
        return all(part.watchdog is not None and part.watchdog.heard for part in self.supervisor._parts)


@pytest.fixture
def kennel(
    base_environment: dict[str, str], redis_url: str, said: Said, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Kennel]:
    monkeypatch.setattr(watchdog, "INTERVAL", 0.2)
    monkeypatch.setattr(watchdog, "DEADLINE", 1.0)
    monkeypatch.setattr(watchdog, "MISSES", 3)
    monkeypatch.setattr(supervisor_module, "KILL_AFTER", 0.5)
    made = Kennel({**base_environment, "REDIS_URL": redis_url}, said)
    yield made
    made.supervisor.stop()
    made.supervisor.run()


@pytest.mark.parametrize(
    "kept_by",
    [signal.SIGUSR1, pytest.param(signal.SIGSTOP, marks=pytest.mark.long)],
    ids=["busy", "stopped"],
)
def test_a_deaf_web_process_is_replaced_and_the_other_one_is_not(kept_by: signal.Signals, kennel: Kennel) -> None:
    kennel.until(kennel.heard)
    deaf, other = kennel.pids()
    os.kill(deaf, kept_by)
    kennel.until(lambda: kennel.pids()[0] not in (0, deaf))
    kennel.until(kennel.heard)
    kennel.until(lambda: is_ready(kennel.url))
    assert kennel.pids()[1] == other
    assert "web.1   | does not answer any more; restarting it" in kennel.said.text
    assert "web.2   | does not answer" not in kennel.said.text
