"""Who may do what. The only place that decides; everything else asks here."""

import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlsplit

from realtime.tokens import Grant, Tokens
from realtime.tokens import sign as sign  # for programs that run beside Headway
from workers.settings import Secrets, Settings
from workers.wire import is_queue_name


@dataclass(frozen=True, slots=True)
class Visitor:
    """A browser or a program. `owner` is '' for a program that keeps no session."""

    owner: str
    operator: bool
    viewer: bool = False  # sees what an operator sees, and acts as anybody
    login: str = field(default="", compare=False, repr=False)  # its number; '': it is no login that makes it so
    wrong_token: bool = field(default=False, compare=False)  # it showed one that is none of ours, or has expired

    @property
    def sees(self) -> bool:
        """Whether it sees everybody's jobs, queues and workers."""
        return self.operator or self.viewer

    @property
    def acting(self) -> "Visitor":
        """Who it is when it acts: there a viewer is like anybody."""
        return replace(self, viewer=False)


STRANGER = Visitor("", False)


@dataclass(frozen=True, slots=True)
class Refusal:
    code: str  # one of the contract's error codes
    message: str


UNAUTHORIZED = Refusal("unauthorized", "This needs a session: load the page, or keep the cookie of a first request")
EXPIRED = Refusal("expired", "This token has expired; get a new one")
READ_ONLY = Refusal("forbidden", "this installation is read-only")
OPERATORS_ONLY = Refusal("forbidden", "Only an operator may do this: log in with the link that was printed at start")
SEERS_ONLY = Refusal(
    "forbidden", "Only operators and viewers may see this: log in with the link that was printed at start"
)
NOT_READABLE = Refusal("forbidden", "Only the job's owner, an operator or a viewer may see this")
OWNERS_ONLY = Refusal("forbidden", "Only the job's owner or an operator may do this")
NO_TOKEN = Refusal(
    "unauthorized",
    "Only an operator may do this: send `Authorization: Bearer <token>`, or log in with the link that was printed at"
    " start",
)
WRONG_TOKEN = Refusal("unauthorized", "This token is none of this installation's")

GET_REFUSED = Refusal(
    "forbidden",
    "Only a page of this server may submit a job by GET. A program can POST to /api/jobs, or keep the cookies that a"
    " first request to / has set",
)


class Access:
    def __init__(self, settings: Settings, secrets_: Secrets) -> None:
        self._origins = frozenset(settings.origins)
        self._operator_token = secrets_.operator_token.strip()  # a file that it came from may end in a newline
        self._viewer_token = secrets_.viewer_token.strip()
        self._read_only = settings.read_only
        self._secret_key = secrets_.secret_key.encode()
        self.tokens = Tokens(secrets_.secret_key)

    def visitor(self, session: Mapping[str, Any], authorization: str | None) -> Visitor:
        """Who this is, by session or by `Authorization: Bearer <token>` of an operator or a viewer.

        In `session`, `login` is the digest of a token, as `Logins.read` gives it. All that comes with one token of ours
        is of one owner: a program keeps no cookies.
        """
        scheme, _, rest = (authorization or "").partition(" ")
        token = rest.strip() if scheme.lower() == "bearer" else ""
        login = session.get("login")
        operator = _same(token, self._operator_token) or _same(login, _login(self._operator_token))
        viewer = bool(self._viewer_token) and not operator
        viewer = viewer and (_same(token, self._viewer_token) or _same(login, _login(self._viewer_token)))
        owner = self._owner_of(token) if token else ""
        wrong = bool(token) and not owner
        return Visitor(owner or str(session.get("owner", "")), operator, viewer, wrong_token=wrong)

    def judge(self, token: str) -> Refusal | None:
        """Whether `token` is one by which we know somebody: an operator's, a viewer's, or one that we signed."""
        if self._owner_of(token):
            return None
        return WRONG_TOKEN if self.grant(token) is None else EXPIRED

    def may_bring(self, authorization: str | None) -> Refusal | None:
        """Whether a request may have this Authorization: any but a bearer that names nobody.

        Another scheme is none of ours: a proxy in front may have asked for it.
        """
        scheme, _, rest = (authorization or "").strip().partition(" ")
        return self.judge(rest.strip()) if scheme.lower() == "bearer" else None

    def _owner_of(self, token: str) -> str:
        """'' of what is no token of ours, or of one that has expired."""
        if _same(token, self._operator_token) or (self._viewer_token and _same(token, self._viewer_token)):
            return self.digest("owner", token)
        grant = self.tokens.read(token)
        return self.digest("owner", grant.digest) if grant is not None and not grant.is_over else ""

    def digest(self, what: str, text: str) -> str:
        """A name for `text` that tells nobody what it is, and is the same whenever this installation makes it."""
        return hmac.digest(self._secret_key, f"{what}:{text}".encode(errors="surrogatepass"), "sha256").hex()[:32]

    def grant(self, token: Any) -> Grant | None:
        """What `token`, or the header `Bearer <token>`, says; None where it is none of ours."""
        if not isinstance(token, str):
            return None
        scheme, _, rest = token.partition(" ")
        return self.tokens.read(rest.strip() if scheme.lower() == "bearer" else token)

    def login_with(self, token: Any) -> str | None:
        """The digest by which we know a login with the operator's or the viewers' token; None where it is neither."""
        for known in (self._operator_token, self._viewer_token):
            if known and isinstance(token, str) and _same(token.strip(), known):
                return _login(known)
        return None

    # -- origins

    def is_own_origin(self, origin: str | None, scheme: str, host: str) -> bool:
        """Whether a request may come from a page of `origin`. None is a program, which is accepted."""
        if origin is None or origin in self._origins:
            return True
        try:
            parts = urlsplit(origin)
        except ValueError:
            return False
        return (parts.scheme, parts.netloc) == (scheme, host)

    def is_https(self, scheme: str, host: str) -> bool:
        """Whether browsers reach us by HTTPS: of a proxy that speaks it, the settings name the origin."""
        if scheme == "https":
            return True
        return f"https://{host.lower()}" in self._origins and f"http://{host.lower()}" not in self._origins

    def may_submit_by_get(
        self, fetch_site: str | None, source: str | None, scheme: str, host: str, *, of_this_site: bool
    ) -> Refusal | None:
        """A page of ours may, and a person who types the address, but no image or link on a foreign page.

        Over HTTPS and on this machine browsers say who sends a request (`fetch_site`). Elsewhere it has to come from a
        page of ours (`source`: Origin or Referer) or, where it names none, with a cookie that no other site can send.
        """
        if fetch_site is not None:
            allowed = fetch_site in ("same-origin", "none")
        elif source is not None:
            origin = _origin_of(source)
            allowed = urlsplit(origin).netloc == host and self.is_own_origin(origin, scheme, host)
        else:
            allowed = of_this_site
        return None if allowed else GET_REFUSED

    # -- jobs and topics

    def may_watch(
        self, visitor: Visitor, topic: str, grant: Grant | None = None, job_owner: str = ""
    ) -> Refusal | None:
        """`job:<id>` is open to whoever knows the unguessable id; `mine` needs a session; `log:<id>` whoever
        may read it; the rest operators and viewers, or a token for it."""
        if grant is not None and grant.covers(topic) and not visitor.sees:
            return EXPIRED if grant.is_over else None  # who shows a token is bound by it
        return self._may_watch(visitor, topic, job_owner)

    def _may_watch(self, visitor: Visitor, topic: str, job_owner: str) -> Refusal | None:
        kind, colon, name = topic.partition(":")
        if kind == "job" and colon and name:
            return None
        if kind == "log" and colon and name:
            return self.may_read(visitor, job_owner)
        if topic == "mine":
            return None if visitor.owner else UNAUTHORIZED
        if topic in ("jobs", "stats", "schedule") or (kind == "queue" and is_queue_name(name)):
            return None if visitor.sees else SEERS_ONLY
        return Refusal(
            "bad_request",
            f"expected job:<id>, log:<id>, mine, jobs, queue:<name>, stats or schedule, got {topic[:80]!r}",
        )

    def may_act(self, visitor: Visitor, owner: str, topic: str = "", grant: Grant | None = None) -> Refusal | None:
        """Stop, cancel, requeue, delete: its owner, an operator, or a token for its `topic` that allows it."""
        if self._read_only:
            return READ_ONLY
        if visitor.operator or (owner and visitor.owner == owner):
            return None
        if grant is not None and grant.act and grant.covers(topic):
            return EXPIRED if grant.is_over else None
        return OWNERS_ONLY

    def may_notify(self, visitor: Visitor, grant: Grant | None) -> Refusal | None:
        """Have a webhook or an address told of a job's ends: an operator, or a token that says so."""
        if visitor.operator:
            return None
        if grant is not None and grant.notify:
            return EXPIRED if grant.is_over else None
        return Refusal("forbidden", "Only an operator, or a token that was made with notify, may say notify")

    def may_submit(self) -> Refusal | None:
        """Anybody may, but where nobody may."""
        return READ_ONLY if self._read_only else None

    def may_see(self, visitor: Visitor, owner: str) -> bool:
        """Arguments, traceback and attempts of a job: its owner, operators and viewers, and no token."""
        return visitor.sees or bool(owner and visitor.owner == owner)

    def may_read(self, visitor: Visitor, owner: str) -> Refusal | None:
        """The log of a job, which may show what arguments do, and its relatives: whoever sees those."""
        return None if self.may_see(visitor, owner) else NOT_READABLE

    def may_oversee(self, visitor: Visitor) -> Refusal | None:
        """Look at what concerns all: queues, workers, metrics, the audit log."""
        return None if visitor.sees else _only(SEERS_ONLY, visitor)

    def may_operate(self, visitor: Visitor) -> Refusal | None:
        """Act on what concerns all."""
        return READ_ONLY if self._read_only else None if visitor.operator else _only(OPERATORS_ONLY, visitor)

    def may_sign(self, visitor: Visitor) -> Refusal | None:
        """Make tokens, which change nothing by themselves."""
        return None if visitor.operator else _only(OPERATORS_ONLY, visitor)


def _only(known: Refusal, visitor: Visitor) -> Refusal:
    """401 for a program that has yet to say who it is, 403 for somebody we know (RFC 9110 §15.5.2)."""
    return NO_TOKEN if visitor.wrong_token or not visitor.owner else known


def _login(token: str) -> str:
    # a digest, so that a new token ends old logins, and the cookie (signed, not encrypted) doesn't show it
    return hmac.digest(token.encode(), b"login", "sha256").hex()


def _same(given: Any, known: str) -> bool:
    return isinstance(given, str) and hmac.compare_digest(_bytes(given), _bytes(known))


def _bytes(text: str) -> bytes:
    return text.encode(errors="surrogatepass")


def _origin_of(url: str) -> str:
    """The origin of a page's address; '' where it is none."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    return f"{parts.scheme}://{parts.netloc}" if parts.netloc else ""


def new_owner() -> str:
    return secrets.token_urlsafe(16)
