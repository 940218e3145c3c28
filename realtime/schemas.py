"""What answers are made of, as JSON Schema: the components of /api/openapi.json. Pure."""

from collections.abc import Mapping
from typing import Any, Final

from pydantic import BeforeValidator, Field

from workers.failure import MESSAGE_LIMIT
from workers.log_lines import LEVELS
from workers.tally import SPANS
from workers.verbs import Verb
from workers.wire import DESCRIPTION_LIMIT, Status, Unreadable

Schema = dict[str, Any]

CODES: Final = (  # of errors: the contract's words
    *("bad_request", "unauthorized", "expired", "forbidden", "not_found", "conflict"),
    *("too_large", "too_many", "unavailable"),
)
JOB_ID: Final = {"type": "string", "pattern": "^[A-Za-z0-9_-]{1,128}$"}  # as a client sends one
QUEUE_NAME: Final = {"type": "string", "pattern": "^[A-Za-z0-9_.-]{1,64}$"}


def ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def also(**said: Any) -> Any:
    """In an `Annotated` type: what the description says of a field, and what is checked elsewhere."""
    return Field(json_schema_extra=said)


def _number(value: Any) -> Any:
    if isinstance(value, str | bool):
        raise ValueError("a number")
    return value


# of a body, beside its other limits: pydantic alone takes "5" and true for numbers, and "yes" for true
NUMBER: Final = BeforeValidator(_number)
FLAG: Final = Field(strict=True)


def either(schema: Schema, *ways: tuple[str, Schema, Schema]) -> None:
    """Make of an object's schema one of several: (title, the fields that must be there, those that may)."""
    del schema["properties"]
    schema.pop("required", None)
    shared = {key: schema.pop(key) for key in ("type", "additionalProperties")}
    schema["anyOf"] = [
        {"title": title, **shared, "properties": {**needed, **more}, "required": list(needed)}
        for title, needed, more in ways
    ]


def not_null(schema: Schema) -> Schema:
    """Of what may be left out: null says the same, and is written nowhere."""
    options = [option for option in schema.get("anyOf", [schema]) if option != {"type": "null"}]
    return options[0] if len(options) == 1 else schema


def _object(properties: Schema, *optional: str, **more: Any) -> Schema:
    """One with all of `properties` but the optional ones, and maybe others: clients are to read over those."""
    return {
        "type": "object",
        "properties": properties,
        "required": [name for name in properties if name not in optional],
        **more,
    }


def _list(items: Schema, **more: Any) -> Schema:
    return {"type": "array", "items": items, **more}


def _or_null(schema: Schema) -> Schema:
    return {"anyOf": [schema, {"type": "null"}]}


def _words(words: Any) -> Schema:
    return {"type": "string", "enum": [str(word) for word in words]}


_INTEGER: Schema = {"type": "integer"}
_COUNT: Schema = {"type": "integer", "minimum": 0}
_TEXT: Schema = {"type": "string"}
_FLAG: Schema = {"type": "boolean"}
_MAYBE: Schema = {"type": ["string", "null"]}
_TIME: Schema = {"type": ["integer", "null"], "description": "Unix time in ms"}
_MOMENT: Schema = {"type": "integer", "description": "Unix time in ms"}
_NUMBER: Schema = {"type": ["number", "null"]}
_OPEN: Schema = {"type": "object", "additionalProperties": True}
_ID: Schema = {"type": "string", "description": "of a job: a UUID where Headway made it, of RQ's making any name"}

_STATE: Schema = {
    "id": _ID,
    "version": {"type": "integer", "description": "newer wins"},
    "attempt": {"type": "integer", "description": "1, 2, …"},
    "task": _TEXT,
    "queue": _TEXT,
    "status": ref("StatusShown"),
    "completed": _NUMBER,
    "total": {**_NUMBER, "description": "null where nobody knows how much there is to do"},
    "unit": _TEXT,
    "description": {"type": "string", "maxLength": DESCRIPTION_LIMIT},
    **dict.fromkeys(("created_at", "enqueued_at", "started_at", "ended_at", "updated_at"), _TIME),
    "worker": _MAYBE,
    "result": {"description": "what the task returned"},
    "result_truncated": {"type": "boolean", "description": "whether the whole result is at /api/jobs/{id} alone"},
    "error": _or_null(ref("Failure")),
    "meta": {**_OPEN, "description": "what the job says of itself beside its progress"},
}
_DETAIL: Schema = {
    "args": {**_OPEN, "type": ["object", "null"], "description": "what the task was called with"},
    "traceback": _MAYBE,
    "attempts": _list(ref("Attempt"), description="the oldest first, the present one last"),
    "unreadable": {"type": "string", "description": "a sentence, where something of the job can't be read"},
}
_QUEUE: Schema = {
    "name": _TEXT,
    **dict.fromkeys(
        ("queued", "deferred", "scheduled", "started", "finished", "failed", "canceled", "workers"), _COUNT
    ),
    "oldest_at": {**_TIME, "description": "when the job was made that has waited longest; Unix time in ms"},
    "blocked_by": {**_MAYBE, "description": "the job at the head that Headway did not make, and does not run"},
}
_WORKER: Schema = {
    "name": _TEXT,
    "state": _TEXT,
    "queue": {"type": "string", "description": "its queues, with commas"},
    "job": _MAYBE,
    "heartbeat_at": _TIME,
    "host": _MAYBE,
    "born_at": _TIME,
    "done": _INTEGER,
    "failed": _INTEGER,
    "release": {**_MAYBE, "description": "of Headway"},
    "version": {**_MAYBE, "description": "of RQ"},
    "pid": {"type": ["integer", "null"]},
}
_ENTRY: Schema = {
    **dict.fromkeys(("name", "task", "queue", "args"), _TEXT),
    "every": {"type": ["integer", "null"], "description": "seconds"},
    "cron": _MAYBE,
    "last_at": _TIME,
    "next_at": _TIME,
}
_TASK: Schema = {
    "name": _TEXT,
    "summary": _TEXT,
    "queue": _TEXT,
    "timeout": {"type": "integer", "description": "seconds"},
    "arguments": {**_OPEN, "description": "JSON Schema of `args`"},
}
_FIGURES: Schema = {"ended": _list(_COUNT), "failed": _list(_COUNT), "wait": ref("Times"), "run": ref("Times")}
_QUANTILE: Schema = _list({"type": ["integer", "null"]}, description="ms, one for each slice of time")
_HISTORY: Schema = {
    "span": _words(SPANS),
    "step": {"type": "integer", "description": "seconds"},
    "until": {"type": "number", "description": "Unix time in seconds"},
    "at": _list(_INTEGER, description="Unix times in seconds"),
    "total": ref("Figures"),
    "queues": _list(ref("FiguresOf")),
    "tasks": _list(ref("FiguresOf")),
}
_CRON: Schema = {
    **dict.fromkeys(("name", "host", "file"), _TEXT),
    "heartbeat_at": _TIME,
    "entries": _list(ref("CronEntry")),
}
_NEXT: Schema = _object({"id": _ID, "at": _MOMENT})
_WAITING: Schema = _object({"id": _ID, "waits_for": _list(_ID), "tasks": _list(_MAYBE)})
_BROKEN: Schema = _object({"file": _TEXT, "line": _INTEGER, "name": _TEXT, "reason": _TEXT})
_RELEASES: Schema = {
    "type": "object",
    "additionalProperties": _list(_TEXT),
    "description": "where parts are of different releases of Headway: which parts are of which",
}
_SCHEDULER: Schema = {**_FLAG, "description": "whether one is up"}
_WRONG: Schema = _object({"expected": _TEXT, "got": _TEXT})

SCHEMAS: Final[Mapping[str, Schema]] = {
    "Status": _words(Status),
    "StatusShown": {**_words((*Status, *Unreadable)), "description": "unreadable: the job's record can't be read"},
    "Verb": _words(Verb),
    "State": _object(_STATE),
    "Failure": _object({"type": _TEXT, "message": {"type": "string", "maxLength": MESSAGE_LIMIT}}),
    "Detail": {
        "allOf": [ref("State"), _object(_DETAIL, *_DETAIL)],
        "description": "`args`, `traceback` and `attempts` are for the job's owner, operators and viewers",
    },
    "Attempt": _object(
        {
            "attempt": _INTEGER,
            "status": _TEXT,
            "started_at": _TIME,
            "ended_at": _TIME,
            "error": _or_null(ref("Failure")),
        }
    ),
    "JobPage": _object({"jobs": _list(ref("State")), "cursor": {**_MAYBE, "description": "of the next page"}}),
    "Line": _object(
        {
            "n": _INTEGER,
            "attempt": _INTEGER,
            "at": {"type": "number", "description": "Unix time in ms"},
            "level": _words(LEVELS),
            "text": _TEXT,
        },
    ),
    "Log": _object({"lines": _list(ref("Line")), "first": _INTEGER, "last": _INTEGER}),
    "Counts": _object(
        {
            "total": _COUNT,
            "by_status": {
                "type": "object",
                "properties": {str(status): _COUNT for status in Status},
                "additionalProperties": False,
            },
            "more": {"type": "boolean", "description": "whether there was no time to look at all jobs"},
        }
    ),
    "Action": _object({"id": {**_ID, "description": "of the job that does it"}, "total": _COUNT}),
    "IdList": _object({"ids": _list(_ID)}),
    "Task": _object(_TASK),
    "TaskList": _object(
        {"tasks": _list(ref("Task")), "broken": _list(_BROKEN, description="what is left out; for operators")}, "broken"
    ),
    "Queue": _object(_QUEUE),
    "QueueList": _object({"queues": _list(ref("Queue")), "scheduler": _SCHEDULER}),
    "Worker": _object(_WORKER),
    "WorkerList": _object({"workers": _list(ref("Worker")), "suspended": _FLAG, "releases": _RELEASES}),
    "AuditEntry": _object({"at": _MOMENT, "who": _TEXT, "what": _TEXT, "which": _OPEN, "result": _TEXT}),
    "Audit": _object({"entries": _list(ref("AuditEntry")), "cursor": {**_MAYBE, "description": "of the next page"}}),
    "Times": _object({"p50": _QUANTILE, "p95": _QUANTILE}),
    "Figures": _object(_FIGURES),
    "FiguresOf": _object({"name": _TEXT, "rest": {**_FLAG, "description": "of all others together"}, **_FIGURES}),
    "History": _object(_HISTORY),
    "CronEntry": _object(_ENTRY),
    "CronScheduler": _object(_CRON),
    "Schedule": _object(
        {
            "scheduled": _object({"total": _COUNT, "jobs": _list(_NEXT)}),
            "deferred": _object({"total": _COUNT, "jobs": _list(_WAITING)}),
            "cron": _list(ref("CronScheduler")),
            "scheduler": _SCHEDULER,
        }
    ),
    "Relative": _object({"id": _ID, "task": _MAYBE, "status": _MAYBE}),
    "Relatives": _object({"dependencies": _list(ref("Relative")), "dependents": _list(ref("Relative")), "more": _FLAG}),
    "Token": _object({"token": _TEXT, "expires_at": _MOMENT}),
    "PushKey": _object({"key": _TEXT}),
    "Count": _object({"count": _COUNT}),
    "Ok": _object({"ok": _FLAG}),
    "Ready": _object({"ok": _FLAG, "probe_age": {**_NUMBER, "description": "seconds"}, "gaps": _COUNT}),
    "OpenApi": _OPEN,
    "ErrorAnswer": _object(
        {
            "error": _object(
                {
                    "code": _words(CODES),
                    "message": {"type": "string", "description": "for people"},
                    "fields": {"type": "object", "additionalProperties": _WRONG},
                },
                "fields",
            )
        }
    ),
}
