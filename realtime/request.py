"""What a view asks of its request: the services, who it is from, whether it may, and what its body says."""

from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

from flask import current_app, request, session
from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import UnsupportedMediaType

from realtime import intake
from realtime.access import Refusal, Visitor, new_owner
from realtime.errors import Refused
from realtime.intake import HUB_LIMIT, Intake, Order
from realtime.sessions import Session
from realtime.tokens import Grant
from workers import addresses, allowance
from workers.errors import BadArguments, TooMany
from workers.fields import SPARE, Model, check
from workers.limits import SUBMITS, Payer

if TYPE_CHECKING:
    from realtime.app import Services

FORM_LIMIT = 16 * 1024  # bytes


def services() -> "Services":
    return cast("Services", current_app.extensions["headway"])


def visitor() -> Visitor:
    """Who the request is from. Raises RedisError where it takes Redis to know, for a login, and Redis is away."""
    here = services()
    return here.access.visitor(here.logins.read(this_session()), request.headers.get("Authorization"))


def check_sender() -> None:
    """Before each request: nobody is a stranger who brings a bearer. Raises `Refused` as `check_bearer`.

    What is open to all reads none; pages have sessions; what is audited checks by itself, and records the refusal.
    """
    view = current_app.view_functions.get(request.endpoint or "")
    description = getattr(view, "openapi", None)
    if request.method != "OPTIONS" and description is not None and description.caller != "world":
        if not hasattr(view, "act"):
            check_bearer()


def check_bearer() -> None:
    """Raises `Refused` (401) where the request brings a bearer that is none of ours, or is over."""
    allow(services().access.may_bring(request.headers.get("Authorization")))


def this_session() -> Session:
    """The session itself, of which Flask's `session` is a proxy."""
    return cast(Session, session._get_current_object())  # type: ignore[attr-defined]


def grant() -> Grant | None:
    """What the token of this request allows, where it brings one."""
    return services().access.grant(request.headers.get("Authorization"))


def is_known() -> bool:
    """Whether this is no stranger: a session that we began, or a program with a token of ours."""
    who, token = visitor(), grant()
    return bool(who.owner) or who.sees or (token is not None and not token.is_over)


def owner() -> str:
    """The owner of what this request makes: its token's, else its session, which begins where there is none.

    Raises RedisError as `visitor`.
    """
    return visitor().owner or session_owner()


def session_owner() -> str:
    """The owner of this session; a client without one gets one. Raises RedisError as `visitor`."""
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
    check_bearer()  # also by the tutorials' routes
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
    """Raises `TooMany` over 20 submits and push subscriptions a second of one owner, or 50 of one address."""
    if counted is None or not counted.stranger:
        return
    # each request without a cookie has an owner of its own
    rated = replace(counted, address=client())
    if (wait := allowance.spend(services().redis, "rate", rated, SUBMITS, 1)) is not None:
        what = "submits and push subscriptions a second"
        raise TooMany(f"At most {SUBMITS.owner} {what} of one owner, {SUBMITS.address} of one address", wait)


def check_origin() -> None:
    """Before each request: a foreign page may read what anyone may, and change nothing. Raises `Refused`."""
    if request.method in ("GET", "HEAD", "OPTIONS"):
        return
    origin = request.headers.get("Origin")
    if not services().access.is_own_origin(origin, request.scheme, request.host):
        said = f"Pages of {str(origin)[:200]} may change nothing here; if they should, name them in HEADWAY_ORIGINS"
        raise Refused(Refusal("forbidden", said))


def check_coding() -> None:
    """Before each request: nothing of ours unpacks a body. Raises 415, which names what we do read."""
    if not request.content_length and "Transfer-Encoding" not in request.headers:
        return  # there is nothing to unpack
    coding = request.headers.get("Content-Encoding", "identity")
    if coding.strip().lower() not in ("", "identity"):
        raise Packed(f"The body is in the coding {coding[:40]!r}: expected it as it is, without Content-Encoding")


class Packed(UnsupportedMediaType):
    """A body in a content coding (RFC 9110 §15.5.16)."""

    def get_headers(self, *args: Any, **kwargs: Any) -> list[tuple[str, str]]:
        return [*super().get_headers(*args, **kwargs), ("Accept-Encoding", "identity")]


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
