"""What a view asks of its request: the services, who it is from, whether it may, and what its body says."""

import json
from typing import TYPE_CHECKING, Any, TypeVar, cast

from flask import current_app, request, session
from pydantic import BaseModel, ValidationError

from realtime.access import Refusal, Visitor, new_owner
from realtime.errors import Refused
from realtime.tokens import Grant
from workers.errors import BadArguments
from workers.tasks import fields_of
from workers.wire import no_constant

if TYPE_CHECKING:
    from realtime.app import Services

SUBMITS_A_SECOND = 20  # of one owner

Model = TypeVar("Model", bound=BaseModel)


def services() -> "Services":
    return cast("Services", current_app.extensions["headway"])


def visitor() -> Visitor:
    return services().access.visitor(session, request.headers.get("Authorization"))


def grant() -> Grant | None:
    """What the token of this request allows, where it brings one."""
    return services().access.grant(request.headers.get("Authorization"))


def is_known() -> bool:
    """Whether this is no stranger: a session that we began, or a program with a token of ours."""
    who, token = visitor(), grant()
    return bool(who.owner) or who.sees or (token is not None and not token.is_over)


def owner() -> str:
    """The owner of this session; a session begins with whoever has none."""
    if "owner" not in session:
        session["owner"] = new_owner()
        session.permanent = True
    return str(session["owner"])


def allow(refusal: Refusal | None) -> None:
    if refusal is not None:
        raise Refused(refusal)


def submitter() -> str:
    """The owner of what this request submits. Raises `Refused` where nobody may, and as `limit_submits`."""
    allow(services().access.may_submit())
    who = owner()
    limit_submits(who)
    return who


def limit_submits(who: str) -> None:
    """Raises `Refused` over 20 submits a second of one owner."""
    redis = services().redis
    with redis.pipeline() as pipeline:
        pipeline.set(f"headway:rate:{who}", 0, ex=1, nx=True)
        pipeline.incr(f"headway:rate:{who}")
        _, count = pipeline.execute()
    if count > SUBMITS_A_SECOND:
        raise Refused(
            Refusal("too_many", f"expected at most {SUBMITS_A_SECOND} submits a second, got more"), retry_after=1
        )


def check_origin() -> None:
    """Before each request: a foreign page may read what anyone may, and change nothing. Raises `Refused`."""
    if request.method in ("GET", "HEAD", "OPTIONS"):
        return
    origin = request.headers.get("Origin")
    if not services().access.is_own_origin(origin, request.scheme, request.host):
        raise Refused(Refusal("forbidden", f"expected a request from a page of ours, got one from {str(origin)[:200]}"))


def read_json() -> Any:
    """The body as JSON, whatever its content type says. Raises `BadArguments`."""
    body = request.get_data(cache=False)  # 413 where it is too long
    try:
        return json.loads(body, parse_constant=no_constant)
    except (ValueError, RecursionError) as error:
        wrong = {"body": {"expected": "JSON", "got": str(error)}}
        raise BadArguments(f"expected a JSON body: {error}", wrong) from error


def parse_body(model: type[Model]) -> Model:
    """The JSON body as `model`. Raises `BadArguments`."""
    data = read_json()
    if not isinstance(data, dict):
        got = type(data).__name__
        raise BadArguments(f"expected a JSON object, got {got}", {"body": {"expected": "an object", "got": got}})
    try:
        return model.model_validate(data)
    except ValidationError as error:
        fields = fields_of(error)
        raise BadArguments(f"wrong fields: {', '.join(sorted(fields))}", fields) from error


def parse_query(model: type[Model]) -> Model:
    """The query as `model`. Raises `BadArguments`."""
    try:
        return model.model_validate(request.args.to_dict())
    except ValidationError as error:
        fields = fields_of(error)
        raise BadArguments(f"wrong query: {', '.join(sorted(fields))}", fields) from error
