"""The processes of the workers' side, from the command line."""

import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from redis import Redis

from tests.conftest import ROOT, Processes, ended, until
from workers.environment import NEWS_SECRETS, WEB_SECRETS
from workers.errors import AWAY, WRONG
from workers.installation import SCHEMA, SCHEMA_KEY
from workers.queue import Jobs


def call(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "workers.main", *arguments]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=30, check=False)


def test_ping_is_quiet_where_redis_answers(redis_url: str) -> None:
    answer = call("ping", REDIS_URL=redis_url)
    assert (answer.returncode, answer.stdout, answer.stderr) == (0, "", "")


@pytest.mark.parametrize("part", ["ping", "worker", "scheduler"])
def test_an_unreachable_redis_is_one_clear_line(part: str, tmp_path: Path) -> None:
    answer = call(part, REDIS_URL=f"unix://{tmp_path}/none.sock")
    assert answer.returncode == AWAY
    assert answer.stderr.startswith("Redis can't be reached") and answer.stderr.count("\n") == 1


def test_a_wrong_setting_is_one_clear_line(redis_url: str) -> None:
    answer = call("ping", REDIS_URL=redis_url, HEADWAY_QUEUES="default:none")
    assert answer.returncode == WRONG
    assert answer.stderr.startswith("HEADWAY_QUEUES: expected") and answer.stderr.count("\n") == 1


@pytest.mark.parametrize("part", ["ping", "worker", "scheduler", "cron"])
def test_what_a_newer_release_has_used_is_one_clear_line(part: str, redis: Redis, redis_url: str) -> None:
    redis.set(SCHEMA_KEY, SCHEMA + 1)
    answer = call(part, REDIS_URL=redis_url)
    redis.delete(SCHEMA_KEY)
    assert answer.returncode == WRONG and answer.stderr.count("\n") == 1
    assert answer.stderr.startswith("REDIS_URL: a newer release of Headway has used this Redis")


def test_a_worker_of_an_unknown_queue_says_which_there_are(redis_url: str) -> None:
    answer = call("worker", "--queue", "mail", REDIS_URL=redis_url)
    assert (
        answer.returncode == WRONG
        and "expected one of default, bookInfoParser, headway, headway-others, headway-news, got 'mail'"
        in answer.stderr
    )


REGISTER = "from rq import cron\nfrom {} import {}\ncron.register({}, {!r}, interval=9)\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "HEADWAY_CRON: expected a file that registers tasks"),
        (REGISTER.format("time", "sleep", "sleep", "default"), "got 'time.sleep'"),
        (
            REGISTER.format("workers.jobs.text", "sum_numbers", "sum_numbers", "x"),
            "expected one of the queues default, bookInfoParser, headway, headway-others, headway-news, got 'x'",
        ),
        (
            REGISTER.format("workers.jobs.text", "sum_numbers", "sum_numbers", "default"),
            "workers.jobs.text.sum_numbers: sum_numbers: text: expected a value, got nothing",
        ),
        ("import nothing_of_this_name\n", "No module named 'nothing_of_this_name'"),
        ("1 +\n", "invalid syntax"),
    ],
)
def test_a_cron_file_that_can_not_be_used_is_one_clear_line(
    text: str | None, said: str, redis_url: str, tmp_path: Path
) -> None:
    file = tmp_path / "cron.py"
    if text is not None:
        file.write_text(text)
    answer = call("cron", REDIS_URL=redis_url, HEADWAY_CRON=str(file))
    assert answer.returncode in (1, WRONG) and answer.stderr.count("\n") == 1, answer.stderr
    assert said in answer.stderr and str(file) in answer.stderr


def test_tasks_that_would_be_left_out_are_named_without_a_redis() -> None:
    answer = call("check", REDIS_URL="unix:///nowhere")
    assert (answer.returncode, answer.stdout, answer.stderr) == (0, "", "")
    answer = call("check", REDIS_URL="unix:///nowhere", HEADWAY_QUEUES="default")
    assert answer.returncode == 1 and answer.stderr.count("\n") == 1
    assert answer.stderr.startswith("workers/jobs/books.py:") and "parse_book is left out: queue:" in answer.stderr


def test_two_workers_of_one_name_are_refused(redis: Redis, redis_url: str, processes: Processes) -> None:
    processes.start("-m", "workers.main", "worker", "--queue", "default", "--name", "one")
    until(lambda: redis.exists("rq:worker:one"), "the first")
    answer = call("worker", "--queue", "default", "--name", "one", REDIS_URL=redis_url)
    assert answer.returncode == WRONG and answer.stderr.startswith("--name:")


def test_a_workers_name_tells_strangers_nothing_of_its_machine(redis: Redis, jobs: Jobs, processes: Processes) -> None:
    """It stands in the state of each job that it runs; its host is for those who see the workers."""
    process = processes.worker()
    state = ended(jobs, jobs.submit("text_length", {"text": "a"}, owner="me").state.id).state
    assert state.worker is not None and re.fullmatch(rf"default\.{process.pid}\.[0-9a-f]{{8}}", state.worker)
    [record] = redis.keys("rq:worker:default.*")
    assert redis.hget(record, "hostname") == socket.gethostname().encode()


def test_a_worker_that_is_asked_to_end_finishes_its_job(jobs: Jobs, processes: Processes) -> None:
    worker = processes.worker()
    id = jobs.submit("text_length", {"text": "four"}, owner="me").state.id
    until(lambda: jobs.load(id).state.started_at, "started")
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(10) == 0
    assert ended(jobs, id).state.result == 4


def test_what_a_task_starts_inherits_no_secret(processes: Processes, redis: Redis, tmp_path: Path) -> None:
    """A worker that was started by hand has them all at first."""
    out = tmp_path / "seen"
    command = f"env > {out}.part; mv {out}.part {out}"
    script = (
        "import subprocess, workers.main as main;"
        f" main.BatchingWorker.work = lambda *_, **__: subprocess.call({command!r}, shell=True);"
        " main.main(['worker', '--queue', 'default'])"
    )
    processes.start("-c", script, DATABASE_URL="postgres://shop")
    until(out.exists, "its environment")
    names = {line.partition("=")[0] for line in out.read_text().splitlines()}
    assert "DATABASE_URL" in names and not names & {*WEB_SECRETS, *NEWS_SECRETS}
