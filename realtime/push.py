"""The JSON API of push subscriptions: which browsers of this session want news of ends, and of which."""

from typing import Annotated
from urllib.parse import urlsplit

from flask import Blueprint, Response, jsonify
from pydantic import BaseModel, ConfigDict, Field, field_validator

from realtime import openapi
from realtime.intake import URL_LIMIT
from realtime.notify import check_address, not_public
from realtime.request import allow, limit_submits, owner, parse_body, payer, services
from realtime.schemas import NUMBER, also
from workers import endpoints, subscriptions, webpush
from workers.subscriptions import Ends, Subscription
from workers.vapid import Vapid

KEY_LIMIT = 100  # characters
LONGEST = 366 * 24 * 3600  # seconds

blueprint = Blueprint("push", __name__)


class Keys(BaseModel):
    """What a browser's messages are encrypted for."""

    model_config = ConfigDict(extra="ignore")  # browsers may add others
    p256dh: Annotated[str, Field(max_length=KEY_LIMIT), also(pattern="^[A-Za-z0-9_-]{87}=?$")]
    auth: Annotated[str, Field(max_length=KEY_LIMIT), also(pattern="^[A-Za-z0-9_-]{22}(==)?$")]

    @field_validator("p256dh")
    @classmethod
    def is_point(cls, text: str) -> str:
        if not webpush.is_point(text):
            raise ValueError("the base64url of an uncompressed point on P-256")
        return text

    @field_validator("auth")
    @classmethod
    def is_auth(cls, text: str) -> str:
        if not webpush.is_auth(text):
            raise ValueError("the base64url of 16 bytes")
        return text


class PushSubscription(BaseModel):
    """As the browser's `PushSubscription.toJSON()` has it."""

    model_config = ConfigDict(extra="ignore")  # browsers may add others
    endpoint: Annotated[str, also(format="uri", maxLength=URL_LIMIT)]
    expirationTime: Annotated[int, Field(ge=0), NUMBER] | None = None
    keys: Keys


class PushRequest(BaseModel):
    """The body of a subscription."""

    model_config = ConfigDict(extra="forbid")
    subscription: PushSubscription
    ends: Ends = "all"
    longer_than: Annotated[float, Field(ge=0, le=LONGEST, allow_inf_nan=False), NUMBER] = 0.0  # seconds


class PushEnd(BaseModel):
    """The body that ends a subscription."""

    model_config = ConfigDict(extra="forbid")
    endpoint: str


@blueprint.get("/api/push")
@openapi.describe(answer="PushKey", caller="world")
def read_key() -> Response:
    """The key with which a browser subscribes (applicationServerKey, base64url)."""
    return jsonify(key=Vapid.load(services().redis).public_key)


@blueprint.put("/api/push")
@openapi.describe(body=PushRequest, answer="Ok")
def subscribe() -> Response:
    """Push this session's ends to a browser when no page shows them; the same endpoint again changes what is told."""
    allow(services().access.may_submit())
    counted = payer()
    limit_submits(counted)
    body = parse_body(PushRequest)
    given = body.subscription
    _check_endpoint(given.endpoint)
    services().jobs.check_room()
    subscription = Subscription(
        given.endpoint, given.keys.p256dh, given.keys.auth, body.ends, body.longer_than, given.expirationTime
    )
    subscriptions.put(services().redis, owner(), subscription, counted)
    return jsonify(ok=True)


def _check_endpoint(url: str) -> None:
    """Raises `BadArguments` where no push service can be there."""
    field = "subscription.endpoint"
    check_address(field, url)
    if services().settings.allow_private_fetch:
        return  # names of a private network may be known to the workers alone
    parts = urlsplit(url)
    host = parts.hostname or ""
    if not endpoints.is_service(host) and not endpoints.is_out_there(host, parts.port or 443):
        raise not_public(field)


@blueprint.delete("/api/push")
@openapi.describe(body=PushEnd, answer="Ok")
def unsubscribe() -> Response:
    """Push nothing to this browser any more."""
    body = parse_body(PushEnd)
    subscriptions.remove(services().redis, owner(), subscriptions.digest_of(body.endpoint))
    return jsonify(ok=True)
