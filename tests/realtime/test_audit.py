"""Whatever is done over HTTP is on record."""

from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.realtime.test_api import error, submit
from workers.wire import Status


def entries(operator: FlaskClient) -> list[dict[str, Any]]:
    """Oldest first, without their time."""
    found = operator.get("/api/audit?limit=200").get_json()["entries"]
    return [{name: value for name, value in entry.items() if name != "at"} for entry in reversed(found)]


def owner_of(client: FlaskClient) -> str:
    with client.session_transaction() as session:
        return str(session["owner"])


def test_every_act_is_recorded_with_who_what_which_and_result(
    me: FlaskClient, you: FlaskClient, operator: FlaskClient, viewer: FlaskClient
) -> None:
    id = submit(me)["id"]
    submit(you)
    path = f"/api/jobs/{id}"
    you.post(f"{path}/cancel")
    viewer.post(f"{path}/cancel")
    me.post(f"{path}/stop")
    me.post(f"{path}/cancel")
    operator.post(f"{path}/requeue")
    again = me.post(f"{path}/again").get_json()["id"]
    me.delete(path)
    me.post(f"{path}/enqueue")
    mine, yours = owner_of(me)[:8], owner_of(you)[:8]
    assert entries(operator) == [
        {"who": "viewer", "what": "login", "which": {}, "result": "ok"},
        {"who": yours, "what": "cancel", "which": {"id": id}, "result": "forbidden"},
        {"who": "viewer", "what": "cancel", "which": {"id": id}, "result": "forbidden"},
        {"who": mine, "what": "stop", "which": {"id": id}, "result": "conflict"},
        {"who": mine, "what": "cancel", "which": {"id": id}, "result": "ok"},
        {"who": "operator", "what": "requeue", "which": {"id": id}, "result": "ok"},
        {"who": mine, "what": "again", "which": {"id": id, "again": again}, "result": "ok"},
        {"who": mine, "what": "delete", "which": {"id": id}, "result": "ok"},
        {"who": mine, "what": "enqueue", "which": {"id": id}, "result": "not_found"},
    ]


def test_actions_say_what_was_asked_for_and_how_many_they_are(me: FlaskClient, operator: FlaskClient) -> None:
    ids = [submit(me)["id"] for _ in range(3)]
    first = operator.post("/api/actions", json={"verb": "cancel", "ids": ids * 10}).get_json()["id"]
    second = operator.post("/api/actions", json={"verb": "delete", "q": "state:queued"}).get_json()
    operator.post(f"/api/actions/{second['id']}/undo")
    operator.post("/api/actions", json={"verb": "delete", "q": "state:queued", "expect": 1000})
    operator.post("/api/actions", json={"verb": "eat"})
    found = entries(operator)
    assert found[0]["which"] == {"ids": (ids * 10)[:20], "count": 3, "action": first}
    assert found[1]["which"] == {"q": "state:queued", "count": second["total"], "action": second["id"]}
    assert [(entry["what"], entry["result"]) for entry in found] == [
        ("cancel", "ok"),
        ("delete", "ok"),
        ("undo", "ok"),
        ("delete", "conflict"),
        ("action", "bad_request"),
    ]


def test_queues_workers_tokens_and_logins_are_recorded(me: FlaskClient, operator: FlaskClient) -> None:
    operator.post("/api/queues/default/empty")
    operator.post("/api/queues/none/requeue-failed")
    operator.post("/api/workers/suspend")
    operator.post("/api/workers/resume")
    operator.post("/api/workers/w/shutdown")
    operator.post("/api/tokens", json={"topics": ["jobs"]})
    me.post("/api/workers/suspend")
    me.post("/login", json={"token": "a secret guess"})
    me.post("/logout")
    found = entries(operator)
    assert [(entry["what"], entry["result"]) for entry in found] == [
        ("empty", "ok"),
        ("requeue-failed", "not_found"),
        ("suspend", "ok"),
        ("resume", "ok"),
        ("shutdown", "not_found"),
        ("token", "ok"),
        ("suspend", "forbidden"),
        ("login", "unauthorized"),
        ("logout", "ok"),
    ]
    assert found[0]["which"] == {"name": "default"} and found[5]["which"] == {"topics": ["jobs"], "act": False}
    assert "secret guess" not in str(found)


def test_every_route_that_changes_what_is_there_is_recorded(app: Flask) -> None:
    """But submits, which show themselves, and where a browser wants its own news to be sent."""
    open_ = {"api.submit_job", "api.submit_jobs", "tutorials.create", "tutorials.add_url", "tutorials.parse_links"}
    open_ |= {"push.subscribe", "push.unsubscribe"}
    for rule in app.url_map.iter_rules():
        if (rule.methods or set()) & {"POST", "DELETE"} and rule.endpoint not in open_:
            assert "recorded" in app.view_functions[rule.endpoint].__code__.co_name, rule.endpoint


def test_the_log_is_read_page_by_page(me: FlaskClient, operator: FlaskClient) -> None:
    for number in range(5):
        me.post(f"/api/jobs/{number}/cancel")
    first = operator.get("/api/audit?limit=3").get_json()
    second = operator.get(f"/api/audit?limit=3&cursor={first['cursor']}").get_json()
    assert [entry["which"]["id"] for entry in first["entries"] + second["entries"]] == ["4", "3", "2", "1", "0"]
    assert second["cursor"] is None


@pytest.mark.parametrize("query", ["cursor=5", "cursor=x-y", "limit=0", "limit=201", "page=1"])
def test_a_wrong_query_names_its_field(query: str, operator: FlaskClient) -> None:
    assert set(error(operator.get(f"/api/audit?{query}"), 400, "bad_request")["fields"]) == {query.split("=")[0]}


def test_an_act_is_done_where_it_can_not_be_recorded(me: FlaskClient, app: Flask) -> None:
    id = submit(me)["id"]
    app.extensions["headway"].redis.set("headway:audit", "no stream")
    assert me.post(f"/api/jobs/{id}/cancel").get_json()["status"] == Status.CANCELED
