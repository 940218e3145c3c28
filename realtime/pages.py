"""The pages and the files they load."""

import json
import platform
import time
from functools import lru_cache
from importlib import metadata
from pathlib import Path

from flask import (
    Blueprint,
    Response,
    abort,
    jsonify,
    make_response,
    redirect,
    render_template,
    request,
    session,
    url_for,
)
from werkzeug.wrappers import Response as AnyResponse

from realtime import files, modules
from realtime.access import Refusal, new_owner
from realtime.audit import audited, keep_who
from realtime.errors import Refused
from realtime.request import client, read_json, services, session_owner, this_session, visitor
from workers import logins
from workers.database import channel_of
from workers.errors import TooMany
from workers.release import VERSION
from workers.wire import Recheck, encode_recheck

FRONTEND = Path(__file__).parent.parent / "frontend"
LIBRARIES = {
    "socket.io.js": ("socket.io-client/dist", "socket.io.esm.min.js"),
    "uplot.js": ("uplot/dist", "uPlot.esm.js"),
    "uplot.css": ("uplot/dist", "uPlot.min.css"),
}
PAGES_KEPT = 64  # each kind of visitor's of each view
DAY = 24 * 3600  # seconds
MINE = (("/", "My jobs"), ("/jobs", "Jobs"))
ALL = (
    *(("/", "My jobs"), ("/queues", "Queues"), ("/jobs", "Jobs"), ("/workers", "Workers")),
    *(("/schedule", "Schedule"), ("/audit", "Audit")),
)

blueprint = Blueprint("pages", __name__)


@blueprint.get("/")
def index() -> Response:
    return show("index.html", "/")


@blueprint.get("/jobs")
def jobs_page() -> Response:
    return show("jobs.html", "/jobs")


@blueprint.get("/jobs/<id>")
def job_page(id: str) -> Response:
    """The same for every id: what there is to see of it, the page asks for."""
    return show("job.html", "/jobs")


@blueprint.get("/queues")
def queues_page() -> AnyResponse:
    return _of_all("queues.html", "/queues")


@blueprint.get("/workers")
def workers_page() -> AnyResponse:
    return _of_all("workers.html", "/workers")


@blueprint.get("/schedule")
def schedule_page() -> AnyResponse:
    return _of_all("schedule.html", "/schedule")


@blueprint.get("/audit")
def audit_page() -> AnyResponse:
    return _of_all("audit.html", "/audit")


@blueprint.get("/login")
def login_page() -> Response:
    return show("login.html", "/login")


def _of_all(template: str, here: str) -> AnyResponse:
    return show(template, here) if visitor().sees else redirect(url_for("pages.index"))


def show(template: str, here: str, **values: object) -> Response:
    """A page; `here` is its place among the views."""
    session_owner()  # a session begins with the first page
    if session.get("day") != (today := int(time.time() // DAY)) or this_session().moves:
        session["day"] = today  # and lives on as long as pages are opened
        services().logins.renew(this_session())
    who, may_act = visitor(), services().access.may_submit() is None
    render = _rendered if not values else _rendered.__wrapped__  # what differs each time is not kept
    text = render(
        template,
        _release(),
        root=request.script_root,
        here=here,
        sees=who.sees,
        role="operator" if who.operator else "viewer" if who.viewer else "",
        # a viewer acts on what is their own, which stands among other people's jobs in all views but one
        acts="yes" if may_act and (here == "/" or not who.viewer) else "no",
        environment=services().settings.environment,
        **values,
    )
    response = make_response(text)
    # not `no-store`: browsers would not keep the page for the way back; what it shows of jobs is read anew by then
    response.headers["Cache-Control"] = "private, no-cache"
    return response


@lru_cache(PAGES_KEPT)
def _rendered(template: str, release: str, *, root: str, sees: bool, **values: object) -> str:
    """A page's HTML: it depends on what is given here alone, so it is made once for all who see the same."""
    html = render_template(
        template,
        root=root,
        files=f"{root}/v/{release}",
        views=ALL if sees else MINE,
        versions=_versions() if sees else "",
        **values,
    )
    return modules.preload(html, FRONTEND / "js", release)


@lru_cache(1)
def _versions() -> str:
    """Of what runs here: a stranger could look up its faults."""
    return f"Headway {VERSION} · RQ {metadata.version('rq')} · Python {platform.python_version()}"


@blueprint.post("/login")
@audited("login", by_bearer=False)
def log_in() -> Response:
    body = read_json()
    token = body.get("token") if isinstance(body, dict) else None
    here, before = services(), visitor()
    address = client()
    if (wait := logins.attempt(here.redis, address)) is not None:
        raise TooMany("Too many wrong tokens came from your address; wait before you try again", wait)
    digest = here.access.login_with(token)
    if digest is None:
        raise Refused(
            Refusal("unauthorized", "This is not the operator's token; use the link that was printed at start")
        )
    logins.succeeded(here.redis, address)
    number = here.logins.begin(digest)
    if "login" in session:
        here.logins.end(session)
    _become(new_owner(), number)
    who = visitor()
    if before.owner:
        here.redis.publish(channel_of(here.redis), encode_recheck(Recheck(before.owner, who.operator, who.viewer)))
    return jsonify(ok=True)


@blueprint.post("/logout")
@audited("logout", by_bearer=False)
def log_out() -> Response:
    keep_who()
    if "login" in session:
        services().logins.end(session)
        _become(new_owner())
    return jsonify(ok=True)


def _become(owner: str, login: str = "") -> None:
    """Begin a session that shares nothing with the one of before, which somebody may have planted or copied."""
    mine = this_session()
    mine.clear()
    mine.digest, mine.claim, mine.moves = None, "", False
    mine.update({"owner": owner, "login": login} if login else {"owner": owner})
    mine.permanent = True


# what pages load has the release in its address, so that a browser asks for nothing that it has
@blueprint.get("/v/<release>/js/<path:name>")
def script(name: str, release: str) -> Response:
    return _file(FRONTEND / "js", name, release)


@blueprint.get("/js/<path:name>")
def module(name: str) -> Response:
    """Pages of others name no release: they are given the one that is, and with ours on one page it is there once."""
    files.find(FRONTEND / "js", name)
    # relative: a proxy may have us below an address that we don't know
    path = f"{'../' * (1 + name.count('/'))}v/{_release()}/js/{name}"
    response = Response(f"export * from {json.dumps(path)};\n", mimetype="text/javascript")
    response.headers["Cache-Control"] = "no-cache"
    return response


@blueprint.get("/service-worker.js")
def service_worker() -> Response:
    """At the root, since it may speak for what lies below its own address."""
    return files.send(FRONTEND / "js", "service-worker.js")


@blueprint.get("/css/<path:name>")
@blueprint.get("/v/<release>/css/<path:name>")
def style(name: str, release: str = "") -> Response:
    return _file(FRONTEND / "css", name, release)


@blueprint.get("/vendor/<name>")
@blueprint.get("/v/<release>/vendor/<name>")
def library(name: str, release: str = "") -> Response:
    """A front-end library, as npm installed it."""
    if name not in LIBRARIES:
        abort(404)
    folder, file = LIBRARIES[name]
    return _file(FRONTEND / "node_modules" / folder, file, release)


def _file(folder: Path, name: str, release: str) -> Response:
    """Of another release than ours (a server is being updated) there is only what we have, and it is not to be kept."""
    return files.send(folder, name, keep=release != "" and release == _release())


def _release() -> str:
    return _release_at(int(time.monotonic()))


@lru_cache(1)
def _release_at(second: int) -> str:
    """Of all that we send: looked at once a second, not for each of the files that a page loads."""
    return files.release(FRONTEND, [FRONTEND / "node_modules" / folder / file for folder, file in LIBRARIES.values()])


@blueprint.get("/favicon.ico")
def icon() -> Response:
    return files.send(FRONTEND / "css", "icon.svg")
