"""Redis in trouble: each leaves a clear state and a line in the log, and heals by itself."""

import shutil
import threading
import time
from pathlib import Path
from uuid import uuid4

import requests

from tests.conftest import until
from tests.faults.proxy import Proxy
from tests.faults.stage import Stage
from workers import store

SLOWLY = 0.25  # seconds that each chunk takes, so that a question and its answer take half a second


def test_restarted_with_its_data_it_is_as_if_nothing_had_been(stage: Stage) -> None:
    id = stage.submit("background_work")
    stage.moves(id)
    done = stage.submit("sum_numbers", text="12")
    until(lambda: stage.is_at(done, "finished"), "an end")
    stage.kill_redis()
    stage.goes_deaf()
    assert stage.post("sum_numbers", text="1").json()["error"]["code"] == "unavailable"
    stage.start_redis()
    stage.heals()
    stage.moves(id)
    until(lambda: stage.is_at(id, "finished") and stage.is_told(id), "its end")
    assert "is silent" not in stage.log() and "the channel is lost" in stage.log()


def test_restarted_empty_what_is_gone_is_told_as_gone(stage: Stage, tmp_path: Path) -> None:
    done = stage.submit("sum_numbers", text="12")
    running = stage.submit("background_work")
    stage.moves(running)
    until(lambda: stage.is_at(done, "finished"), "an end")
    stage.kill_redis()
    stage.goes_deaf()
    shutil.rmtree(tmp_path / "appendonlydir")
    stage.start_redis()
    emptied(stage, running, done)


def test_flushed_what_is_gone_is_told_as_gone(stage: Stage) -> None:
    done = stage.submit("sum_numbers", text="12")
    running = stage.submit("background_work")
    stage.moves(running)
    until(lambda: stage.is_at(done, "finished"), "an end")
    stage.redis.flushall()
    emptied(stage, running, done)


def emptied(stage: Stage, running: str, done: str) -> None:
    """What holds within seconds of all data's loss, and after the job that nobody knows any more has ended."""
    stage.heals()
    assert {running, done} <= stage.viewer.gone
    assert stage.session.get(f"{stage.url}/api/jobs").json()["jobs"] == []
    id = stage.submit("sum_numbers", text="3")
    until(lambda: stage.is_at(id, "finished") and stage.is_told(id), "the end of a new job")
    until(lambda: stage.redis.scard("rq:workers") == len(stage.workers), "the workers' names")
    until(lambda: not horses(stage), "the end of the job that was under way")
    assert [worker.poll() for worker in stage.workers] == [None, None]
    stage.heals()
    assert "Redis has lost its data" in stage.log()


def horses(stage: Stage) -> list[str]:
    """The processes that run jobs."""
    found: list[str] = []
    for worker in stage.workers:
        found += Path(f"/proc/{worker.pid}/task/{worker.pid}/children").read_text().split()
    return found


def test_nearly_full_it_takes_nothing_new_and_keeps_every_end(stage: Stage) -> None:
    id = stage.submit("background_work")
    stage.moves(id)
    used = int(stage.redis.info("memory")["used_memory"])
    stage.redis.config_set("maxmemory", int(used * 1.06))
    answer = stage.post("sum_numbers", text="1")
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "unavailable")
    assert int(answer.headers["Retry-After"]) > 0
    until(lambda: stage.is_at(id, "finished") and stage.is_told(id), "its end")
    stage.redis.config_set("maxmemory", 0)
    assert stage.post("sum_numbers", text="1").status_code == 202
    stage.heals()


def test_quite_full_the_ends_wait_and_are_told_as_they_are(stage: Stage) -> None:
    stage.submit("background_work")
    id = stage.submit("text_length", text="four")
    until(lambda: stage.is_at(id, "started"), "a start")
    stage.redis.config_set("maxmemory", 1)
    answer = stage.post("sum_numbers", text="1")
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "unavailable")
    until(lambda: "takes writes" in stage.log(), "a line")
    stage.redis.config_set("maxmemory", 0)
    stage.heals()
    until(lambda: stage.is_at(id, "finished") and stage.is_told(id), "its end")
    assert stage.shown(id)["result"] == 4


def test_half_a_second_away_it_is_slow_and_nothing_else(stage: Stage) -> None:
    running = stage.submit("background_work")
    stage.moves(running)
    stage.all(lambda proxy: proxy.delay(SLOWLY))
    id = stage.submit("sum_numbers", text="12")
    until(lambda: stage.is_at(running, "finished") and stage.is_told(running), "the end of what ran")
    until(lambda: stage.is_at(id, "queued"), "what came")
    assert stage.viewer.relay == ["live"], "it does not waver"
    assert "is silent" not in stage.log()
    stage.all(Proxy.mend)
    until(lambda: stage.is_at(id, "finished") and stage.is_told(id), "its end")
    stage.heals()


def crowd(stage: Stage, size: int) -> list[tuple[int, str, float]]:
    """Many requests at once: what each was answered, and after how many seconds."""
    answers: list[tuple[int, str, float]] = []

    def ask() -> None:
        began = time.monotonic()
        answer = requests.get(f"{stage.url}/api/jobs/{uuid4()}", timeout=20)
        answers.append((answer.status_code, answer.json()["error"]["code"], time.monotonic() - began))

    threads = [threading.Thread(target=ask) for _ in range(size)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


def test_with_every_connection_taken_others_are_told_so_at_once(stage: Stage) -> None:
    stage.to_web.pause()
    answers = crowd(stage, 3 * store.POOL_SIZE)
    stage.goes_deaf()
    assert {(status, code) for status, code, _ in answers} == {(503, "unavailable")}
    assert max(took for *_, took in answers) < 5
    stage.to_web.mend()
    stage.heals()
    id = stage.submit("sum_numbers", text="12")
    until(lambda: stage.is_at(id, "finished"), "an end")
    assert "No connection available" in stage.log()


def test_half_open_connections_are_noticed_and_cost_no_end(stage: Stage) -> None:
    stage.to_web.delay(SLOWLY)
    crowd(stage, store.POOL_SIZE)  # so that many connections lie there, each of them dead in a moment
    stage.to_web.mend()
    id = stage.submit("background_work")
    stage.moves(id)
    stage.all(Proxy.forget)
    until(lambda: stage.says == "stale", "its being noticed", within=4)
    stage.heals()
    assert {status for status, *_ in crowd(stage, store.POOL_SIZE)} == {404}, "none meets a dead connection"
    until(lambda: stage.is_at(id, "finished") and stage.is_told(id), "its end", within=10)
    assert stage.ends(id) == {"finished"} and "waiting until it answers" in stage.log()
    [busy] = [worker for worker in stage.workers if stage.shown(id)["worker"].split(".")[-2] == str(worker.pid)]
    busy.terminate()  # so that what comes is for the worker that was idle, whose read has no end yet
    busy.wait()
    other = stage.submit("background_work")
    until(lambda: stage.is_at(other, "started"), "its start", within=20)
    channel = f"rq:pubsub:{stage.shown(other)['worker']}"
    until(lambda: stage.redis.pubsub_numsub(channel)[0][1] == 2, "its listening, beside the dead connection")
    stage.session.post(f"{stage.url}/api/jobs/{other}/stop")
    until(lambda: stage.is_at(other, "stopped"), "its being stopped", within=2)
