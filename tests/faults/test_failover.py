"""A failover to a replica that lags, and what holds while only a replica is there, which takes no writes."""

import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import Redis

from realtime.pulse import SILENCE
from tests.conftest import free_port, start_redis, until
from tests.faults.proxy import Proxy
from tests.faults.stage import Stage
from workers import store


class Replica:
    """A second server that follows a stage's, through a proxy that can hold it back."""

    def __init__(self, stage: Stage, folder: Path) -> None:
        port = free_port()
        stage.redis.config_set("port", str(port))
        stage.redis.config_set("repl-diskless-sync-delay", "0")
        self.link = Proxy(port)
        self._server: subprocess.Popen[bytes]
        self._server, url = start_redis(folder, replicaof=f"127.0.0.1 {self.link.port}")
        self.socket = Path(url.removeprefix("unix://"))
        self.redis: Redis = store.connect(url)
        stage.redis.set("a word", 1)
        until(lambda: self.redis.exists("a word"), "its following")

    def promote(self) -> None:
        self.redis.replicaof("NO", "ONE")

    def end(self) -> None:
        self.redis.close()
        self._server.kill()
        self._server.wait()
        self.link.close()
        self.socket.unlink(missing_ok=True)


@pytest.fixture
def replica(stage: Stage, tmp_path: Path) -> Iterator[Replica]:
    folder = tmp_path / "replica"
    folder.mkdir()
    made = Replica(stage, folder)
    yield made
    made.end()


def test_a_failover_to_a_replica_that_lags_does_not_freeze_pages(stage: Stage, replica: Replica) -> None:
    id = stage.submit("background_work")
    stage.moves(id)
    until(lambda: store.load(replica.redis, id), "its being copied")
    replica.link.pause()
    missed = stage.submit("sum_numbers", text="12")
    until(lambda: stage.is_at(missed, "finished"), "an end that the replica does not hear of")
    stage.moves(id)
    held = stage.shown(id)["version"]
    copy = store.load(replica.redis, id)
    assert copy is not None and copy.state.version < held, "the replica does lag"
    replica.promote()
    stage.all(lambda proxy: proxy.retarget(replica.socket))
    stage.heals(replica.redis)
    until(lambda: stage.shown(id)["version"] > held, "its going on")
    until(lambda: stage.is_at(id, "finished") and stage.is_told(id), "its end")
    assert missed in stage.viewer.gone and stage.ends(id) == {"finished"}
    assert stage.post("sum_numbers", text="1").status_code == 202
    stage.heals(replica.redis)
    assert "the channel is lost" in stage.log()


def test_while_only_a_replica_is_there_nothing_is_taken_and_nothing_is_lost(stage: Stage, replica: Replica) -> None:
    id = stage.submit("background_work")
    stage.moves(id)
    until(lambda: store.load(replica.redis, id), "its being copied")
    replica.link.pause()
    stage.moves(id)
    stage.all(lambda proxy: proxy.retarget(replica.socket))
    until(lambda: "this server is a replica; pages say" in stage.log() and stage.says == "stale", "the word of it")
    answer = stage.post("sum_numbers", text="1")
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "unavailable")
    until(lambda: "takes writes" in stage.log(), "a line of a worker's")
    changes = len(stage.viewer.relay)
    time.sleep(SILENCE + 0.5)  # in which it would waver
    assert len(stage.viewer.relay) == changes
    assert [worker.poll() for worker in stage.workers] == [None, None]
    replica.promote()
    stage.heals(replica.redis)
    until(lambda: stage.is_at(id, "finished") and stage.is_told(id), "its end")
    assert stage.ends(id) == {"finished"} and stage.shown(id)["attempt"] == 1
    assert stage.post("sum_numbers", text="1").status_code == 202
