"""The Socket.IO events, as a foreign client meets them."""

import json
from typing import Any

import pytest
import requests
import socketio

from realtime.topics import TOPIC_LIMIT
from tests.conftest import Stack
from tests.realtime.clients import Raw, connected
from workers.wire import FIELDS


def test_the_relay_says_how_it_is_when_a_client_connects(stack: Stack) -> None:
    with connected(stack.url) as client:
        word = client.hear("relay")
        assert word["state"] == "live" and word["since"] > 0


def test_the_relay_beats_every_two_seconds(stack: Stack) -> None:
    with connected(stack.url) as client:
        client.hear("relay")
        client.hear("relay")


def test_a_job_is_followed_from_submit_to_end(stack: Stack) -> None:
    session = stack.session()
    with connected(stack.url, session) as client:
        assert client.watch("mine") == {"ok": True, "topics": {"mine": {"jobs": [], "more": False}}}
        id = stack.submit(session, "sum_numbers", text="99")["id"]
        last = client.hear("jobs", lambda data: data["jobs"][0]["status"] == "finished")
        assert last["topic"] == "mine"
        assert tuple(last["jobs"][0]) == FIELDS and last["jobs"][0]["result"] == 18
        whole = stack.job(session, id)
        assert last["jobs"][0] == {name: whole[name] for name in FIELDS}


def test_a_late_watcher_gets_the_truth_in_the_ack(stack: Stack) -> None:
    session = stack.session()
    id = stack.submit(session, "sum_numbers", text="9")["id"]
    with connected(stack.url) as client:
        answer = client.watch(f"job:{id}")
        [state] = answer["topics"][f"job:{id}"]["jobs"]
        while state["status"] != "finished":
            state = client.hear("jobs")["jobs"][0]
        assert state["result"] == 9


def test_refused_topics_stand_beside_granted_ones(stack: Stack) -> None:
    with connected(stack.url, stack.session()) as client:
        answer = client.watch("mine", "jobs", "job:nobody", "nonsense", "queue:default")
        assert answer["ok"] is True
        topics = answer["topics"]
        assert topics["mine"] == {"jobs": [], "more": False}
        codes = {topic: part["error"]["code"] for topic, part in topics.items() if topic != "mine"}
        assert codes == {
            "jobs": "forbidden",
            "job:nobody": "not_found",
            "nonsense": "bad_request",
            "queue:default": "forbidden",
        }


def test_a_program_without_a_session_has_no_mine(stack: Stack) -> None:
    with connected(stack.url) as client:
        assert client.watch("mine")["topics"]["mine"]["error"]["code"] == "unauthorized"


def test_another_owners_jobs_are_not_in_mine(stack: Stack) -> None:
    mine, yours = stack.session(), stack.session()
    with connected(stack.url, mine) as me, connected(stack.url, yours) as you:
        me.watch("mine")
        you.watch("mine")
        stack.submit(mine, "sum_numbers", text="1")
        me.hear("jobs", lambda data: data["jobs"][0]["status"] == "finished")
        id = stack.submit(yours, "sum_numbers", text="1")["id"]
        frame = you.hear("jobs", lambda data: data["jobs"][0]["status"] == "finished")
        ids = {job["id"] for event, data in you.seen if event == "jobs" for job in data["jobs"]}
        assert ids == {id} == {job["id"] for job in frame["jobs"]}


def test_an_operator_watches_everything(stack: Stack) -> None:
    with connected(stack.url, headers=stack.operator) as client:
        answer = client.watch("jobs", "queue:default")
        assert all("jobs" in part for part in answer["topics"].values())
        stack.submit(stack.session(), "sum_numbers", text="1")
        assert {client.hear("jobs")["topic"], client.hear("jobs")["topic"]} == {"jobs", "queue:default"}


def test_a_deleted_job_is_gone(stack: Stack) -> None:
    session = stack.session()
    with connected(stack.url, session) as client:
        client.watch("mine")
        id = stack.submit(session, "sum_numbers", text="1")["id"]
        client.hear("jobs", lambda data: data["jobs"][0]["status"] == "finished")
        assert session.delete(f"{stack.url}/api/jobs/{id}").status_code == 200
        gone = client.hear("gone")
        assert gone["topic"] == "mine" and [set(job) for job in gone["jobs"]] == [{"id", "version"}]
        assert gone["jobs"][0]["id"] == id


def test_unwatch_is_answered_and_ends_the_frames(stack: Stack) -> None:
    session = stack.session()
    with connected(stack.url, session) as client:
        client.watch("mine")
        assert client.ask("unwatch", {"topics": ["mine", "never watched"]}) == {"ok": True}
        id = stack.submit(session, "sum_numbers", text="1")["id"]
        client.watch(f"job:{id}")
        client.hear("relay")
        client.hear("relay")
        assert {data["topic"] for event, data in client.seen if event == "jobs"} <= {f"job:{id}"}


@pytest.mark.parametrize("event", ["watch", "unwatch"])
@pytest.mark.parametrize("data", [None, [], "mine", 5, {}, {"topics": "mine"}, {"topics": [5]}, {"topic": "mine"}])
def test_a_message_that_is_no_such_object_is_a_bad_request(event: str, data: Any, stack: Stack) -> None:
    with connected(stack.url) as client:
        answer = client.ask(event, data)
        assert answer["ok"] is False and answer["error"]["code"] == "bad_request" and answer["error"]["message"]


def test_too_many_topics_are_refused(stack: Stack) -> None:
    with connected(stack.url) as client:
        answer = client.watch(*(f"job:{number}" for number in range(TOPIC_LIMIT + 1)))
        assert answer["ok"] is False and answer["error"]["code"] == "too_many"


def test_an_unknown_event_is_answered_with_an_error(stack: Stack) -> None:
    with connected(stack.url) as client:
        answer = client.ask("dance", {"topics": ["mine"]})
        assert answer["ok"] is False and answer["error"]["code"] == "bad_request"
        assert client.watch("nonsense")["ok"] is True


def test_polling_is_refused(stack: Stack) -> None:
    client = socketio.Client(reconnection=False)
    with pytest.raises(socketio.exceptions.ConnectionError):
        client.connect(stack.url, transports=["polling"])


def test_an_end_without_a_watch_is_told_until_it_is_seen(stack: Stack) -> None:
    session = stack.session()
    with connected(stack.url, session) as client:
        client.hear("relay")
        id = stack.submit(session, "sum_numbers", text="99")["id"]
        told = client.hear("ended")
        assert told["more"] == 0 and [(job["id"], job["result"]) for job in told["jobs"]] == [(id, 18)]
    with connected(stack.url, session) as client:
        assert [job["id"] for job in client.hear("ended")["jobs"]] == [id]
        assert client.ask("seen", {"ids": [[id, 1]]}) == {"ok": True}
    with connected(stack.url, session) as client:
        client.hear("relay")
        client.hear("relay")
        assert [event for event, _ in client.seen if event == "ended"] == []


def test_ends_are_told_to_their_owner_alone(stack: Stack) -> None:
    mine, yours = stack.session(), stack.session()
    with connected(stack.url, mine) as me, connected(stack.url, yours) as you:
        stack.submit(mine, "sum_numbers", text="1")
        me.hear("ended")
        you.hear("relay")
        you.hear("relay")
        assert [event for event, _ in you.seen if event == "ended"] == []


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (None, "bad_request"),
        ({"ids": "a"}, "bad_request"),
        ({"ids": [["a"]]}, "bad_request"),
        ({"ids": [["a", "1"]]}, "bad_request"),
        ({"ids": [["a", True]]}, "bad_request"),
        ({"ids": [["\ud800", 1]]}, "bad_request"),
        ({"ids": [["a", 1]] * 501}, "too_many"),
    ],
)
def test_a_seen_that_is_none_is_refused(data: Any, code: str, stack: Stack) -> None:
    with connected(stack.url, stack.session()) as client:
        answer = client.ask("seen", data)
        assert answer["ok"] is False and answer["error"]["code"] == code


def test_a_program_without_a_session_has_seen_nothing(stack: Stack) -> None:
    with connected(stack.url) as client:
        assert client.ask("seen", {"ids": [["a", 1]]})["error"]["code"] == "unauthorized"


# -- a token of CONNECT


def sign(stack: Stack, *topics: str, expires: float = 60) -> str:
    body = {"topics": list(topics), "expires": expires}
    return str(requests.post(f"{stack.url}/api/tokens", json=body, headers=stack.operator).json()["token"])


def test_an_operators_token_in_auth_is_a_bearer(stack: Stack) -> None:
    token = stack.operator["Authorization"].removeprefix("Bearer ")
    with connected(stack.url, auth={"token": token}) as client:
        topics = client.watch("jobs", "mine")["topics"]
        assert "jobs" in topics["jobs"] and "jobs" in topics["mine"]


def test_a_signed_token_in_auth_opens_its_topics_until_it_expires(stack: Stack) -> None:
    id = stack.submit(stack.session(), "sum_numbers", text="1")["id"]
    with connected(stack.url, auth={"token": sign(stack, "queue:default", f"job:{id}", expires=2)}) as client:
        topics = client.watch("queue:default", f"job:{id}", "jobs")["topics"]
        assert topics["jobs"]["error"]["code"] == "forbidden" and "jobs" in topics["queue:default"]
        assert client.hear("refused")["error"]["code"] == "expired"
        assert client.watch("queue:default")["topics"]["queue:default"]["error"]["code"] == "expired"
        fresh = {"topics": ["queue:default"], "token": sign(stack, "queue:default")}
        assert "jobs" in client.ask("watch", fresh)["topics"]["queue:default"], "the token of a watch goes before it"


def test_a_wrong_token_in_auth_is_refused_with_the_contracts_error(stack: Stack) -> None:
    over = sign(stack, "jobs", expires=0.001)
    for token, code in (("wrong", "unauthorized"), (over, "expired"), (5, "bad_request"), (["x"], "bad_request")):
        with Raw(stack.url) as raw:
            said = json.loads(raw.ask(f"40{json.dumps({'token': token})}").removeprefix("44"))
            assert said["data"] == {"code": code, "message": said["message"]}
            assert raw.ask(f"40{json.dumps({'token': sign(stack, 'jobs')})}").startswith('40{"sid"'), "a fresh one"


def test_a_wrong_token_in_the_opening_request_is_refused_alike(stack: Stack) -> None:
    over = sign(stack, "jobs", expires=0.001)
    for authorization, code in (
        ("Bearer nope", "unauthorized"),
        ("bearer", "unauthorized"),
        (f"Bearer {over}", "expired"),
    ):
        with Raw(stack.url, Authorization=authorization) as raw:
            said = json.loads(raw.ask("40").removeprefix("44"))
            assert said["data"] == {"code": code, "message": said["message"]}
    with Raw(stack.url, Authorization="Basic b3A6b3A=") as raw:
        assert raw.ask("40").startswith('40{"sid"'), "a proxy's own"
