"""States in a real Redis."""

import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from redis import Redis, ResponseError
from redis.exceptions import ConnectionError as RedisConnectionError

from tests.conftest import ROOT, free_port, start_redis
from workers import store
from workers.wire import Status, decode_state

KNOWN = {"task": "sum_numbers", "queue": "default", "created_at": 1, "enqueued_at": None, "worker": None}


def put(redis: Redis, id: str, status: Status, *, owner: str = "me", queue: str = "default", **fields: Any) -> None:
    store.transition(redis, id, {"status": status, **fields}, owner=owner, fallback={**KNOWN, "queue": queue})


def state(redis: Redis, id: str) -> Any:
    stored = store.load(redis, id)
    assert stored is not None
    return stored.state


def test_what_was_written_is_read(redis: Redis) -> None:
    put(redis, "a", Status.QUEUED)
    stored = store.load(redis, "a")
    assert stored is not None and stored.owner == "me"
    assert decode_state(stored.body) == stored.state
    assert (stored.state.status, stored.state.attempt, stored.state.meta) == (Status.QUEUED, 1, {})


def test_an_unknown_job_is_none(redis: Redis) -> None:
    put(redis, "a", Status.QUEUED)
    found = store.load_many(redis, ["x", "a"])
    assert found[0] is None and found[1] is not None


def test_the_version_grows_although_the_clock_went_back(redis: Redis) -> None:
    put(redis, "a", Status.QUEUED)
    far = 2**52
    redis.hset("headway:job:a", "version", str(far))
    put(redis, "a", Status.STARTED)
    assert state(redis, "a").version == far + 1


def test_values_travel_unharmed(redis: Redis) -> None:
    """cjson would cut floats, turn [] into {} and large numbers into 1e+15."""
    result = {"float": 0.1 + 0.2, "list": [], "object": {}, "large": 2**53 - 1, "text": 'ü\u2028"\\', "null": None}
    put(redis, "a", Status.STARTED)
    put(redis, "a", Status.FINISHED, result=result)
    assert state(redis, "a").result == result


@pytest.mark.parametrize("after", [Status.STARTED, Status.LOST, *sorted(["finished", "failed", "stopped", "canceled"])])
@pytest.mark.parametrize("next", [Status.QUEUED, Status.SCHEDULED, Status.DEFERRED])
def test_an_attempt_ends_when_the_job_waits_again(redis: Redis, after: str, next: Status) -> None:
    put(redis, "a", Status.QUEUED)
    put(redis, "a", Status(after), completed=5, total=9, unit="x", worker="w")
    put(redis, "a", next)
    now = state(redis, "a")
    assert (now.attempt, now.completed, now.total, now.unit, now.worker, now.result) == (2, None, None, "", None, None)


def test_waiting_after_waiting_is_the_same_attempt(redis: Redis) -> None:
    for status in (Status.DEFERRED, Status.SCHEDULED, Status.QUEUED, Status.STARTED, Status.FINISHED):
        put(redis, "a", status)
    assert state(redis, "a").attempt == 1


def test_an_end_after_an_end_is_the_newer_truth(redis: Redis) -> None:
    put(redis, "a", Status.STARTED)
    put(redis, "a", Status.FAILED, error={"type": "E", "message": "m"})
    put(redis, "a", Status.FINISHED, error=None)
    assert (state(redis, "a").status, state(redis, "a").attempt, state(redis, "a").error) == (Status.FINISHED, 1, None)


def test_progress_of_the_running_attempt_is_taken(redis: Redis) -> None:
    put(redis, "a", Status.STARTED)
    assert store.report(redis, "a", 1, {"completed": 3, "total": 9, "unit": ""})
    assert state(redis, "a").completed == 3


def test_progress_is_refused_where_it_can_only_be_wrong(redis: Redis) -> None:
    assert not store.report(redis, "nobody", 1, {"completed": 1, "total": None, "unit": ""})
    put(redis, "a", Status.STARTED)
    assert not store.report(redis, "a", 2, {"completed": 1, "total": None, "unit": ""})
    put(redis, "a", Status.FINISHED)
    assert not store.report(redis, "a", 1, {"completed": 1, "total": None, "unit": ""})
    assert state(redis, "a").completed is None


def test_a_bar_falls_only_with_another_unit_or_attempt(redis: Redis) -> None:
    put(redis, "a", Status.STARTED)
    store.report(redis, "a", 1, {"completed": 5, "total": 9, "unit": "B"})
    store.report(redis, "a", 1, {"completed": 4, "total": 9, "unit": "B", "description": "later"})
    assert (state(redis, "a").completed, state(redis, "a").description) == (5, "later")
    store.report(redis, "a", 1, {"completed": 0, "total": 2, "unit": "paragraphs"})
    assert state(redis, "a").completed == 0


def test_a_lower_report_does_not_change_the_total_either(redis: Redis) -> None:
    put(redis, "a", Status.STARTED)
    store.report(redis, "a", 1, {"completed": 51, "total": 1000, "unit": ""})
    store.report(redis, "a", 1, {"completed": 10, "total": 20, "unit": ""})
    assert (state(redis, "a").completed, state(redis, "a").total) == (51, 1000)


def test_who_starts_after_an_end_has_neither_result_nor_error(redis: Redis) -> None:
    put(redis, "a", Status.FINISHED, result=7, error={"type": "E", "message": "m"})
    put(redis, "a", Status.STARTED)
    assert (state(redis, "a").result, state(redis, "a").error, state(redis, "a").ended_at) == (None, None, None)


def test_lists_of_ended_jobs_expire_with_the_states(redis: Redis) -> None:
    put(redis, "a", Status.FINISHED)
    put(redis, "b", Status.QUEUED)
    assert 0 < int(redis.ttl("headway:owner:me:finished")) <= 7 * 24 * 3600
    assert redis.ttl("headway:owner:me:queued") == -1


def test_what_runs_is_in_the_snapshot_however_much_waits(redis: Redis) -> None:
    put(redis, "old", Status.STARTED)
    with redis.pipeline() as pipeline:
        for number in range(1100):
            store.transition(pipeline, f"q{number}", {"status": Status.QUEUED}, owner="me", fallback=KNOWN)
        pipeline.execute()
    rows, more = store.snapshot(redis, "owner:me")
    assert more and len(rows) == 1000 and rows[-1].state.id == "old"


def test_a_tombstone_holds_off_late_words_and_lets_a_new_submission_in(redis: Redis) -> None:
    put(redis, "a", Status.STARTED)
    store.bury(redis, "a")
    assert store.load(redis, "a") is None
    assert 0 < int(redis.ttl("headway:job:a")) <= 600
    put(redis, "a", Status.FINISHED)
    assert not store.report(redis, "a", 1, {"completed": 1, "total": None, "unit": ""})
    assert store.load(redis, "a") is None
    put(redis, "a", Status.QUEUED)
    assert state(redis, "a").status == Status.QUEUED


def test_a_state_expires_a_week_after_its_end_and_not_before(redis: Redis) -> None:
    put(redis, "a", Status.STARTED)
    assert redis.ttl("headway:job:a") == -1
    put(redis, "a", Status.FINISHED)
    assert int(redis.ttl("headway:job:a")) == 7 * 24 * 3600
    put(redis, "a", Status.QUEUED)
    assert redis.ttl("headway:job:a") == -1


def test_progress_touches_no_index(redis: Redis) -> None:
    put(redis, "a", Status.STARTED)
    with redis.monitor() as monitor:
        store.report(redis, "a", 1, {"completed": 1, "total": 2, "unit": ""})
        redis.echo("end")
        seen = []
        for line in monitor.listen():
            if line["command"].upper().startswith("ECHO"):
                break
            seen.append(line["command"].split(" ")[0].upper())
    assert "PUBLISH" in seen and not [command for command in seen if command.startswith("Z")]


def test_scopes_hold_their_own_jobs(redis: Redis) -> None:
    put(redis, "a", Status.QUEUED, owner="me")
    put(redis, "b", Status.QUEUED, owner="you", queue="books")
    put(redis, "c", Status.QUEUED, owner="")

    def ids(scope: str) -> set[str]:
        return {row.state.id for row in store.snapshot(redis, scope)[0]}

    assert (ids("owner:me"), ids("owner:you"), ids("queue:books"), ids("all")) == ({"a"}, {"b"}, {"b"}, {"a", "b", "c"})


def test_a_snapshot_holds_all_that_runs_and_the_newest_ends(redis: Redis) -> None:
    with redis.pipeline() as pipeline:
        for number in range(250):
            store.transition(pipeline, f"e{number}", {"status": Status.FINISHED}, owner="me", fallback=KNOWN)
        for number in range(30):
            store.transition(pipeline, f"q{number}", {"status": Status.QUEUED}, owner="me", fallback=KNOWN)
        pipeline.execute()
    rows, more = store.snapshot(redis, "owner:me")
    ids = [row.state.id for row in rows]
    assert more and len(ids) == 230 and ids[0] == "q29" and ids[-1] == "e50"


def test_a_snapshot_is_cut_at_a_thousand(redis: Redis) -> None:
    with redis.pipeline() as pipeline:
        for number in range(1100):
            store.transition(pipeline, f"q{number}", {"status": Status.QUEUED}, owner="me", fallback=KNOWN)
        store.transition(pipeline, "e", {"status": Status.FINISHED}, owner="me", fallback=KNOWN)
        pipeline.execute()
    rows, more = store.snapshot(redis, "owner:me")
    assert more and len(rows) == 1000 and rows[0].state.id == "q1099"


def test_expired_states_leave_the_lists(redis: Redis) -> None:
    put(redis, "a", Status.FINISHED)
    redis.delete("headway:job:a")
    assert store.snapshot(redis, "owner:me") == ([], False)
    assert not redis.exists("headway:owner:me:finished")


def test_what_can_be_searched_lives_as_long_as_the_state_and_is_never_shown(redis: Redis) -> None:
    known = {**KNOWN, "words": 'a "word"'}
    store.transition(redis, "a", {"status": Status.QUEUED}, fallback=known)
    assert redis.get("headway:job:a:words") == b'a \\"word\\"'
    stored = store.load(redis, "a")
    assert stored is not None and "word" not in stored.body and not redis.hexists("headway:job:a", "words")
    store.transition(redis, "a", {"status": Status.FINISHED}, fallback={**KNOWN, "words": "another"})
    assert redis.get("headway:job:a:words") == b'a \\"word\\"', "what was submitted is what is searched"
    assert redis.ttl("headway:job:a:words") == redis.ttl("headway:job:a") > 0
    store.transition(redis, "a", {"status": Status.QUEUED})
    assert redis.ttl("headway:job:a:words") == redis.ttl("headway:job:a") == -1
    store.bury(redis, "a")
    assert redis.keys("headway:job:a*") == [b"headway:job:a"]


def test_attempts_are_remembered(redis: Redis) -> None:
    put(redis, "a", Status.QUEUED)
    put(redis, "a", Status.STARTED, started_at=5)
    put(redis, "a", Status.QUEUED, error={"type": "E", "message": "m"})
    [first] = store.attempts(redis, "a")
    assert '"attempt":1,"status":"failed","started_at":5' in first and '"type":"E"' in first


def test_a_shared_client_waits_for_a_connection(redis_url: str) -> None:
    shared = store.connect(redis_url, shared=True)
    pool = shared.connection_pool
    held = [pool.get_connection() for _ in range(store.POOL_SIZE)]
    threading.Timer(0.1, lambda: pool.release(held[0])).start()
    assert shared.ping()
    pool.disconnect()


GREEN = """
import sys
import eventlet
eventlet.monkey_patch()
from workers import store
url = sys.argv[1]
with store.connect(url) as other:
    for shared in (False, True):
        client = store.connect(url, shared=shared)
        for _ in range(5):
            client.ping()
            other.client_kill_filter(_type="normal", skipme=True)
            client.ping()
        client.close()
"""


def test_a_connection_that_the_server_has_closed_is_noticed_under_eventlet(tmp_path: Path) -> None:
    """As after a silence that is longer than the server's `timeout`, or than that of a proxy before it."""
    process, url = start_redis(tmp_path, port=str(port := free_port()))
    try:
        for address in (url, f"redis://127.0.0.1:{port}"):
            command = [sys.executable, "-W", "ignore", "-c", GREEN, address]
            subprocess.run(command, cwd=ROOT, check=True, timeout=30)
    finally:
        process.kill()
        process.wait()


def test_how_full_a_server_is_that_keeps_it_to_itself_is_not_looked_at_and_said_once(
    redis: Redis, redis_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    store._say_once.cache_clear()
    redis.execute_command("ACL", "SETUSER", "shy", "on", ">word", "~*", "&*", "+@all", "-@dangerous")
    with store.connect(redis_url, username="shy", password="word") as shy:
        assert [store.memory_share(shy) for _ in range(3)] == [0.0] * 3
    redis.acl_deluser("shy")
    [record] = caplog.records
    assert record.getMessage().startswith("how full Redis is can't be seen, so it is not looked at: ")


def test_a_client_gives_up_where_there_is_no_server(tmp_path: Any) -> None:
    with pytest.raises(RedisConnectionError):
        store.connect(f"unix://{tmp_path}/none.sock").ping()


def test_what_the_script_could_not_do_is_an_error_and_not_a_refusal(redis: Redis) -> None:
    """As on a replica or with the memory full: who reports must try again, not stop."""
    put(redis, "a", Status.STARTED)
    redis.config_set("maxmemory", 1)
    try:
        with pytest.raises(ResponseError, match=r"OOM|maxmemory"):
            store.report(redis, "a", 1, {"completed": 1})
    finally:
        redis.config_set("maxmemory", 0)
