"""What a view asks of its request: the services, who it is from, whether it may, and what its body says."""

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar, cast

from flask import current_app, request, session
from pydantic import BaseModel, ValidationError

from realtime.access import Refusal, Visitor, new_owner
from realtime.errors import Refused
from realtime.sessions import Session
from realtime.tokens import Grant
from workers import addresses, allowance
from workers.errors import BadArguments, TooMany
from workers.limits import SUBMITS, Payer
from workers.tasks import fields_of
from workers.wire import no_constant

if TYPE_CHECKING:
    from realtime.app import Services

Model = TypeVar("Model", bound=BaseModel)


def services() -> "Services":
    return cast("Services", current_app.extensions["headway"])


def visitor() -> Visitor:
    """Who the request is from. Raises RedisError where it takes Redis to know, for a login, and Redis is away."""
    here = services()
    return here.access.visitor(here.logins.read(this_session()), request.headers.get("Authorization"))


def this_session() -> Session:
    """The session itself, of which Flask's `session` is a proxy."""
    return cast(Session, session._get_current_object())  # type: ignore[attr-defined]


def grant() -> Grant | None:
    """What the token of this request allows, where it brings one."""
    return services().access.grant(request.headers.get("Authorization"))


def owner() -> str:
    """Who owns what this request makes: whoever has its token, else its session, which begins where there is none.

    Raises RedisError as `visitor`.
    """
    return visitor().owner or session_owner()


def session_owner() -> str:
    """The owner of this session; a session begins with whoever has none. Raises RedisError as `visitor`."""
    services().logins.read(this_session())  # one whose login is over is none
    if "owner" not in session:
        session["owner"] = new_owner()
        session.permanent = True
    return str(session["owner"])


def allow(refusal: Refusal | None) -> None:
    if refusal is not None:
        raise Refused(refusal)


def submitter() -> tuple[str, Payer | None]:
    """The owner of what this request submits, and for whom it counts; None: for nobody.

    Raises `Refused` where nobody may submit, `TooMany` where this one has submitted too often.
    """
    allow(services().access.may_submit())
    counted = payer()
    limit_submits(counted)
    return owner(), counted


def payer() -> Payer | None:
    """For whom this request counts; None for operators and for programs that one of them let submit."""
    who, token = visitor(), grant()
    if who.operator:
        return None
    if token is not None and not token.is_over:
        return None if token.notify else Payer(owner(), stranger=False)
    known = bool(who.owner)
    # where only this machine can connect, its address says nothing; but who keeps no cookie has nothing else
    counts = not known or not services().settings.is_local
    return Payer(owner(), client() if counts else "")


def client() -> str:
    """A digest of the address that this request comes from: of IPv6 the /64."""
    forwarded_for = request.headers.get("X-Forwarded-For", "")
    found = addresses.client_of(request.remote_addr or "", forwarded_for, services().settings.trusted_proxies)
    return services().access.digest("address", addresses.block_of(found))


def limit_submits(counted: Payer | None) -> None:
    """Raises `TooMany` over 20 submits a second of one owner, or 50 of one address."""
    if counted is None or not counted.stranger:
        return
    # each request without a cookie has an owner of its own
    rated = replace(counted, address=client())
    if (wait := allowance.spend(services().redis, "rate", rated, SUBMITS, 1)) is not None:
        raise TooMany(f"At most {SUBMITS.owner} submits a second of one owner, {SUBMITS.address} of one address", wait)


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
