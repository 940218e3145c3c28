"""What a submit may ask for beside its job: that a webhook or an address is told of its ends."""

from urllib.parse import urlsplit

from realtime.access import Refusal
from realtime.errors import Refused
from realtime.intake import URL_LIMIT, Notify
from realtime.request import allow, grant, services, visitor
from workers import allowance, endpoints
from workers.errors import BadArguments
from workers.guard import is_web_address
from workers.public import is_inner
from workers.wire import is_address


def accept(wish: Notify | None) -> dict[str, str] | None:
    """{webhook?, email?, by}, as it is kept with the job, once it has been checked and counted.

    Raises `Refused`, `BadArguments`.
    """
    if wish is None:
        return None
    who, token = visitor(), grant()
    allow(services().access.may_notify(who, token))
    wanted = {kind: address for kind, address in wish.model_dump().items() if address is not None}
    if not wanted:
        raise _wrong("notify", "webhook, email or both", "neither")
    settings = services().settings
    if wish.webhook is not None:
        check_address("notify.webhook", wish.webhook)
        if "webhook" not in settings.notices:
            raise _wrong("notify.webhook", "HEADWAY_WEBHOOK_SECRET to be set, which signs it", "nothing")
    if wish.email is not None:
        if not is_address(wish.email):
            raise _wrong("notify.email", "one address such as me@shop.example", "something else")
        if "email" not in settings.notices:
            raise _wrong("notify.email", "HEADWAY_SMTP_URL and HEADWAY_MAIL_FROM to be set", "nothing")
    by = "operator" if who.operator or token is None else f"token:{token.digest}"
    if (wait := allowance.spend_notice(services().redis, by)) is not None:
        raise Refused(
            Refusal("too_many", f"expected at most {allowance.MOST} submits an hour with notify, got more"),
            retry_after=wait,
        )
    return {**wanted, "by": by}


def check_address(field: str, url: str) -> None:
    """Whether we may be sent to `url`; where a name leads is checked when it is used. Raises `BadArguments`."""
    plain = services().settings.allow_private_fetch
    if len(url) > URL_LIMIT:
        raise _wrong(field, f"at most {URL_LIMIT} characters", f"{len(url)}")
    if not is_web_address(url, ("http", "https") if plain else ("https",)):
        raise _wrong(field, "an address that starts with https://", "something else")
    host = urlsplit(url).hostname or ""
    if endpoints.is_nowhere(host, allow_private=plain) or (not plain and is_inner(host)):
        raise not_public(field)


def not_public(field: str) -> BadArguments:
    """One sentence for what is not there and what is not public: else anybody could ask which names we know."""
    return _wrong(field, "a public address", "another")


def _wrong(field: str, expected: str, got: str) -> BadArguments:
    return BadArguments(f"{field}: expected {expected}, got {got}", {field: {"expected": expected, "got": got}})
