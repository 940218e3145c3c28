"""Rights that begin and end while a connection lasts, through the whole server."""

import json
import time
from collections.abc import Callable, Sequence
from typing import Any

import pytest
import requests
from redis import Redis

from realtime import handlers
from realtime.access import EXPIRED, Access, Visitor
from realtime.logins import Logins
from realtime.relay import Relay
from realtime.rights import Rights
from realtime.snapshots import Snapshot
from realtime.tokens import Grant
from realtime.topics import Topic
from tests.conftest import Stack
from tests.realtime.clients import Client, connected
from tests.realtime.conftest import Sockets
from workers import store
from workers.settings import Secrets, Settings

LASTS = 1.5  # seconds
QUEUE = Topic("queue:default")


def token(stack: Stack, *topics: str, expires: float = LASTS, act: bool = False) -> str:
    body = {"topics": list(topics), "expires": expires, "act": act}
    answer = requests.post(f"{stack.url}/api/tokens", json=body, headers=stack.operator)
    assert answer.status_code == 200, answer.text
    text: str = answer.json()["token"]
    return text


def watch(client: Client, text: str, *topics: str) -> dict[str, Any]:
    answer = client.ask("watch", {"topics": list(topics), "token": text})
    assert answer["ok"] is True
    found: dict[str, Any] = answer["topics"]
    return found


@pytest.fixture
def id(stack: Stack) -> str:
    return str(stack.submit(stack.session(), "sum_numbers", text="1")["id"])


def test_a_token_opens_its_topics_and_no_other_until_it_expires(stack: Stack, id: str) -> None:
    with connected(stack.url) as client:
        assert client.watch("queue:default")["topics"]["queue:default"]["error"]["code"] == "forbidden"
        topics = watch(client, token(stack, "queue:default", f"job:{id}"), "queue:default", f"job:{id}", "jobs")
        assert topics["jobs"]["error"]["code"] == "forbidden"
        assert topics[f"job:{id}"]["jobs"][0]["id"] == id and "jobs" in topics["queue:default"]
        began = time.monotonic()
        ended = {client.hear("refused")["topic"], client.hear("refused")["topic"]}
        assert ended == {"queue:default", f"job:{id}"} and time.monotonic() - began < LASTS + 5
        late = watch(client, "rubbish", "queue:default")
        assert late["queue:default"]["error"]["code"] == "forbidden"


def test_what_has_been_refused_is_not_told_any_more(stack: Stack) -> None:
    with connected(stack.url) as client:
        watch(client, token(stack, "queue:default"), "queue:default")
        refused = client.hear("refused")
        assert refused["error"]["code"] == "expired" and refused["error"]["message"]
        stack.submit(stack.session(), "sum_numbers", text="1")
        for _ in range(2):
            client.hear("relay")  # two beats, in which it would have come
        after = client.seen[client.seen.index(("refused", refused)) :]
        assert [event for event, _ in after if event == "jobs"] == []


def test_a_fresh_token_leaves_no_gap(stack: Stack) -> None:
    with connected(stack.url) as client:
        watch(client, token(stack, "queue:default"), "queue:default")
        watch(client, token(stack, "queue:default", expires=60), "queue:default")
        for _ in range(2):
            client.hear("relay")  # every 2 s: the first token's time is over
        id = stack.submit(stack.session(), "sum_numbers", text="1")["id"]
        client.hear("jobs", lambda data: any(state["id"] == id for state in data["jobs"]))
        assert not [event for event, _ in client.seen if event == "refused"]


def test_an_expired_token_is_called_expired(stack: Stack, id: str) -> None:
    text = token(stack, "queue:default", f"job:{id}", expires=0.001)
    with connected(stack.url) as client:
        topics = watch(client, text, "queue:default", f"job:{id}")
        assert [part["error"]["code"] for part in topics.values()] == ["expired", "expired"]
    with connected(stack.url, headers=stack.operator) as operator:
        assert "jobs" in watch(operator, text, "queue:default")["queue:default"], "an operator needs none"


@pytest.mark.parametrize("wrong", [1, ["a"], {}, True])
def test_a_token_is_text(wrong: Any, stack: Stack) -> None:
    with connected(stack.url) as client:
        answer = client.ask("watch", {"topics": [], "token": wrong})
        assert answer["ok"] is False and answer["error"]["code"] == "bad_request"


def test_a_token_may_let_a_page_act_on_its_job_alone(stack: Stack) -> None:
    session = stack.session()
    one, other = (stack.submit(session, "sum_numbers", text="1")["id"] for _ in range(2))

    def delete(id: str, text: str) -> tuple[int, str]:
        headers = {"Authorization": f"Bearer {text}"}
        answer = requests.delete(f"{stack.url}/api/jobs/{id}", headers=headers)
        return answer.status_code, answer.json().get("error", {}).get("code", "")

    with connected(stack.url, session) as client:
        for id in (one, other):
            while stack.job(session, id)["status"] != "finished":
                client.hear("relay")
    assert delete(one, token(stack, f"job:{one}")) == (403, "forbidden")
    assert delete(one, token(stack, f"job:{one}", act=True, expires=0.001)) == (401, "expired")
    text = token(stack, f"job:{one}", act=True, expires=60)
    assert (
        "traceback"
        not in requests.get(f"{stack.url}/api/jobs/{one}", headers={"Authorization": f"Bearer {text}"}).json()
    )
    assert delete(other, text) == (403, "forbidden")
    assert delete(one, text) == (200, "")


def log_in(stack: Stack, session: requests.Session) -> None:
    token = stack.operator["Authorization"].partition(" ")[2]
    assert session.post(f"{stack.url}/login", json={"token": token}).status_code == 200


def test_logging_out_ends_what_the_session_may_watch(stack: Stack, id: str) -> None:
    session = stack.session()
    log_in(stack, session)
    with connected(stack.url, session) as client, connected(stack.url, headers=stack.operator) as other:
        assert "jobs" in client.watch("jobs", "mine", f"job:{id}")["topics"]["jobs"]
        other.watch("jobs")
        session.post(f"{stack.url}/logout").raise_for_status()
        refused = {said["topic"]: said["error"]["code"] for said in (client.hear("refused"), client.hear("refused"))}
        assert refused == {"jobs": "forbidden", "mine": "unauthorized"}
        assert client.hear("relay", lambda data: data["state"] == "draining")["retry_in"] == 1000
        topics = client.watch("jobs", "mine", f"job:{id}")["topics"]
        assert topics["jobs"]["error"]["code"] == "forbidden" and topics["mine"]["error"]["code"] == "unauthorized"
        assert topics[f"job:{id}"]["jobs"], "what anybody may watch it may"
        own = stack.submit(session, "sum_numbers", text="1")["id"]
        other.hear("jobs", lambda data: data["topic"] == "jobs")
    with connected(stack.url, session) as client:
        assert [state["id"] for state in client.watch("mine")["topics"]["mine"]["jobs"]] == [own]
        assert client.watch("jobs")["topics"]["jobs"]["error"]["code"] == "forbidden"


def test_a_socket_opened_with_a_copied_cookie_ends_with_the_logout(stack: Stack) -> None:
    session = stack.session()
    log_in(stack, session)
    copy = requests.Session()
    copy.cookies.update(session.cookies)
    own = stack.submit(session, "sum_numbers", text="a secret 1")["id"]
    with connected(stack.url, copy) as thief:
        assert "jobs" in thief.watch("jobs", f"log:{own}")["topics"]["jobs"]
        session.post(f"{stack.url}/logout").raise_for_status()
        assert {thief.hear("refused")["topic"] for _ in range(2)} == {"jobs", f"log:{own}"}
    with connected(stack.url, copy) as thief:
        codes = [answer["error"]["code"] for answer in thief.watch("jobs", "mine", f"log:{own}")["topics"].values()]
        assert codes == ["forbidden", "unauthorized", "forbidden"]


def test_a_logout_whose_word_was_lost_ends_its_sockets_all_the_same(stack: Stack) -> None:
    session = stack.session()
    log_in(stack, session)
    redis = store.connect(stack.redis_url)
    with connected(stack.url, session) as client, connected(stack.url, headers=stack.operator) as other:
        client.watch("jobs")
        other.watch("jobs")
        redis.delete(*redis.keys("headway:login:*"))  # as a logout does, but nobody is told
        refused = client.hear("refused")
        assert (refused["topic"], refused["error"]["code"]) == ("jobs", "forbidden")
        assert "jobs" in other.watch("jobs")["topics"]["jobs"], "a token in the header is no login"
    redis.close()


def test_logging_in_asks_the_browsers_other_pages_to_come_anew(stack: Stack) -> None:
    session = stack.session()
    with connected(stack.url, session) as client, connected(stack.url, stack.session()) as other:
        log_in(stack, session)
        said = client.hear("relay", lambda data: data["state"] == "draining")
        assert said["retry_in"] == 1000
        assert other.hear("relay")["state"] == "live"


def test_a_viewer_watches_what_concerns_all_until_it_logs_out(stack: Stack) -> None:
    session = stack.session()
    token = stack.processes.environment["HEADWAY_VIEWER_TOKEN"]
    assert session.post(f"{stack.url}/login", json={"token": token}).status_code == 200
    with connected(stack.url, session) as client:
        topics = client.watch("jobs", "stats", "queue:default", "mine")["topics"]
        assert all("jobs" in answer for answer in topics.values())
        log_in(stack, session)  # it is an operator by now, and somebody else
        refused = {client.hear("refused")["topic"] for _ in range(4)}
        assert refused == {"jobs", "stats", "queue:default", "mine"}
        client.hear("relay", lambda data: data["state"] == "draining")
    with connected(stack.url, session) as client:
        assert "jobs" in client.watch("jobs")["topics"]["jobs"]
        session.post(f"{stack.url}/logout").raise_for_status()
        assert client.hear("refused")["topic"] == "jobs"


def test_a_bearer_token_makes_a_viewer_too(stack: Stack) -> None:
    token = stack.processes.environment["HEADWAY_VIEWER_TOKEN"]
    with connected(stack.url, headers={"Authorization": f"Bearer {token}"}) as client:
        assert "jobs" in client.watch("jobs")["topics"]["jobs"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "topics"),
        ({"topics": ["mine"]}, "topics"),
        ({"topics": ["jobs"], "expires": -1}, "expires"),
        ({"topics": ["jobs"], "expires": "soon"}, "expires"),
        ({"topics": ["jobs"], "more": 1}, "more"),
    ],
)
def test_a_wrong_request_for_a_token_says_what_was_expected(body: Any, field: str, stack: Stack) -> None:
    answer = requests.post(f"{stack.url}/api/tokens", json=body, headers=stack.operator)
    assert answer.status_code == 400
    assert set(answer.json()["error"]["fields"][field]) == {"expected", "got"}


def test_only_operators_make_tokens(stack: Stack) -> None:
    answer = stack.session().post(f"{stack.url}/api/tokens", json={"topics": ["jobs"]})
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "forbidden")


# -- rights that end while Redis is being read


@pytest.fixture
def rights(relay: Relay, sockets: Sockets, settings: Settings, redis: Redis) -> Rights:
    rights = Rights(relay, Access(settings, Secrets("a key", "token", False)), sockets, Logins(redis))
    sockets.connect("s")
    rights.enter("s", Visitor("", operator=False))
    return rights


def ask(rights: Rights, seconds: float) -> dict[str, Any]:
    grant = Grant(frozenset([QUEUE.name]), time.time() + seconds, act=False)
    answers = handlers._watch(rights._relay, rights._access, rights, "s", [QUEUE.name], grant)
    found: dict[str, Any] = json.loads(answers[QUEUE.name])
    return found


def while_reading(relay: Relay, monkeypatch: pytest.MonkeyPatch, happens: Callable[[], None]) -> None:
    read = relay._reads._read

    def slow(topics: Sequence[Topic]) -> dict[Topic, Snapshot]:
        happens()
        return read(topics)

    monkeypatch.setattr(relay._reads, "_read", slow)


def test_a_fresh_token_counts_from_the_moment_it_is_shown(
    relay: Relay, rights: Rights, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask(rights, 10)
    while_reading(relay, monkeypatch, lambda: end_what_is_over(rights, time.time() + 20))
    assert "jobs" in ask(rights, 60)
    assert relay.topics.of("s") == (QUEUE,)


def end_what_is_over(rights: Rights, now: float) -> None:
    for sid, topic in rights._leases.over(now):
        rights._refuse(sid, topic, EXPIRED)


def test_a_right_that_ends_while_its_topic_is_read_is_refused(
    relay: Relay, rights: Rights, monkeypatch: pytest.MonkeyPatch
) -> None:
    while_reading(relay, monkeypatch, lambda: end_what_is_over(rights, time.time() + 20))
    assert ask(rights, 10)["error"]["code"] == "expired"
    assert relay.topics.of("s") == () and not rights._leases.over(time.time() + 1000)


def test_who_leaves_while_its_topic_is_read_leaves_nothing(
    relay: Relay, rights: Rights, monkeypatch: pytest.MonkeyPatch
) -> None:
    def leave() -> None:
        rights.leave("s")
        relay.forget("s")

    while_reading(relay, monkeypatch, leave)
    ask(rights, 1000)
    assert not rights._leases.over(time.time() + 2000)


def test_what_has_expired_does_not_come_back_with_what_was_missed(
    relay: Relay, rights: Rights, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask(rights, 10)
    now = store.now

    def slow(redis: Redis) -> int:
        end_what_is_over(rights, time.time() + 20)
        return now(redis)

    monkeypatch.setattr("realtime.relay.store.now", slow)
    relay._renew("s", [QUEUE])
    assert relay.topics.of("s") == ()
