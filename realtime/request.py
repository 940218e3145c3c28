"""What a view asks of its request: the services, who it is from, whether it may, and what its body says."""

from typing import TYPE_CHECKING, Any, cast

from flask import current_app, request, session
from werkzeug.datastructures import MultiDict

from realtime import intake
from realtime.access import Refusal, Visitor, new_owner
from realtime.errors import Refused
from realtime.intake import HUB_LIMIT, Intake, Order
from realtime.tokens import Grant
from workers.errors import BadArguments
from workers.fields import SPARE, Model, check

if TYPE_CHECKING:
    from realtime.app import Services

SUBMITS_A_SECOND = 20  # of one owner
FORM_LIMIT = 16 * 1024  # bytes


def services() -> "Services":
    return cast("Services", current_app.extensions["headway"])


def visitor() -> Visitor:
    return services().access.visitor(session, request.headers.get("Authorization"))


def grant() -> Grant | None:
    """What the token of this request allows, where it brings one."""
    return services().access.grant(request.headers.get("Authorization"))


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


def form() -> MultiDict[str, str]:
    """The fields of a form. Those of the tutorials have one short field, and are parsed where viewers are served."""
    request.max_content_length = FORM_LIMIT
    return request.form


def read_json() -> Any:
    """The body as JSON, whatever its content type says. Raises `BadArguments`."""
    return intake.as_json(_small_body())


def parse_body(model: type[Model]) -> Model:
    """The JSON body as `model`. Raises `BadArguments`."""
    return intake.as_model(_small_body(), model)


def _small_body() -> bytes:
    """Raises `BadArguments` where it has more than the hub reads: only submits have so much to say."""
    body = request.get_data(cache=False)  # 413 where it is too long for any route
    if len(body) > HUB_LIMIT:
        wrong = {"body": {"expected": f"at most {HUB_LIMIT} bytes", "got": f"{len(body)}"}}
        raise BadArguments(f"expected a body of at most {HUB_LIMIT} bytes, got {len(body)}", wrong)
    return body


def take_in(order: Order, limit: int | None = None) -> Intake:
    """What a body submits; large ones are read in another process. `limit` in bytes, where it is not as everywhere.

    Raises `BadArguments`, `WireError`, `Refused`.
    """
    if limit is not None:
        request.max_content_length = limit
    return services().read_aside(order, request.get_data(cache=False))


def parse_query(model: type[Model]) -> Model:
    """The query as `model`. Raises `BadArguments`."""
    most = len(model.model_fields) + SPARE
    count = request.query_string.count(b"&") + 1
    if count > most:  # before they are read one by one
        wrong = {"query": {"expected": f"at most {most} parameters", "got": f"{count}"}}
        raise BadArguments(f"expected at most {most} parameters in the query, got {count}", wrong)
    return check(model, request.args.to_dict(), what="wrong query", whole="query")
