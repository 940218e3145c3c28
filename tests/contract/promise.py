"""What /api/openapi.json promises of answers, and whether an answer keeps it."""

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from flask.testing import FlaskClient
from jsonschema import Draft202012Validator
from werkzeug.test import TestResponse

from realtime import openapi

UNDESCRIBED = ("HEAD", "OPTIONS")  # what HTTP itself says of them is enough


class Promise:
    """Holds answers against a document."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._document = document
        self._paths = [(re.compile(re.sub(r"\\{\w+\\}", "[^/]+", re.escape(path))), path) for path in document["paths"]]
        # of two that fit, such as /api/jobs/bulk and /api/jobs/{id}, the one with fewer names
        self._paths.sort(key=lambda one: one[1].count("{"))
        self._validator = cache(self._make_validator)

    def check(self, method: str, path: str, status: int, headers: Mapping[str, str], body: Any) -> None:
        """Fails where the answer is not as described; paths that are not described may answer what they like.

        `body` is the parsed JSON; None where it is of another kind.
        """
        if method in UNDESCRIBED:
            return
        found = next((name for pattern, name in self._paths if pattern.fullmatch(path)), None)
        if found is None:
            return
        operation = self._document["paths"][found].get(method.lower())
        where = f"{method} {found} → {status}"
        described = (
            self._document["components"]["responses"]["Error405"]
            if operation is None and status in (403, 405)  # 403: to a page of somebody else, before anything is routed
            else self._resolved((operation or {"responses": {}})["responses"].get(str(status)))
        )
        assert described is not None, f"{where}: a status that is not described"
        for name in described.get("headers", {}) if operation is not None or status == 405 else ():
            assert name in headers, f"{where}: no {name}"
        kind = headers.get("Content-Type", "").partition(";")[0]
        content = described.get("content", {})
        assert kind in content or not content, f"{where}: {kind} is not described"
        if body is not None and kind == "application/json":
            schema = content[kind]["schema"]
            self._validator(schema["$ref"]).validate(body)
            assert not (more := list(self._undescribed(schema, body))), f"{where}: {more} are not described"

    def _make_validator(self, name: str) -> Draft202012Validator:
        return Draft202012Validator({"$ref": name, "components": self._document["components"]})

    def _resolved(self, part: Any) -> Any:
        while isinstance(part, dict) and "$ref" in part:
            target: Any = self._document
            for name in part["$ref"].removeprefix("#/").split("/"):
                target = target[name]
            part = target
        return part

    def _undescribed(self, schema: Any, value: Any, at: str = "") -> Iterator[str]:
        """The fields that an answer has and its schema has not; where a schema is open, any is fine."""
        parts = list(self._parts(schema))
        if isinstance(value, list):
            for part in parts:
                for one in value if "items" in part else ():
                    yield from self._undescribed(part["items"], one, f"{at}[]")
        if isinstance(value, dict) and any("properties" in part for part in parts):
            named = {name: inner for part in parts for name, inner in part.get("properties", {}).items()}
            is_open = any(part.get("additionalProperties") for part in parts)
            for name, inner in value.items():
                if name in named:
                    yield from self._undescribed(named[name], inner, f"{at}.{name}")
                elif not is_open:
                    yield f"{at}.{name}"

    def _parts(self, schema: Any) -> Iterator[dict[str, Any]]:
        schema = self._resolved(schema)
        yield schema
        for way in ("allOf", "anyOf", "oneOf"):
            for part in schema.get(way, ()):
                yield from self._parts(part)


@cache
def _promise_of(app: Any) -> Promise:
    return Promise(openapi.document(app))


class KeptClient(FlaskClient):
    """A client of tests that takes no answer but such as the document describes."""

    def open(self, *args: Any, **given: Any) -> TestResponse:
        answer = super().open(*args, **given)
        sent = answer.request
        _promise_of(self.application).check(
            sent.method, sent.path, answer.status_code, dict(answer.headers), answer.get_json(silent=True)
        )
        return answer
