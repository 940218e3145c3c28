"""/api/openapi.json is true to what is served."""

import json
import re
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from jsonschema import Draft202012Validator, ValidationError
from redis import Redis

from tests.contract.promise import Promise
from tests.push_service import Browser
from workers.wire import log_key

DESCRIBED = ("/api/", "/healthz", "/readyz")  # /metrics is not JSON, and Prometheus knows its form


@pytest.fixture
def document(me: FlaskClient) -> dict[str, Any]:
    return dict(me.get("/api/openapi.json").get_json())


def test_every_route_of_the_api_is_described_and_no_other(app: Flask, document: dict[str, Any]) -> None:
    served = {
        (re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule), method)
        for rule in app.url_map.iter_rules()
        if rule.rule.startswith(DESCRIBED)
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    described = {(path, method.upper()) for path, methods in document["paths"].items() for method in methods}
    assert described == served


def test_each_operation_says_what_it_does(document: dict[str, Any]) -> None:
    for methods in document["paths"].values():
        for operation in methods.values():
            assert operation["summary"] and operation["operationId"]


@pytest.mark.parametrize(
    ("method", "path", "given", "status"),
    [
        ("post", "/api/jobs", {"task": "sum_numbers", "args": {"text": "1"}}, 202),
        ("post", "/api/jobs/bulk", {"task": "sum_numbers", "args": [{"text": "1"}]}, 202),
        ("post", "/api/jobs", {"task": "none"}, 400),
        ("get", "/api/jobs", None, 200),
        ("get", "/api/jobs/{id}", None, 200),
        ("get", "/api/jobs/{id}/log", None, 200),
        ("get", "/api/jobs/{id}/log?format=text", None, 200),
        ("get", "/api/jobs/{id}/log?format=pdf", None, 400),
        ("get", "/api/jobs/{id}/relatives", None, 200),
        ("post", "/api/jobs/{id}/cancel", None, 200),
        ("post", "/api/jobs/{id}/requeue", None, 409),
        ("post", "/api/jobs/{id}/stop", None, 409),
        ("delete", "/api/jobs/{id}", None, 200),
        ("get", "/api/tasks", None, 200),
        ("get", "/api/counts", None, 200),
        ("get", "/api/audit", None, 200),
        ("post", "/api/actions", {"verb": "delete", "q": ""}, 202),
        ("post", "/api/actions/{id}/undo", None, 404),
        ("post", "/api/jobs/{id}/enqueue", None, 409),
        ("post", "/api/jobs/{id}/again", None, 202),
        ("post", "/api/workers/suspend", None, 200),
        ("post", "/api/workers/resume", None, 200),
        ("post", "/api/workers/{name}/shutdown", None, 404),
        ("post", "/api/workers/shutdown", {"name": "none"}, 404),
        ("post", "/api/workers/shutdown", {}, 400),
        ("get", "/api/queues", None, 200),
        ("get", "/api/workers", None, 200),
        ("get", "/api/history", None, 200),
        ("get", "/api/schedule", None, 200),
        ("post", "/api/cron/enqueue", {"scheduler": "none", "number": 0, "name": "none"}, 404),
        ("post", "/api/queues/{name}/empty", None, 200),
        ("post", "/api/queues/{name}/requeue-failed", None, 200),
        ("get", "/api/push", None, 200),
        ("put", "/api/push", {"subscription": Browser("https://push.example/1").subscription}, 200),
        ("put", "/api/push", {}, 400),
        ("delete", "/api/push", {"endpoint": "https://push.example/1"}, 200),
        ("post", "/api/tokens", {"notify": True}, 200),
        ("post", "/api/tokens", {"notify": "yes"}, 400),
        ("post", "/api/tokens", {"notify": True, "expires": "60"}, 400),
        ("post", "/api/actions", {"verb": "delete", "q": "", "expect": True}, 400),
        ("get", "/healthz", None, 200),
        ("get", "/readyz", None, 200),
        ("patch", "/api/jobs", None, 405),
        ("get", "/api/openapi.json", None, 200),
    ],
)
def test_answers_are_as_described(
    method: str, path: str, given: Any, status: int, operator: FlaskClient, redis: Redis
) -> None:
    """`operator` takes no other, as all clients of these tests."""
    id = operator.post("/api/jobs", json={"task": "sum_numbers", "args": {"text": "1"}}).get_json()["id"]
    redis.rpush(log_key(id), '{"n":1,"attempt":1,"at":1,"level":"info","text":"text"}')
    answer = operator.open(path.format(id=id, name="default"), method=method.upper(), json=given)
    assert answer.status_code == status, answer.text


def test_whatever_is_referred_to_is_there(document: dict[str, Any]) -> None:
    named = re.findall(r'"\$ref": "#/components/(\w+)/([^"]+)"', json.dumps(document))
    assert ("schemas", "Keys") in named and ("schemas", "Notify") in named and ("responses", "Error404") in named
    assert [one for one in named if one[1] not in document["components"][one[0]]] == []


@pytest.mark.parametrize(
    ("path", "status", "headers", "body"),
    [
        ("/api/jobs/a", 200, {}, {"id": 5}),
        ("/api/jobs/a/relatives", 200, {}, {"dependencies": [], "dependents": [], "more": False, "less": True}),
        ("/api/jobs/a/relatives", 200, {"Content-Type": "text/html"}, None),
        ("/api/jobs/a/relatives", 418, {}, {"error": {"code": "not_found", "message": ""}}),
        ("/api/tasks", 503, {}, {"error": {"code": "unavailable", "message": "without Retry-After"}}),
    ],
)
def test_a_wrong_answer_would_be_noticed(
    path: str, status: int, headers: dict[str, str], body: Any, document: dict[str, Any]
) -> None:
    with pytest.raises((AssertionError, ValidationError)):
        Promise(document).check("GET", path, status, {"Content-Type": "application/json", **headers}, body)


def test_a_body_may_be_left_out_where_that_is_fine(document: dict[str, Any]) -> None:
    bodies = {
        path: operation["requestBody"]["required"]
        for path, methods in document["paths"].items()
        for operation in methods.values()
        if "requestBody" in operation
    }
    assert [path for path, required in bodies.items() if not required] == ["/api/jobs/{id}/again"]


def test_the_session_is_named_as_the_browser_has_it(me: FlaskClient) -> None:
    me.get("/")
    cookie = me.get("/api/openapi.json").get_json()["components"]["securitySchemes"]["session"]["name"]
    assert me.get_cookie(cookie) is not None


@pytest.mark.parametrize(
    ("name", "fine", "wrong"),
    [
        (
            "ActionRequest",
            [{"verb": "stop", "ids": ["a"]}, {"verb": "delete", "q": "", "expect": 0}],
            [{"verb": "stop"}, {"verb": "stop", "ids": []}, {"verb": "stop", "ids": ["a"], "q": ""}, {"q": ""}],
        ),
        (
            "TokenRequest",
            [
                {"topics": ["job:a", "queue:mail"], "act": True},
                {"notify": True},
                {"topics": [], "notify": True},
            ],
            [{}, {"topics": []}, {"topics": ["all"]}, {"topics": ["jobs"] * 201}, {"notify": True, "expires": 0}],
        ),
        ("BulkSubmission", [{"task": "t", "args": [{}]}], [{"task": "t", "args": []}, {"task": "t", "args": [1]}]),
    ],
)
def test_a_body_says_what_the_server_takes(name: str, fine: Any, wrong: Any, document: dict[str, Any]) -> None:
    validator = Draft202012Validator({"$ref": f"#/components/schemas/{name}", "components": document["components"]})
    assert [body for body in fine if not validator.is_valid(body)] == []
    assert [body for body in wrong if validator.is_valid(body)] == []
