"""/api/openapi.json, built from the routes themselves, so that it can't name one that is not served."""

import inspect
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from flask import Flask
from pydantic import BaseModel

from workers.log_lines import LEVELS
from workers.verbs import Verb
from workers.wire import Status, Unreadable

WORDS = {"Status": Status, "Verb": Verb}
F = TypeVar("F", bound=Callable[..., Any])

_INTEGER = {"type": "integer"}
_TEXT = {"type": "string"}
_TIME = {"type": ["integer", "null"], "description": "Unix time in ms"}
_NUMBER = {"type": ["number", "null"]}
_ERROR = {
    "type": ["object", "null"],
    "properties": {"type": _TEXT, "message": _TEXT},
    "required": ["type", "message"],
}
_STATE: dict[str, Any] = {
    "id": {"type": "string", "format": "uuid"},
    "version": {"type": "integer", "description": "newer wins"},
    "attempt": {"type": "integer", "minimum": 1},
    "task": _TEXT,
    "queue": _TEXT,
    "status": {"enum": [str(status) for status in (*Status, *Unreadable)]},
    "completed": _NUMBER,
    "total": _NUMBER,
    "unit": _TEXT,
    "description": {"type": "string", "maxLength": 200},
    **dict.fromkeys(("created_at", "enqueued_at", "started_at", "ended_at", "updated_at"), _TIME),
    "worker": {"type": ["string", "null"]},
    "result": {},
    "result_truncated": {"type": "boolean"},
    "error": _ERROR,
    "meta": {"type": "object"},
}


def _object(properties: dict[str, Any], required: list[str] | None = None) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": required or sorted(properties)}


def _list(items: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": items}


_ATTEMPT = _object(
    {"attempt": _INTEGER, "status": _TEXT, "started_at": _TIME, "ended_at": _TIME, "error": _ERROR},
)
_LINE = _object({"n": _INTEGER, "attempt": _INTEGER, "at": _TIME, "level": {"enum": list(LEVELS)}, "text": _TEXT})
_MAYBE = {"type": ["string", "null"]}
_ENTRY = _object(
    {
        **dict.fromkeys(("name", "task", "queue", "args"), _TEXT),
        "every": {"type": ["integer", "null"], "description": "seconds"},
        "cron": _MAYBE,
        "last_at": _TIME,
        "next_at": _TIME,
    }
)
_RELATIVE = _object({"id": _TEXT, "task": _MAYBE, "status": _MAYBE})
_QUEUE_COUNTS = dict.fromkeys(
    ("queued", "deferred", "scheduled", "started", "finished", "failed", "canceled", "workers"), _INTEGER
)
_COUNTS = _list(_INTEGER)
_TIMES = _list({"type": ["integer", "null"], "description": "ms"})
_QUANTILES = _object({"p50": _TIMES, "p95": _TIMES})
_FIGURES = {"ended": _COUNTS, "failed": _COUNTS, "wait": _QUANTILES, "run": _QUANTILES}
_ROWS = _list(_object({"name": _TEXT, "rest": {"type": "boolean"}, **_FIGURES}))
SCHEMAS: dict[str, Any] = {
    "State": _object(_STATE),
    "Detail": _object(
        {
            **_STATE,
            "args": {"type": ["object", "null"]},
            "traceback": {"type": ["string", "null"]},
            "attempts": _list(_ATTEMPT),
            "unreadable": {"type": "string", "description": "a sentence, where something of the job can't be read"},
        },
        sorted(_STATE),
    ),
    "Jobs": _object({"jobs": _list(_object(_STATE)), "cursor": {"type": ["string", "null"]}}),
    "Log": _object({"lines": _list(_LINE), "first": _INTEGER, "last": _INTEGER}),
    "Counts": _object({"total": _INTEGER, "by_status": {"type": "object"}, "more": {"type": "boolean"}}),
    "Action": _object({"id": _TEXT, "total": _INTEGER}),
    "Ids": _object({"ids": _list(_TEXT)}),
    "Tasks": _object(
        {
            "tasks": _list(
                _object(
                    {
                        "name": _TEXT,
                        "summary": _TEXT,
                        "queue": _TEXT,
                        "timeout": _INTEGER,
                        "arguments": {"type": "object"},
                    }
                )
            ),
            "broken": _list(_object({"file": _TEXT, "line": _INTEGER, "name": _TEXT, "reason": _TEXT})),
        },
        ["tasks"],
    ),
    "Queues": _object(
        {
            "queues": _list(_object({"name": _TEXT, **_QUEUE_COUNTS, "oldest_at": _TIME, "blocked_by": _MAYBE})),
            "scheduler": {"type": "boolean"},
        }
    ),
    "Workers": _object(
        {
            "workers": _list(
                _object(
                    {
                        "name": _TEXT,
                        "state": _TEXT,
                        "queue": _TEXT,
                        "job": {"type": ["string", "null"]},
                        "heartbeat_at": _TIME,
                        "host": {"type": ["string", "null"]},
                        "born_at": _TIME,
                        "done": _INTEGER,
                        "failed": _INTEGER,
                        "release": {"type": ["string", "null"], "description": "of Headway"},
                        "version": {"type": ["string", "null"], "description": "of RQ"},
                        "pid": {"type": ["integer", "null"]},
                    }
                )
            ),
            "suspended": {"type": "boolean"},
            "releases": {"type": "object", "additionalProperties": _list(_TEXT)},
        }
    ),
    "Audit": _object(
        {
            "entries": _list(
                _object({"at": _INTEGER, "who": _TEXT, "what": _TEXT, "which": {"type": "object"}, "result": _TEXT})
            ),
            "cursor": {"type": ["string", "null"]},
        }
    ),
    "History": _object(
        {
            "span": _TEXT,
            "step": {"type": "integer", "description": "seconds"},
            "until": {"type": "number", "description": "Unix time in seconds"},
            "at": {"type": "array", "items": _INTEGER, "description": "Unix times in seconds"},
            "total": _object(_FIGURES),
            "queues": _ROWS,
            "tasks": _ROWS,
        }
    ),
    "Schedule": _object(
        {
            "scheduled": _object({"total": _INTEGER, "jobs": _list(_object({"id": _TEXT, "at": _INTEGER}))}),
            "deferred": _object(
                {
                    "total": _INTEGER,
                    "jobs": _list(_object({"id": _TEXT, "waits_for": _list(_TEXT), "tasks": _list(_MAYBE)})),
                },
            ),
            "cron": _list(
                _object(
                    {"name": _TEXT, "host": _TEXT, "file": _TEXT, "heartbeat_at": _TIME, "entries": _list(_ENTRY)},
                )
            ),
            "scheduler": {"type": "boolean"},
        }
    ),
    "Relatives": _object(
        {"dependencies": _list(_RELATIVE), "dependents": _list(_RELATIVE), "more": {"type": "boolean"}}
    ),
    "Token": _object({"token": _TEXT, "expires_at": _TIME}),
    "PushKey": _object({"key": _TEXT}),
    "Count": _object({"count": _INTEGER}),
    "Ok": _object({"ok": {"type": "boolean"}}),
    "Ready": _object({"ok": {"type": "boolean"}, "probe_age": _NUMBER, "gaps": _INTEGER}),
    "Any": {"type": "object"},
    "Error": _object(
        {
            "error": _object(
                {
                    "code": {
                        "enum": [
                            *("bad_request", "unauthorized", "forbidden", "not_found", "conflict"),
                            *("too_large", "too_many", "expired", "unavailable"),
                        ]
                    },
                    "message": _TEXT,
                    "fields": {"type": "object", "additionalProperties": _object({"expected": _TEXT, "got": _TEXT})},
                },
                ["code", "message"],
            )
        }
    ),
}


@dataclass(frozen=True)
class Description:
    answer: str  # a name in SCHEMAS
    status: int
    body: type[BaseModel] | None
    query: type[BaseModel] | None
    operator: bool
    idempotency_key: bool


def describe(
    *,
    answer: str,
    status: int = 200,
    body: type[BaseModel] | None = None,
    query: type[BaseModel] | None = None,
    operator: bool = False,
    idempotency_key: bool = False,
) -> Callable[[F], F]:
    """Say of a view what it takes and answers."""

    def mark(view: F) -> F:
        view.openapi = Description(answer, status, body, query, operator, idempotency_key)  # type: ignore[attr-defined]
        return view

    return mark


def document(app: Flask) -> dict[str, Any]:
    """OpenAPI 3.1 (https://spec.openapis.org/oas/v3.1.0) of every described route of `app`."""
    paths: dict[str, dict[str, Any]] = {}
    schemas = dict(SCHEMAS)
    for rule in app.url_map.iter_rules():
        view = app.view_functions[rule.endpoint]
        description = getattr(view, "openapi", None)
        if not isinstance(description, Description):
            continue
        path = re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule)
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            paths.setdefault(path, {})[method.lower()] = _operation(
                rule.endpoint, view, description, sorted(rule.arguments), schemas
            )
    return {
        "openapi": "3.1.0",
        "info": {"title": "Headway", "version": "1"},
        "paths": dict(sorted(paths.items())),
        "components": {
            "schemas": schemas,
            "securitySchemes": {"operator": {"type": "http", "scheme": "bearer"}},
        },
    }


def _operation(
    endpoint: str, view: Callable[..., Any], description: Description, in_path: list[str], schemas: dict[str, Any]
) -> dict[str, Any]:
    """One operation; what its body is made of is added to `schemas`."""
    parameters = [{"name": name, "in": "path", "required": True, "schema": _TEXT} for name in in_path]
    if description.query is not None:
        properties = description.query.model_json_schema(ref_template="#/components/schemas/{model}")["properties"]
        parameters += [{"name": name, "in": "query", "schema": _inlined(schema)} for name, schema in properties.items()]
    if description.idempotency_key:
        parameters.append({"name": "Idempotency-Key", "in": "header", "schema": {"type": "string", "maxLength": 255}})
    operation: dict[str, Any] = {
        "operationId": endpoint.rpartition(".")[2],
        "summary": (inspect.getdoc(view) or "").partition("\n")[0],
        "parameters": parameters,
        "responses": {str(description.status): _content(description.answer), "default": _content("Error")},
    }
    if description.body is not None:
        schema = description.body.model_json_schema(ref_template="#/components/schemas/{model}")
        schemas |= schema.pop("$defs", {})
        operation["requestBody"] = {"required": True, "content": {"application/json": {"schema": schema}}}
    if description.operator:
        operation["security"] = [{"operator": []}]
    return operation


def _inlined(schema: dict[str, Any]) -> dict[str, Any]:
    """With the lists of words that a query refers to written out."""
    options = [
        {"enum": [str(word) for word in WORDS[option["$ref"].rpartition("/")[2]]]} if "$ref" in option else option
        for option in schema.get("anyOf", [])
    ]
    return {**schema, "anyOf": options} if options else schema


def _content(name: str) -> dict[str, Any]:
    return {
        "description": name,
        "content": {"application/json": {"schema": {"$ref": f"#/components/schemas/{name}"}}},
    }
