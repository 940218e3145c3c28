"""An embedded server's folder, as `run.py` of the release before has left it: data and secrets are kept."""

import json
from pathlib import Path

import requests
from redis.exceptions import RedisError

from tests.conftest import Processes, free_port, is_ready, until
from tests.upgrade.test_installation import WITHIN, program
from workers import store

SHORT = "short"  # a token that could be guessed
LARGE = 90 * 1024 * 1024  # bytes, more than the server may take now


def answers(home: Path) -> bool:
    """Whether the server is up, with its data loaded."""
    try:
        with store.connect(f"unix://{home}/redis.sock") as redis:
            return bool(redis.ping())
    except RedisError:
        return False


def is_up(url: str) -> bool:
    try:
        return requests.get(f"{url}/healthz", timeout=2).ok
    except requests.RequestException:
        return False


def test_data_and_secrets_in_an_open_folder_are_kept_though_there_is_a_ceiling_now(
    processes: Processes, old_processes: Processes, tmp_path: Path
) -> None:
    home, port = tmp_path / "home", free_port()
    home.mkdir(mode=0o755)
    url = f"http://127.0.0.1:{port}"
    for name in ("SECRET_KEY", "HEADWAY_OPERATOR_TOKEN"):
        del processes.environment[name]
    processes.environment |= {"REDIS_URL": "", "HEADWAY_HOME": str(home), "PORT": str(port)}
    processes.environment["HEADWAY_VIEWER_TOKEN"] = SHORT

    before = [old_processes.start("run.py", "redis")]
    until(lambda: answers(home), f"its server ({old_processes.log()})", WITHIN)
    before.append(old_processes.start("run.py", "web"))
    until(lambda: is_ready(url), f"the release before ({old_processes.log()})", WITHIN)
    secrets = (home / "secrets").read_bytes()
    me, operator = program(), program(json.loads(secrets)["operator_token"])
    me.get(url).raise_for_status()
    id = me.post(f"{url}/api/jobs", json={"task": "sum_numbers", "args": {"text": "12"}}).json()["id"]
    with store.connect(f"unix://{home}/redis.sock") as redis:
        redis.setrange("large", LARGE, "1")
    for process in reversed(before):
        process.terminate()
        process.wait()

    server = processes.start("run.py", "redis", HEADWAY_MAXMEMORY="64mb")
    until(lambda: answers(home), f"its server ({processes.log()})", WITHIN)
    processes.start("run.py", "web")  # it is not ready, since its server takes no writes; but people can make room
    until(lambda: is_up(url), f"this release ({processes.log()})", WITHIN)
    assert [job["id"] for job in me.get(f"{url}/api/jobs").json()["jobs"]] == [id]
    assert operator.get(f"{url}/api/queues").status_code == program(SHORT).get(f"{url}/api/queues").status_code == 200
    assert me.post(f"{url}/api/jobs", json={"task": "sum_numbers", "args": {"text": "1"}}).status_code == 503
    until(lambda: "Raise HEADWAY_MAXMEMORY" in processes.log(), "what to do about it to be said")
    assert "HEADWAY_VIEWER_TOKEN has fewer than 16 characters" in processes.log()
    assert (home / "secrets").read_bytes() == secrets and home.stat().st_mode & 0o777 == 0o700

    server.terminate()
    server.wait()
    processes.start("run.py", "redis")
    until(lambda: answers(home), f"its server ({processes.log()})", WITHIN)
    processes.start("run.py", "worker", "--queue", "default")
    until(lambda: me.get(f"{url}/api/jobs/{id}").json().get("status") == "finished", processes.log(), WITHIN)
