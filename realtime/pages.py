"""The pages and the files they load."""

from pathlib import Path

from flask import Blueprint, Response, abort, jsonify, make_response, render_template, session

from realtime import files
from realtime.access import Refusal
from realtime.errors import Refused
from realtime.request import owner, read_json, services, visitor
from workers.wire import CHANNEL, encode_recheck

FRONTEND = Path(__file__).parent.parent / "frontend"
LIBRARIES = {
    "socket.io.js": ("socket.io-client/dist", "socket.io.esm.min.js"),
    "uplot.js": ("uplot/dist", "uPlot.esm.js"),
    "uplot.css": ("uplot/dist", "uPlot.min.css"),
}

blueprint = Blueprint("pages", __name__)


@blueprint.get("/")
def index() -> Response:
    owner()
    return _page("index.html", environment=services().settings.environment, operator=visitor().operator)


@blueprint.get("/login")
def login_page() -> Response:
    return _page("login.html")


def _page(template: str, **values: object) -> Response:
    response = make_response(render_template(template, **values))
    # not `no-store`: browsers would not keep the page for the way back; what it shows of jobs is read anew by then
    response.headers["Cache-Control"] = "no-cache"
    return response


@blueprint.post("/login")
def log_in() -> Response:
    body = read_json()
    token = body.get("token") if isinstance(body, dict) else None
    if not services().access.is_operator_token(token):
        raise Refused(Refusal("unauthorized", "expected the operator's token: use the link that was printed at start"))
    who = owner()
    services().access.log_in(session)
    _recheck(who, operator=True)
    return jsonify(ok=True)


@blueprint.post("/logout")
def log_out() -> Response:
    if session.pop("login", None) is not None:
        _recheck(owner(), operator=False)
    return jsonify(ok=True)


def _recheck(who: str, *, operator: bool) -> None:
    """Have every web process look again at what the open connections of this browser may do."""
    services().redis.publish(CHANNEL, encode_recheck(who, operator))


@blueprint.get("/js/<path:name>")
def script(name: str) -> Response:
    return files.send(FRONTEND / "js", name)


@blueprint.get("/service-worker.js")
def service_worker() -> Response:
    """At the root, since it may speak for what lies below its own address."""
    return files.send(FRONTEND / "js", "service-worker.js")


@blueprint.get("/css/<path:name>")
def style(name: str) -> Response:
    return files.send(FRONTEND / "css", name)


@blueprint.get("/vendor/<name>")
def library(name: str) -> Response:
    """A front-end library, as npm installed it."""
    if name not in LIBRARIES:
        abort(404)
    folder, file = LIBRARIES[name]
    return files.send(FRONTEND / "node_modules" / folder, file)


@blueprint.get("/favicon.ico")
def icon() -> Response:
    return files.send(FRONTEND / "css", "icon.svg")
