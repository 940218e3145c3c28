"""Every error of the HTTP side in one shape: {error: {code, message, fields?}}."""

import logging
from typing import Any

from flask import Flask, Response, jsonify, request
from redis.exceptions import RedisError
from werkzeug.exceptions import HTTPException, MethodNotAllowed

from realtime.access import Refusal
from realtime.framing import Fault
from workers import trouble
from workers.errors import BadArguments, Conflict, Full, HeadwayError, NotFound, TakenBack, TooMany
from workers.fields import cut

RETRY_AFTER = 2  # seconds
MESSAGE_LIMIT = 2000  # characters
RETRY_AFTER_FULL = 30  # seconds
CODES = {400: "bad_request", 401: "unauthorized", 403: "forbidden", 404: "not_found", 409: "conflict"}
CODES |= {405: "bad_request", 413: "too_large", 415: "bad_request", 429: "too_many", 503: "unavailable"}
STATUSES = {"bad_request": 400, "unauthorized": 401, "expired": 401, "forbidden": 403, "not_found": 404}
STATUSES |= {"too_many": 429, "unavailable": 503}

log = logging.getLogger("headway.http")


KINDS: dict[type[Exception], str] = {NotFound: "not_found", Conflict: "conflict"}
KINDS |= {Full: "unavailable", TakenBack: "unavailable", TooMany: "too_many"}


class Refused(Exception):
    """Raised by a view that `Access`, or a limit, has refused."""

    def __init__(self, refusal: Refusal, retry_after: int | None = None) -> None:
        super().__init__(refusal.message)
        self.refusal = refusal
        self.retry_after = retry_after


def code_of(error: Exception) -> str:
    """The code by which the answer to this error calls it."""
    if isinstance(error, Refused):
        return error.refusal.code
    if isinstance(error, BadArguments | Fault):
        return error.code
    if isinstance(error, HTTPException):
        return CODES.get(error.code or 500, "unavailable")
    return KINDS.get(type(error), "bad_request" if isinstance(error, HeadwayError) else "unavailable")


def answer(status: int, code: str, message: str, *, retry_after: int | None = None, **more: Any) -> Response:
    response = jsonify(error={"code": code, "message": cut(message, MESSAGE_LIMIT), **more})
    response.status_code = status
    if retry_after is not None:
        response.headers["Retry-After"] = str(retry_after)
    if status == 401:
        response.headers["WWW-Authenticate"] = "Bearer"
    return response


def _words(error: HTTPException) -> str:
    """What Werkzeug says in general, said of this request."""
    if error.code == 404:
        return "There is nothing at this address; /api/openapi.json lists the API"
    if isinstance(error, MethodNotAllowed):
        return f"Expected {' or '.join(sorted(error.valid_methods or ()))} at this address, got {request.method[:20]}"
    if error.code == 413:
        return f"The body is larger than {request.max_content_length} bytes"
    return error.description or error.name


def register(app: Flask) -> None:
    @app.errorhandler(BadArguments)
    def bad_arguments(error: BadArguments) -> Response:
        return answer(400, error.code, str(error), fields=error.fields)

    @app.errorhandler(NotFound)
    def not_found(error: NotFound) -> Response:
        return answer(404, "not_found", str(error))

    @app.errorhandler(Conflict)
    def conflict(error: Conflict) -> Response:
        return answer(409, "conflict", str(error))

    @app.errorhandler(Full)
    def full(error: Full) -> Response:
        return answer(503, "unavailable", str(error), retry_after=RETRY_AFTER_FULL)

    @app.errorhandler(TakenBack)
    def taken_back(error: TakenBack) -> Response:
        return answer(503, "unavailable", str(error), retry_after=RETRY_AFTER)

    @app.errorhandler(TooMany)
    def too_many(error: TooMany) -> Response:
        return answer(429, "too_many", str(error), retry_after=error.retry_after)

    @app.errorhandler(HeadwayError)
    def other(error: HeadwayError) -> Response:
        return answer(400, "bad_request", str(error))

    @app.errorhandler(Refused)
    def refused(error: Refused) -> Response:
        code = error.refusal.code
        return answer(STATUSES[code], code, error.refusal.message, retry_after=error.retry_after)

    @app.errorhandler(Fault)
    def faulty(error: Fault) -> Response:
        return answer(error.status, error.code, str(error), retry_after=error.retry_after)

    @app.errorhandler(RedisError)
    def redis_away(error: RedisError) -> Response:
        why = trouble.sentence(error)
        if why is None:
            return unexpected(error)
        log.warning("Redis: %s", trouble.words_of(error))
        return answer(503, "unavailable", f"{why}; try again in a moment", retry_after=RETRY_AFTER)

    @app.errorhandler(HTTPException)
    def http(error: HTTPException) -> Response:
        status = error.code or 500
        if status < 400:
            return error.get_response()  # type: ignore[return-value]  # a redirect
        response = answer(status, CODES.get(status, "unavailable"), _words(error))
        # such as Allow, and Accept-Encoding of a body in a coding that we don't read
        response.headers.extend((name, value) for name, value in error.get_headers() if name != "Content-Type")
        return response

    @app.errorhandler(Exception)
    def unexpected(error: Exception) -> Response:
        log.error("a request could not be answered", exc_info=error)
        return answer(500, "unavailable", "something went wrong on our side; it has been logged")
