"""Browsers that had a session with the release before keep it."""

from typing import Any

import requests
from redis import Redis

from tests.conftest import Processes, free_port, is_ready, until


def browser() -> requests.Session:
    session = requests.Session()
    session.trust_env = False
    return session


def submit(session: requests.Session, url: str) -> str:
    answer = session.post(f"{url}/api/jobs", json={"task": "sum_numbers", "args": {"text": "1"}})
    assert answer.status_code == 202, answer.text
    return str(answer.json()["id"])


def jobs_of(session: requests.Session, url: str) -> list[str]:
    return [job["id"] for job in session.get(f"{url}/api/jobs").json()["jobs"]]


def details(session: requests.Session, url: str, id: str) -> dict[str, Any]:
    return dict(session.get(f"{url}/api/jobs/{id}").json())


def test_an_upgrade_takes_nobodys_jobs_and_no_login(
    redis: Redis, processes: Processes, old_processes: Processes
) -> None:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    before = old_processes.start("-m", "realtime.server", PORT=str(port))
    until(lambda: is_ready(url), f"the release before ({old_processes.log()})")
    me, operator, viewer, old_operator = browser(), browser(), browser(), browser()
    me.get(url).raise_for_status()
    mine = submit(me, url)
    for session, name in ((operator, "OPERATOR"), (viewer, "VIEWER")):
        token = processes.environment[f"HEADWAY_{name}_TOKEN"]
        session.post(f"{url}/login", json={"token": token}).raise_for_status()
    theirs = submit(operator, url)
    old_operator.cookies.update(operator.cookies)  # a copy, which no page exchanges
    assert set(me.cookies.keys()) == {"headway"}
    before.terminate()
    before.wait()

    processes.start("-m", "realtime.server", PORT=str(port))
    until(lambda: is_ready(url), f"this release ({processes.log()})")
    for _ in range(2):  # with the old cookie, and then with ours
        assert jobs_of(me, url) == [mine] and "args" in details(me, url, mine)
        assert me.get(f"{url}/api/queues").status_code == 403
        for session in (operator, viewer, old_operator):
            assert session.get(f"{url}/api/queues").status_code == 200
        for session in (me, operator, viewer):
            session.get(url).raise_for_status()
    del me.cookies["headway"]
    assert jobs_of(me, url) == [mine]

    operator.post(f"{url}/logout").raise_for_status()
    assert old_operator.get(f"{url}/api/queues").status_code == 401
    assert "args" not in details(old_operator, url, theirs)
    assert viewer.get(f"{url}/api/queues").status_code == 200
