"""Finding and counting over HTTP."""

import pytest
from flask.testing import FlaskClient

from tests.realtime.test_api import error, submit
from workers.wire import FIELDS


def test_a_list_shows_whole_states(me: FlaskClient) -> None:
    state = submit(me)
    answer = me.get("/api/jobs").get_json()
    assert answer == {"jobs": [state], "cursor": None} and tuple(answer["jobs"][0]) == FIELDS


def test_an_operator_can_ask_for_their_own(me: FlaskClient, operator: FlaskClient) -> None:
    submit(me)
    assert [len(who.get("/api/jobs").get_json()["jobs"]) for who in (me, operator)] == [1, 1]
    assert [len(who.get("/api/jobs?mine=true").get_json()["jobs"]) for who in (me, operator)] == [1, 0]
    error(operator.get("/api/jobs?mine=2"), 400, "bad_request")


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("q=state:canceled", 1),
        ("q=state:queued,canceled", 3),
        ("q=-state:queued", 1),
        ("q=queue:default", 3),
        ("q=task:text_length", 1),
        ("q=task:text_length&status=canceled", 0),
        ("q=state:queued&status=canceled", 0),
        ("q=LENGTH", 1),
        ("q=rare", 1),
        ("q=12%20sum", 2),
        ("q=after:1h", 3),
        ("q=before:1h", 0),
        ("q=", 3),
    ],
)
def test_what_is_asked_for_is_found_and_counted(query: str, count: int, me: FlaskClient) -> None:
    submit(me)
    submit(me, "text_length", text="a rare word")
    me.post(f"/api/jobs/{submit(me)['id']}/cancel")
    assert len(me.get(f"/api/jobs?{query}").get_json()["jobs"]) == count
    counted = me.get(f"/api/counts?{query}").get_json()
    assert counted["total"] == sum(counted["by_status"].values()) == count and counted["more"] is False


def test_nobody_finds_or_counts_the_jobs_of_others(me: FlaskClient, you: FlaskClient, operator: FlaskClient) -> None:
    id = submit(me, text="secret")["id"]
    for q in ("", "secret", id, f"id:{id[:4]}", "queue:default"):
        totals = [who.get("/api/counts", query_string={"q": q}).get_json()["total"] for who in (me, you, operator)]
        pages = [len(who.get("/api/jobs", query_string={"q": q}).get_json()["jobs"]) for who in (me, you, operator)]
        assert totals == pages == [1, 0, 1]


def test_only_an_operator_asks_for_an_owner(me: FlaskClient, operator: FlaskClient) -> None:
    submit(me)
    for path in ("/api/jobs", "/api/counts"):
        assert set(error(me.get(f"{path}?q=owner:abc"), 400, "forbidden")["fields"]) == {"q"}
        assert operator.get(f"{path}?q=-owner:abc").status_code == 200


def test_a_count_for_a_verb_is_of_jobs_that_it_may_be_done_to(me: FlaskClient) -> None:
    submit(me)
    me.post(f"/api/jobs/{submit(me)['id']}/cancel")
    counts = {verb: me.get(f"/api/counts?verb={verb}").get_json() for verb in ("cancel", "stop", "requeue", "delete")}
    assert {verb: counted["total"] for verb, counted in counts.items()} == {
        "cancel": 1,
        "stop": 0,
        "requeue": 1,
        "delete": 2,
    }
    assert set(counts["requeue"]["by_status"]) == {"failed", "stopped", "canceled"}
    assert set(error(me.get("/api/counts?verb=eat"), 400, "bad_request")["fields"]) == {"verb"}


@pytest.mark.parametrize("q", ["state:done", '"open', "id:abc", "x" * 10_000, "before:soon"])
def test_what_is_not_understood_is_an_error_of_q(q: str, me: FlaskClient) -> None:
    for path in ("/api/jobs", "/api/counts"):
        wrong = error(me.get(path, query_string={"q": q}), 400, "bad_request")
        assert set(wrong["fields"]) == {"q"} and set(wrong["fields"]["q"]) == {"expected", "got"}


@pytest.mark.parametrize("q", ["%00", "%ff%fe", "%ED%A0%80", "%5B%5E", "%25s", "%F0%9F%A6%84", "%22%5C%22"])
def test_hostile_queries_are_answered(q: str, me: FlaskClient, operator: FlaskClient) -> None:
    submit(me)
    for who in (me, operator):
        assert who.get(f"/api/jobs?q={q}").get_json() == {"jobs": [], "cursor": None}
        assert who.get(f"/api/counts?q={q}").get_json()["total"] == 0


def test_a_program_without_a_session_counts_nothing(app: object, me: FlaskClient) -> None:
    submit(me)
    program = me.application.test_client()
    assert program.get("/api/counts").get_json() == {"total": 0, "by_status": {}, "more": False}
