"""The routes of the tutorials people start from, with their exact answers, so that their front ends work unchanged."""

import re
import time
from typing import Any

from flask import Blueprint, Response, jsonify, redirect, request, session, url_for
from werkzeug.wrappers import Response as AnyResponse

from realtime import pages
from realtime.access import Refusal
from realtime.errors import Refused
from realtime.intake import Order
from realtime.request import allow, form, services, submitter, take_in
from workers import detail, records
from workers.errors import BadArguments, NotFound
from workers.jobs.books import QUEUE as BOOK_QUEUE
from workers.jobs.books import is_book_url, load_book
from workers.tasks import DEFAULT_QUEUE
from workers.wire import Status, index_key

blueprint = Blueprint("tutorials", __name__)


def submit_by_get(task: str, args: dict[str, Any]) -> str | None:
    """Submit by an address that is opened, where that is a page of ours or a person; None where HEAD only looks at it.

    Raises `Refused`: an image or a link on a foreign page must not be able to.
    """
    if request.method == "HEAD":
        return None
    if request.method == "GET":
        of_this_site = "owner" in session and services().sessions.is_of_this_site(request)
        fetch_site = request.headers.get("Sec-Fetch-Site")
        source = request.headers.get("Origin") or request.headers.get("Referer")
        access, scheme, host = services().access, request.scheme, request.host
        allow(access.may_submit_by_get(fetch_site, source, scheme, host, of_this_site=of_this_site))
    return submit(task, args)


def submit(task: str, args: dict[str, Any]) -> str:
    who, payer = submitter()
    return services().jobs.submit(task, args, owner=who, payer=payer).state.id


@blueprint.post("/tasks")
def create() -> tuple[Response, int]:
    given = form()
    if "type" not in given:
        raise Refused(Refusal("bad_request", "expected the form field type, got none"))
    id = submit("create_task", {"task_type": given["type"]})
    return jsonify(status="success", data={"task_id": id}), 202


@blueprint.get("/tasks/<id>")
def status(id: str) -> Response:
    jobs = services().jobs
    try:
        state = jobs.load(id).state
    except NotFound:
        return jsonify(status="error")
    result = state.result
    if state.result_truncated:
        result = detail.read(services().redis, state, jobs.tasks).result
    # `lost` is a word of ours: to RQ, and to these pages, such a job is started
    shown = Status.STARTED if state.status == Status.LOST else state.status
    return jsonify(status="success", data={"task_id": id, "task_status": shown, "task_result": result})


@blueprint.get("/task")
def add_text() -> str:
    text = request.args.get("n")
    if not text:
        return "No value for count provided"
    if (id := submit_by_get("text_length", {"text": text})) is None:
        return ""
    return f"Task ({id}) added to queue at {time.strftime('%Y-%m-%d %H:%M:%S')}"


@blueprint.route("/add-task", methods=["GET", "POST"])
def add_url() -> Response:
    url = request.args.get("url") or form().get("url", "")
    message = ""
    if url and (id := submit_by_get("count_words", {"url": url})) is not None:
        message = f"Task {id} queued at {time.strftime('%Y-%m-%d %H:%M:%S')}"
    return pages.show("add_task.html", "/", message=message)


@blueprint.post("/parseGoodreadsLinks")
def parse_links() -> tuple[str, int] | str:
    who, payer = submitter()
    try:
        given = take_in(Order("books", services().settings.books_url))
    except BadArguments:
        return "Only array of goodreads book links is accepted.", 400
    submit_many = services().jobs.submit_many
    submit_many(given.task, given.arguments, owner=who, queue=BOOK_QUEUE, payer=payer)
    return f"{len(given.arguments)} books are scheduled for info parsing."


@blueprint.get("/getBookInfo")
def book() -> Response | tuple[str, int] | str:
    url = request.args.get("url", "")
    if not is_book_url(url, services().settings.books_url):
        return "'url' query parameter is required. It must be a valid goodreads book URL.", 400
    found = load_book(services().redis, url)
    return jsonify(found) if found else "No meta info found for this book."


@blueprint.get("/get/")
def queue_length() -> str:
    redis = services().redis
    return str(records.ask(lambda: redis.zcard(index_key(f"queue:{DEFAULT_QUEUE}", Status.QUEUED)), 0))


@blueprint.get("/rqstatus")
@blueprint.get("/rq")
@blueprint.get("/rq/", defaults={"rest": ""})
@blueprint.get("/rq/<path:rest>")
def dashboard(rest: str = "") -> AnyResponse:
    """Where other dashboards stood: to the job of a bookmark, or the queues; who is no operator is led on."""
    if job := re.search(r"(?:^|/)job/([A-Za-z0-9_-]{1,128})$", rest):
        return redirect(url_for("pages.job_page", id=job[1]))
    return redirect(url_for("pages.queues_page"))
