"""Records what is done over HTTP, and what was refused; and shows it."""

from collections.abc import Callable
from functools import wraps
from typing import Annotated, Any, TypeVar, cast

from flask import Blueprint, Response, g, jsonify
from pydantic import BaseModel, ConfigDict, Field

from realtime import openapi
from realtime.errors import code_of
from realtime.request import allow, check_bearer, grant, parse_query, services, visitor
from workers import audit
from workers.audit import IDS_LIMIT, Entry

WHO = 8  # characters of an owner's id: enough to tell one from another, and none can act by them
NAME_LIMIT = 200  # characters of what a request says itself

View = TypeVar("View", bound=Callable[..., Any])

blueprint = Blueprint("audit", __name__)


class AuditQuery(BaseModel):
    """The query of the audit log."""

    model_config = ConfigDict(extra="forbid")
    cursor: Annotated[str, Field(pattern=r"^[0-9]{1,16}-[0-9]{1,16}o?$")] | None = None
    limit: Annotated[int, Field(ge=1, le=200)] = 50


@blueprint.get("/api/audit")
@openapi.describe(query=AuditQuery, answer="Audit", caller="overseer")
def read_audit() -> Response:
    """Who did what, newest first: the last 10,000 acts, refused ones too; of strangers 10,000 more."""
    allow(services().access.may_oversee(visitor()))
    asked = parse_query(AuditQuery)
    entries, cursor = audit.read(services().redis, asked.cursor, asked.limit)
    return jsonify(entries=entries, cursor=cursor)


def audited(what: str, *, by_bearer: bool = True) -> Callable[[View], View]:
    """Record each request of a view: what it did, or why not. The view may say more with `concerns`.

    `by_bearer`: whether a bearer says who acts, so that one that names nobody is refused.
    """

    def mark(view: View) -> View:
        @wraps(view)
        def recorded(**named: str) -> Any:
            g.act, g.which = what, {name: value[:NAME_LIMIT] for name, value in named.items()}
            result = "ok"
            try:
                if by_bearer:
                    check_bearer()
                return view(**named)
            except Exception as error:
                result = code_of(error)
                raise
            finally:
                _record(result)

        recorded.act = what  # type: ignore[attr-defined]
        return cast(View, recorded)

    return mark


def keep_who() -> None:
    """Record the present client, which is somebody else once the request is answered. Raises RedisError."""
    g.who = _who(), _is_stranger()


def _record(result: str) -> None:
    """What strangers were refused is counted, not listed: there is no end of it."""
    who, is_stranger = g.get("who") or (_who(), _is_stranger())
    if is_stranger and result != "ok":
        audit.count_refusal(services().redis, g.act, result)
    else:
        audit.write(services().redis, Entry(who, g.act, g.which, result), stranger=is_stranger)


def _is_stranger() -> bool:
    return not visitor().sees and grant() is None


def concerns(what: str = "", *, ids: list[str] | None = None, **which: Any) -> None:
    """Say what the request that is being answered is about."""
    g.act = what or g.act
    if ids is not None:
        which |= {"ids": [id[:NAME_LIMIT] for id in ids[:IDS_LIMIT]], "count": len(ids)}
    g.which = {**g.which, **which}


def _who() -> str:
    who = visitor()
    if who.sees:
        return "operator" if who.operator else "viewer"
    return "token" if grant() is not None else who.owner[:WHO]
