"""What travels: the state of a job, its field names, keys and channel. No I/O.

The twin of this file in the browser is `frontend/js/wire.js`; `tests/workers/test_wire.py` holds the two together.
"""

import json
import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from workers import shape
from workers.errors import WireError

CHANNEL = "headway:events"  # of database 0; `database.channel_of` names it for a client
DUE = "headway:due"  # news of ends that are to be sent: a sorted set by when, in ms
ACTIONS_QUEUE = "headway"  # what operators do to many jobs
OTHERS_QUEUE = "headway-others"  # what others do to many jobs of their own
NEWS_QUEUE = "headway-news"  # news of ends
INTERNAL_QUEUES = (ACTIONS_QUEUE, OTHERS_QUEUE, NEWS_QUEUE)  # nobody submits to them; each has workers of its own
RESULT_LIMIT = 4096  # bytes of JSON; a larger result is fetched from /api/jobs/<id>
META_LIMIT = 1024  # bytes of JSON
DESCRIPTION_LIMIT = 200  # characters


class Status(StrEnum):
    """RQ's own words, and one of ours."""

    CREATED = "created"  # saved, not yet on a queue
    QUEUED = "queued"  # waits for a worker
    DEFERRED = "deferred"  # waits for another job
    SCHEDULED = "scheduled"  # waits for its time
    STARTED = "started"  # a worker runs it
    FINISHED = "finished"  # returned
    FAILED = "failed"  # raised, timed out or was killed, and no retry is left
    STOPPED = "stopped"  # ended by a person while it ran
    CANCELED = "canceled"  # taken back before it ran
    LOST = "lost"  # started, but its worker has been silent past its heartbeat


class Unreadable(StrEnum):
    """In the place of a status where a job's record can't be read. No job is stored, counted or looked for by it."""

    UNREADABLE = "unreadable"


WAITING = frozenset({Status.QUEUED, Status.DEFERRED, Status.SCHEDULED})
ENDED = frozenset({Status.FINISHED, Status.FAILED, Status.STOPPED, Status.CANCELED})
ACTIVE = frozenset(Status) - ENDED
RUNNING = frozenset({Status.STARTED, Status.LOST})


@dataclass(frozen=True, slots=True)
class JobState:
    """The whole state of a job, as clients get it. Field order is the order on the wire."""

    id: str
    version: int  # µs; newer wins, everywhere
    attempt: int  # 1, 2, …
    task: str
    queue: str
    status: Status | Unreadable
    completed: float | None
    total: float | None  # null: length unknown
    unit: str
    description: str
    created_at: int | None  # Unix time in ms, like all *_at
    enqueued_at: int | None
    started_at: int | None
    ended_at: int | None
    updated_at: int | None
    worker: str | None
    result: Any
    result_truncated: bool
    error: dict[str, str] | None  # {type, message}
    meta: dict[str, Any]

    @property
    def ended(self) -> bool:
        return self.status in ENDED

    def as_dict(self) -> dict[str, Any]:
        """Its fields; the values are those of the state, not copies: a result may be nested deeply."""
        return {name: getattr(self, name) for name in FIELDS}


FIELDS = tuple(JobState.__dataclass_fields__)


@dataclass(frozen=True, slots=True)
class Update:
    """One message of the channel: a state, or the tombstone of one (`gone`).

    `body` is the JSON to be shown as it is: of the whole state, or of {"id", "version"} when gone.
    """

    id: str
    version: int
    owner: str
    queue: str
    gone: bool
    body: str
    attempt: int = 0
    ended: bool = False


def is_job_id(text: str) -> bool:
    """Whether RQ could have a job of this id; what a stranger sends is often none."""
    return re.fullmatch(r"[A-Za-z0-9_-]{1,128}", text) is not None


def is_queue_name(text: str) -> bool:
    return re.fullmatch(r"[A-Za-z0-9_.-]{1,64}", text) is not None


def is_address(text: str) -> bool:
    """Whether this is the address of one mailbox, as an `<input type=email>` has it: nothing that a header or an SMTP
    command could be made of (https://html.spec.whatwg.org/#valid-e-mail-address)."""
    label = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
    return (
        len(text) <= 254
        and re.fullmatch(rf"[A-Za-z0-9.!#$%&'*+/=?^_`{{|}}~-]{{1,64}}@{label}(?:\.{label})*", text) is not None
    )


_ENDED_WORDS = frozenset(str(status) for status in ENDED)


@dataclass(frozen=True, slots=True)
class Probe:
    """A word of a relay to itself. `born` marks the data in Redis: another mark, and all that was there is gone."""

    process: str
    number: int
    born: str


@dataclass(frozen=True, slots=True)
class Recheck:
    """A browser has logged in or out: what its open connections may do is to be looked at again."""

    owner: str
    operator: bool  # what it is by now
    viewer: bool = False


@dataclass(frozen=True, slots=True)
class Logged:
    """A job has logged: `last` is the number of its newest line. The lines are read by whoever is asked for them."""

    id: str
    last: int


Message = Update | Probe | Recheck | Logged


def encode_recheck(recheck: Recheck) -> str:
    return encode({"recheck": recheck.owner, "operator": recheck.operator, "viewer": recheck.viewer})


def state_key(id: str) -> str:
    return f"headway:job:{id}"


def attempts_key(id: str) -> str:
    return f"headway:job:{id}:attempts"


def log_key(id: str) -> str:
    return f"headway:job:{id}:log"


def inbox_key(owner: str) -> str:
    """An owner's unseen ends: a sorted set by version; beside it `:states`, a hash, and `:more`, a number."""
    return f"headway:inbox:{owner}"


def push_key(owner: str) -> str:
    """An owner's push subscriptions: a hash, digest of the endpoint → JSON."""
    return f"headway:push:{owner}"


def notice_key(id: str, attempt: int | str) -> str:
    """What a webhook or mail is to say of an end, and to whom: it outlives the job."""
    return f"headway:notice:{id}:{attempt}"


def index_key(scope: str, status: str) -> str:
    """The sorted set of a scope's jobs in one status. Scopes: `all`, `owner:<o>`, `queue:<q>`."""
    return f"headway:{scope}:{status}"


def no_constant(name: str) -> None:
    """What `json.loads` is to do (`parse_constant`) with NaN and Infinity, which JSON does not have."""
    raise ValueError(f"{name} is no JSON")


_DECODER = json.JSONDecoder(parse_constant=no_constant)
# made once: json.dumps makes one for each call that says anything of separators
_ENCODER = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def encode(value: Any) -> str:
    """`value` as compact JSON.

    Lone surrogates become U+FFFD, since no UTF-8 holds them.
    Raises `WireError` for NaN, Infinity and whatever JSON has no form for: one such value would break the
    JSON of a whole frame.
    """
    try:
        if value is None or type(value) is int:  # half of all: the encoder takes three times as long
            return "null" if value is None else str(value)
        text = _ENCODER.encode(value)
    except (TypeError, ValueError, RecursionError) as error:
        raise WireError(f"expected a value that JSON can hold, got {type(value).__name__}: {error}") from error
    return without_halves(text)


def without_halves(text: str) -> str:
    """`text` with U+FFFD in the place of each lone surrogate."""
    try:
        text.encode()
    except UnicodeEncodeError:
        text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def decode(text: str | bytes) -> Any:
    """The value of a JSON text. Raises ValueError, for NaN and Infinity too, and RecursionError."""
    return _DECODER.decode(text if isinstance(text, str) else text.decode())


def encode_state(state: JobState) -> str:
    return encode(state.as_dict())


def decode_state(text: str | bytes) -> JobState:
    """Raises `WireError` where a field is missing, unknown, or of another type."""
    try:
        fields = decode(text)
        state = JobState(**{**fields, "status": Status(fields["status"])})
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise WireError(f"expected the JSON of a state with the fields {', '.join(FIELDS)}: {error}") from error
    if (wrong := shape.first_wrong(fields)) is not None:
        raise WireError(f"{wrong}: expected a value of its type, got {fields[wrong]!r:.80}")
    return state


def unreadable(id: str, version: int) -> JobState:
    """What is shown of a job whose record can't be read."""
    nothing = dict.fromkeys((*shape.TIMES, "completed", "total", "worker", "result", "error"))
    blank = {"task": "", "queue": "", "unit": "", "description": "", "result_truncated": False, "meta": {}}
    return JobState(id=id, version=version, attempt=1, status=Unreadable.UNREADABLE, **blank, **nothing)  # type: ignore[arg-type]


# the beginning of what workers/script.py publishes of a state, as far as it decides where the state goes
_ENVELOPE = re.compile(
    r'\{"owner":"([^"\\]*)","state":()\{"id":"([^"\\]*)","version":(\d{1,16}),"attempt":(\d{1,9}),"task":"[^"\\]*",'
    r'"queue":"([^"\\]*)","status":"([a-z]+)",'
)


def decode_update(message: bytes) -> Message:
    """A message of the channel. Raises `WireError` where it is none.

    Of what our own script publishes only the beginning is parsed; the rest passes through as it is.
    """
    text = message.decode(errors="replace")
    if (found := _ENVELOPE.match(text)) and text.endswith("}}"):
        owner, _, id, version, attempt, queue, status = found.groups()
        return Update(
            id, int(version), owner, queue, False, text[found.start(2) : -1], int(attempt), status in _ENDED_WORDS
        )
    try:
        envelope = json.loads(text, parse_constant=no_constant)
        if envelope.get("probe") is not None:
            return Probe(envelope["probe"], envelope["n"], envelope.get("born", ""))
        if envelope.get("recheck") is not None:
            return Recheck(str(envelope["recheck"]), envelope["operator"] is True, envelope.get("viewer") is True)
        if envelope.get("log") is not None:
            return Logged(str(envelope["log"]), int(envelope["last"]))
        if gone := envelope.get("gone"):
            body = encode({"id": gone["id"], "version": gone["version"]})
            return Update(gone["id"], gone["version"], envelope["owner"], gone["queue"], True, body)
        state = envelope["state"]
        body = text[text.index('"state":') + len('"state":') : -1]
        ended = state["status"] in ENDED
        return Update(
            state["id"], state["version"], envelope["owner"], state["queue"], False, body, state["attempt"], ended
        )
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise WireError(f"expected a state, gone or probe on {CHANNEL}, got {text[:80]!r}") from error
