"""The Socket.IO events. Translates between the contract and the relay; decides nothing itself."""

import json
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import wraps
from typing import Any

import socketio
from redis.exceptions import RedisError

from realtime.access import EXPIRED, UNAUTHORIZED, Access, Refusal, Visitor
from realtime.connection import CONNECTION, Connection
from realtime.logs import LOGS_LIMIT, Tail
from realtime.meter import END, JOIN, LEFT, TOPIC, Meter, Payer
from realtime.relay import Relay
from realtime.rights import Rights
from realtime.snapshots import Watched
from realtime.tokens import Grant
from realtime.topics import TOPIC_LIMIT, Topic
from workers.wire import encode, is_job_id, no_constant

SEEN_LIMIT = 500  # ends in one message
AWAY = Refusal("unavailable", "Redis can't be used at present; try again in a moment")

log = logging.getLogger("headway.handlers")

Ack = dict[str, Any]
Environ = dict[str, Any]


def error(code: str, message: str) -> Ack:
    return {"error": {"code": code, "message": message}}


@dataclass(frozen=True, slots=True)
class Encoded:
    """JSON that is ready to be sent: states go into an ack as they came from the store."""

    text: str


Handler = Callable[..., Ack | Encoded]


class WireJSON:
    """The JSON that Flask-SocketIO is to use (its option `json`): compact, strict, and aware of `Encoded`."""

    @staticmethod
    def dumps(value: Any, **_: Any) -> str:
        if isinstance(value, list) and len(value) == 1 and isinstance(value[0], Encoded):
            return f"[{value[0].text}]"
        return encode(value)

    @staticmethod
    def loads(text: str, **_: Any) -> Any:
        return json.loads(text, parse_constant=no_constant)


def register(
    server: socketio.Server,
    relay: Relay,
    access: Access,
    rights: Rights,
    visitor_of: Callable[[Environ, str | None], Visitor],
    meter: Meter,
) -> None:
    """Answer the events of the contract on `server`. An ack is always an object.

    On python-socketio itself: Flask-SocketIO would make a request context for each event, match its address and read
    its session, which costs more than all we do. `visitor_of` says who a connection is from, once, by its opening
    request and the value of its Authorization; what it costs is charged by `meter`.
    """

    payers: dict[str, Payer] = {}
    grants: dict[str, Grant] = {}  # of connections that came with a token

    def on(event: str) -> Callable[[Handler], Handler]:
        def register_(handler: Handler) -> Handler:
            server.on(event, _answering_for_itself(handler))
            return handler

        return register_

    @server.on("connect")
    def connect(sid: str, environ: Environ, auth: Any = None) -> None:
        token = auth.get("token") if isinstance(auth, dict) else None
        authorization = f"Bearer {token}" if token else environ.get("HTTP_AUTHORIZATION")
        if (refusal := _judge(access, token) or access.may_bring(authorization)) is not None:
            raise _rejection(refusal)
        try:
            who = visitor_of(environ, authorization)
        except RedisError:
            # only Redis knows whether the login still stands; pages try again
            raise _rejection(AWAY) from None
        rights.enter(sid, who)
        if (grant := access.grant(authorization)) is not None:
            grants[sid] = grant
        connection: Connection = environ[CONNECTION]
        payers[sid] = connection.payer = meter.of_visitor(who, connection.payer or meter.payer(""))
        payers[sid].charge(JOIN)
        environ.clear()  # some KB for as long as the connection lasts, and nobody reads it any more
        environ[CONNECTION] = connection  # it may say CONNECT again
        # the status must follow the CONNECT packet, which is sent when this returns
        server.start_background_task(relay.greet, sid, who.owner)

    @server.on("disconnect")
    def disconnect(sid: str, reason: Any = None) -> None:
        rights.leave(sid)
        payers.pop(sid, None)
        grants.pop(sid, None)
        relay.forget(sid)

    @on("watch")
    def watch(sid: str, data: Any = None, *_: Any) -> Ack | Encoded:
        names = _topics(data)
        if isinstance(names, Refusal):
            return {"ok": False, **error(names.code, names.message)}
        token = data.get("token")
        if token is not None and not isinstance(token, str):
            return {"ok": False, **error("bad_request", f"token: expected text, got {type(token).__name__}")}
        payers[sid].charge(TOPIC * len(names))
        grant = grants.get(sid) if token is None else access.grant(token)
        answers = _watch(relay, access, rights, sid, list(dict.fromkeys(names)), grant)
        parts = ",".join(f"{encode(name)}:{answers[name]}" for name in answers)
        return Encoded(f'{{"ok":true,"topics":{{{parts}}}}}')

    @on("unwatch")
    def unwatch(sid: str, data: Any = None, *_: Any) -> Ack:
        names = _topics(data)
        if isinstance(names, Refusal):
            return {"ok": False, **error(names.code, names.message)}
        payers[sid].charge(LEFT * len(names))
        topics = [_topic(name, rights.visitor(sid).owner) for name in names]
        rights.released(sid, topics)
        relay.topics.remove(sid, topics)
        return {"ok": True}

    @on("seen")
    def seen(sid: str, data: Any = None, *_: Any) -> Ack:
        ends = _ends(data)
        if isinstance(ends, Refusal):
            return {"ok": False, **error(ends.code, ends.message)}
        owner = rights.visitor(sid).owner
        if not owner:
            return {"ok": False, **error(UNAUTHORIZED.code, UNAUTHORIZED.message)}
        payers[sid].charge(END * len(ends))
        try:
            relay.seen(owner, ends)
        except RedisError:
            return {"ok": False, **error(AWAY.code, AWAY.message)}
        return {"ok": True}

    @server.on("*")
    def unknown(event: str, *_: Any) -> Ack:
        return {
            "ok": False,
            **error("bad_request", f"expected the event watch, unwatch or seen, got {str(event)[:80]!r}"),
        }


def _rejection(refusal: Refusal) -> Exception:
    """What answers a CONNECT with CONNECT_ERROR: `{message, data: {code, message}}`."""
    data = {"code": refusal.code, "message": refusal.message}
    return socketio.exceptions.ConnectionRefusedError(refusal.message, data)  # type: ignore[no-any-return]


def _judge(access: Access, token: Any) -> Refusal | None:
    """Whether a CONNECT may bring this `auth.token`: none, or a bearer's."""
    if token is None or token == "":
        return None
    if not isinstance(token, str):
        return Refusal("bad_request", f"auth.token: expected text, got {type(token).__name__}")
    return access.judge(token)


def _answering_for_itself(handler: Handler) -> Handler:
    @wraps(handler)
    def guarded(*args: Any) -> Ack | Encoded:
        try:
            return handler(*args)
        except Exception:  # an ack must come, and the client is not to blame
            log.exception("an event could not be handled")
            return {"ok": False, **error("unavailable", "something went wrong on our side; it has been logged")}

    return guarded


def _topic(name: str, owner: str) -> Topic:
    return Topic(name, owner if name == "mine" else "")


def _topics(data: Any) -> list[str] | Refusal:
    """The topics of a message {topics: [str]}."""
    topics = data.get("topics") if isinstance(data, dict) else None
    if not isinstance(topics, list) or not all(isinstance(topic, str) for topic in topics):
        return Refusal("bad_request", 'expected an object such as {"topics": ["mine"]}')
    if len(topics) > TOPIC_LIMIT:
        return Refusal("too_many", f"expected at most {TOPIC_LIMIT} topics, got {len(topics)}")
    return topics


def _ends(data: Any) -> list[tuple[str, int]] | Refusal:
    """The ends of a message {ids: [[id, attempt]]}."""
    ids = data.get("ids") if isinstance(data, dict) else None
    if not isinstance(ids, list) or not all(_is_end(end) for end in ids):
        return Refusal("bad_request", 'expected an object such as {"ids": [["<id>", 1]]}')
    if len(ids) > SEEN_LIMIT:
        return Refusal("too_many", f"expected at most {SEEN_LIMIT} ids, got {len(ids)}")
    return [(id, attempt) for id, attempt in ids]


def _is_end(end: Any) -> bool:
    if not isinstance(end, list) or len(end) != 2:
        return False
    id, attempt = end
    return isinstance(id, str) and is_job_id(id) and isinstance(attempt, int) and not isinstance(attempt, bool)


def _watch(
    relay: Relay, access: Access, rights: Rights, sid: str, names: list[str], grant: Grant | None
) -> dict[str, str]:
    """What the ack says of each topic, as JSON."""
    with relay.logs.reading(_logs_to_read(relay, sid, names)) as tails:
        if tails and not rights.knows(sid):
            return {}  # it left while they were read
        who = rights.visitor(sid)
        refusals = {name: _refusal(access, who, name, grant, tails) for name in names}
        granted = [_topic(name, who.owner) for name, refusal in refusals.items() if refusal is None]
        rights.granted(sid, granted, grant)  # first: a token may end while the topics are read
        try:
            watched = relay.watch(sid, granted)
        except RedisError:
            rights.released(sid, granted)
            return {name: _refused(refusal or AWAY) for name, refusal in refusals.items()}
        rights.released(sid, [topic for topic in granted if watched[topic] is None])
        joined = set(relay.topics.of(sid))
        for topic in granted:
            if watched[topic] is not None and topic not in joined:  # the right to it has ended meanwhile
                refusals[topic.name] = _refusal(access, rights.visitor(sid), topic.name, grant, tails) or EXPIRED
        return {
            name: _refused(refusal) if refusal else _granted(relay, sid, _topic(name, who.owner), watched, tails)
            for name, refusal in refusals.items()
        }


def _logs_to_read(relay: Relay, sid: str, names: Sequence[str]) -> list[str]:
    """The logs among `names`, but those that are too many for one connection."""
    held = {topic.name for topic in relay.topics.of(sid) if topic.log_id is not None}
    logs = [name for name in names if name.startswith("log:")]
    new = [name for name in logs if name not in held]
    return [name for name in logs if name in held] + new[: max(0, LOGS_LIMIT - len(held))]


def _refusal(access: Access, who: Visitor, name: str, grant: Grant | None, tails: Mapping[str, Tail]) -> Refusal | None:
    if not name.startswith("log:"):
        return access.may_watch(who, name, grant)
    if name not in tails:
        return Refusal("too_many", f"expected at most {LOGS_LIMIT} logs a connection")
    if tails[name].away:
        return AWAY
    owner = tails[name].owner
    if owner is None and name != "log:":
        return _unknown(name)
    return access.may_watch(who, name, grant, owner or "")


def _granted(
    relay: Relay, sid: str, topic: Topic, watched: Mapping[Topic, Watched | None], tails: Mapping[str, Tail]
) -> str:
    answer = watched[topic]
    if answer is not None and topic.name in tails:
        return relay.logs.answer(topic.name, tails[topic.name])
    if answer is not None:
        bodies, more = answer
        return f'{{"jobs":[{",".join(bodies)}],"more":{encode(more)}}}'
    if relay.topics.is_full(sid):
        return _refused(Refusal("too_many", f"expected at most {TOPIC_LIMIT} topics a connection"))
    return _refused(_unknown(topic.name))


def _unknown(name: str) -> Refusal:
    return Refusal("not_found", f"no job has the id {name[4:84]!r}")


def _refused(refusal: Refusal) -> str:
    return encode(error(refusal.code, refusal.message))
