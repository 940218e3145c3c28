"""The tutorials' routes answer as the tutorials' own do."""

import re

import pytest
from flask import Flask
from flask.testing import FlaskClient
from redis import Redis

from tests.conftest import Processes, ended
from workers import store
from workers.queue import Jobs
from workers.settings import Settings
from workers.wire import Status


def test_a_task_is_created_and_polled(me: FlaskClient, jobs: Jobs, processes: Processes) -> None:
    answer = me.post("/tasks", data={"type": "0"})
    assert answer.status_code == 202
    body = answer.get_json()
    id = body["data"]["task_id"]
    assert body == {"status": "success", "data": {"task_id": id}}
    expected = {"task_id": id, "task_status": "queued", "task_result": None}
    assert me.get(f"/tasks/{id}").get_json() == {"status": "success", "data": expected}
    processes.worker()
    ended(jobs, id)
    expected = {"task_id": id, "task_status": "finished", "task_result": True}
    assert me.get(f"/tasks/{id}").get_json() == {"status": "success", "data": expected}


@pytest.mark.parametrize("data", [{}, {"type": ""}, {"type": "9"}, {"type": "x"}])
def test_a_task_of_no_type_is_refused(data: dict[str, str], me: FlaskClient) -> None:
    assert me.post("/tasks", data=data).status_code == 400


def test_an_unknown_task_is_an_error_with_status_200(me: FlaskClient) -> None:
    answer = me.get("/tasks/nobody")
    assert (answer.status_code, answer.get_json()) == (200, {"status": "error"})


def test_a_lost_job_is_started_to_a_tutorial(me: FlaskClient, redis: Redis) -> None:
    id = me.post("/tasks", data={"type": "1"}).get_json()["data"]["task_id"]
    store.transition(redis, id, {"status": Status.LOST})
    assert me.get(f"/tasks/{id}").get_json()["data"]["task_status"] == "started"


def test_a_text_is_added_by_its_address(me: FlaskClient, jobs: Jobs) -> None:
    me.get("/")
    text = me.get("/task?n=hello").text
    match = re.fullmatch(r"Task \(([0-9a-f-]{36})\) added to queue at .+", text)
    assert match and jobs.load(match[1]).state.task == "text_length"
    assert me.get("/task").text == "No value for count provided"


SUBMITTING = pytest.mark.parametrize("path", ["/task?n=hello", "/add-task?url=http://x/"])


@SUBMITTING
@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_a_get_that_submits_is_refused_to_foreign_pages(path: str, site: str, me: FlaskClient, redis: Redis) -> None:
    me.get("/")  # a cookie does not help
    answer = me.get(path, headers={"Sec-Fetch-Site": site})
    assert (answer.status_code, answer.get_json()["error"]["code"]) == (403, "forbidden")
    assert redis.llen("rq:queue:headway.default") == 0
    assert me.get(path, headers={"Sec-Fetch-Site": "same-origin"}).status_code == 200
    assert redis.llen("rq:queue:headway.default") == 1


@SUBMITTING
def test_where_browsers_do_not_say_who_asks_it_takes_a_page_of_ours_or_its_cookies(
    path: str, me: FlaskClient, you: FlaskClient, redis: Redis
) -> None:
    """Over plain HTTP, but for this machine: an image of a foreign page brings no cookie of this site."""
    refused = me.get(path)
    assert refused.status_code == 403 and "POST" in refused.get_json()["error"]["message"]
    assert me.get(path, headers={"Referer": "http://evil.example/"}).status_code == 403
    me.get("/")
    assert me.get(path, headers={"Referer": "http://evil.example/"}).status_code == 403
    [lax] = [cookie for cookie in cookies(me) if not cookie.endswith("_same_site")]
    sent = f"{lax}={cookies(me)[lax]}"
    assert you.get(path, headers={"Cookie": sent}).status_code == 403, "as when a link of another site is followed"
    assert redis.llen("rq:queue:headway.default") == 0
    assert me.get(path).status_code == 200
    assert you.get(path, headers={"Referer": "http://localhost/add-task"}).status_code == 200
    assert redis.llen("rq:queue:headway.default") == 2


@SUBMITTING
def test_a_head_request_submits_nothing(path: str, me: FlaskClient, redis: Redis) -> None:
    me.get("/")
    for headers in ({}, {"Sec-Fetch-Site": "same-origin"}):
        assert me.head(path, headers=headers).status_code == 200
    assert redis.llen("rq:queue:headway.default") == 0


def test_no_other_address_changes_anything_when_it_is_opened(app: Flask, operator: FlaskClient, redis: Redis) -> None:
    operator.get("/")
    before = {key: redis.dump(key) for key in redis.scan_iter()}
    for rule in app.url_map.iter_rules():
        if "GET" in (rule.methods or ()) and rule.endpoint != "push.read_key":  # which makes the key that it tells
            path = re.sub("<[^>]+>", "x", str(rule))
            operator.get(path, query_string={"span": "15m"} if path == "/api/history" else {}, buffered=True)
    assert {key: redis.dump(key) for key in redis.scan_iter()} == before


def cookies(client: FlaskClient) -> dict[str, str]:
    return {cookie.key: cookie.value for cookie in (client._cookies or {}).values()}


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_the_word_count_page_queues_an_address(method: str, me: FlaskClient, jobs: Jobs) -> None:
    assert "queued at" not in me.get("/add-task").text  # which begins a session
    page = me.open("/add-task?url=http://x/", method=method).text
    match = re.search(r"Task ([0-9a-f-]{36}) queued at", page)
    assert match and jobs.load(match[1]).state.task == "count_words"


def test_book_links_are_scheduled_once_each(me: FlaskClient, redis: Redis, settings: Settings) -> None:
    links = [f"{settings.books_url}1", f"{settings.books_url}2", f"{settings.books_url}1", "https://x/", 5, None]
    answer = me.post("/parseGoodreadsLinks", json=links)
    assert (answer.status_code, answer.text) == (200, "2 books are scheduled for info parsing.")
    assert redis.llen("rq:queue:headway.bookInfoParser") == 2


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b'["https://x/"]', b'"text"', b"nonsense"])
def test_anything_but_book_links_is_refused(body: bytes, me: FlaskClient) -> None:
    answer = me.post("/parseGoodreadsLinks", data=body)
    assert (answer.status_code, answer.text) == (400, "Only array of goodreads book links is accepted.")


def test_a_books_info_is_shown_once_it_is_known(me: FlaskClient, redis: Redis, settings: Settings) -> None:
    url = f"{settings.books_url}1"
    answer = me.get("/getBookInfo", query_string={"url": url})
    assert (answer.status_code, answer.text) == (200, "No meta info found for this book.")
    book = '{"title":"T","author":"A","rating":4.5,"description":null}'
    redis.set(f"headway:book:{url}", book)
    answer = me.get("/getBookInfo", query_string={"url": f"{url}?ref=x"})
    assert answer.get_json() == {"title": "T", "author": "A", "rating": 4.5, "description": None}


@pytest.mark.parametrize("query", ["", "?url=", "?url=https://x/"])
def test_a_books_info_needs_its_address(query: str, me: FlaskClient) -> None:
    answer = me.get(f"/getBookInfo{query}")
    assert answer.status_code == 400
    assert answer.text == "'url' query parameter is required. It must be a valid goodreads book URL."


def test_the_length_of_the_default_queue_is_a_text(me: FlaskClient) -> None:
    assert me.get("/get/").text == "0"
    me.get("/task?n=hello", headers={"Sec-Fetch-Site": "none"})
    assert me.get("/get/").text == "1"


@pytest.mark.parametrize("path", ["/rqstatus", "/rq", "/rq/", "/rq/jobs/default/failed"])
def test_the_old_dashboards_lead_to_the_dashboard(path: str, me: FlaskClient, operator: FlaskClient) -> None:
    answer = me.get(path)
    assert (answer.status_code, answer.headers["Location"]) == (302, "/queues")
    assert "My jobs" in me.get(path, follow_redirects=True).text, "who is no operator has their own jobs"
    assert "<h1>Queues</h1>" in operator.get(path, follow_redirects=True).text


def test_a_bookmark_of_a_job_leads_to_that_job(me: FlaskClient) -> None:
    for path in ("/rq/0/view/job/6390dfca-18c0-4513-b19c-903dcee292ed", "/rq/job/6390dfca-18c0-4513-b19c-903dcee292ed"):
        assert me.get(path).location == "/jobs/6390dfca-18c0-4513-b19c-903dcee292ed"
    assert me.get("/rq/0/view/job//evil.example").location == "/queues"
