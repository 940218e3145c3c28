"""/api/openapi.json is true to what is served."""

import json
import re
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from jsonschema import Draft202012Validator
from redis import Redis

from realtime import openapi
from tests.push_service import Browser
from workers.wire import FIELDS, log_key

DESCRIBED = ("/api/", "/healthz", "/readyz")  # /metrics is not JSON, and Prometheus knows its form


@pytest.fixture
def document(me: FlaskClient) -> dict[str, Any]:
    return dict(me.get("/api/openapi.json").get_json())


def test_every_route_of_the_api_is_described_and_no_other(app: Flask, document: dict[str, Any]) -> None:
    served = {
        (rule.rule.replace("<", "{").replace(">", "}"), method)
        for rule in app.url_map.iter_rules()
        if rule.rule.startswith(DESCRIBED)
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    described = {(path, method.upper()) for path, methods in document["paths"].items() for method in methods}
    assert described == served


def test_a_state_is_described_field_by_field() -> None:
    assert tuple(openapi.SCHEMAS["State"]["properties"]) == FIELDS


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
        ("get", "/api/jobs/{id}/log?format=pdf", None, 400),
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
        ("post", "/api/queues/{name}/empty", None, 200),
        ("post", "/api/queues/{name}/requeue-failed", None, 200),
        ("get", "/api/push", None, 200),
        ("put", "/api/push", {"subscription": Browser("https://push.example/1").subscription}, 200),
        ("put", "/api/push", {}, 400),
        ("delete", "/api/push", {"endpoint": "https://push.example/1"}, 200),
        ("post", "/api/tokens", {"notify": True}, 200),
        ("get", "/healthz", None, 200),
        ("get", "/readyz", None, 200),
        ("get", "/api/openapi.json", None, 200),
    ],
)
def test_answers_are_as_described(
    method: str, path: str, given: Any, status: int, operator: FlaskClient, document: dict[str, Any], redis: Redis
) -> None:
    id = operator.post("/api/jobs", json={"task": "sum_numbers", "args": {"text": "1"}}).get_json()["id"]
    redis.rpush(log_key(id), '{"n":1,"attempt":1,"at":1,"level":"info","text":"text"}')
    answer = operator.open(path.format(id=id, name="default"), method=method.upper(), json=given)
    assert answer.status_code == status, answer.text
    responses = document["paths"][path.partition("?")[0]][method]["responses"]
    described = responses.get(str(status), responses["default"])
    schema = {**described["content"]["application/json"]["schema"], "components": document["components"]}
    Draft202012Validator(schema).validate(answer.get_json())


def test_what_bodies_are_made_of_is_there(document: dict[str, Any]) -> None:
    named = re.findall(r'"\$ref": "([^"]+)"', json.dumps(document))
    assert "#/components/schemas/Keys" in named and "#/components/schemas/Notify" in named
    for name in named:
        assert name.removeprefix("#/components/schemas/") in document["components"]["schemas"]


def test_a_wrong_answer_would_be_noticed(document: dict[str, Any]) -> None:
    schema = {"$ref": "#/components/schemas/State", "components": document["components"]}
    assert not Draft202012Validator(schema).is_valid({"id": 5})
