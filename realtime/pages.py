"""The pages and the files they load."""

from pathlib import Path

from flask import Blueprint, Response, abort, jsonify, make_response, render_template, send_from_directory, session

from realtime.access import Refusal
from realtime.audit import audited
from realtime.errors import Refused
from realtime.request import owner, read_json, services, visitor
from workers.wire import CHANNEL, Recheck, encode_recheck

FRONTEND = Path(__file__).parent.parent / "frontend"
LIBRARIES = {"socket.io.js": ("socket.io-client/dist", "socket.io.esm.min.js")}

blueprint = Blueprint("pages", __name__)


@blueprint.get("/")
def index() -> Response:
    owner()
    return _page(
        "index.html", environment=services().settings.environment, operator=visitor().operator, viewer=visitor().viewer
    )


@blueprint.get("/login")
def login_page() -> Response:
    return _page("login.html")


def _page(template: str, **values: object) -> Response:
    response = make_response(render_template(template, **values))
    # not `no-store`: browsers would not keep the page for the way back; what it shows of jobs is read anew by then
    response.headers["Cache-Control"] = "no-cache"
    return response


@blueprint.post("/login")
@audited("login")
def log_in() -> Response:
    body = read_json()
    token = body.get("token") if isinstance(body, dict) else None
    if not services().access.log_in(session, token):
        raise Refused(Refusal("unauthorized", "expected the operator's token: use the link that was printed at start"))
    _recheck(owner())
    return jsonify(ok=True)


@blueprint.post("/logout")
@audited("logout")
def log_out() -> Response:
    if session.pop("login", None) is not None:
        _recheck(owner())
    return jsonify(ok=True)


def _recheck(owner: str) -> None:
    """Have every web process look again at what the open connections of this browser may do."""
    who = services().access.visitor(session, None)
    services().redis.publish(CHANNEL, encode_recheck(Recheck(owner, who.operator, who.viewer)))


def _file(folder: Path, name: str) -> Response:
    response = send_from_directory(folder, name)
    response.headers["Cache-Control"] = "no-cache"  # asked for again each time, and mostly answered 304
    return response


@blueprint.get("/js/<path:name>")
def script(name: str) -> Response:
    return _file(FRONTEND / "js", name)


@blueprint.get("/css/<path:name>")
def style(name: str) -> Response:
    return _file(FRONTEND / "css", name)


@blueprint.get("/vendor/<name>")
def library(name: str) -> Response:
    """A front-end library, as npm installed it."""
    if name not in LIBRARIES:
        abort(404)
    folder, file = LIBRARIES[name]
    return _file(FRONTEND / "node_modules" / folder, file)


@blueprint.get("/favicon.ico")
def icon() -> Response:
    return _file(FRONTEND / "css", "icon.svg")
