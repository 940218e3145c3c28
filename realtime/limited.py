"""Requests whose body is bounded by its route, also where it comes in chunks and nobody knows its length before."""

from typing import IO, cast

import flask
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.utils import cached_property
from werkzeug.wsgi import LimitedStream


class Limited(LimitedStream):
    """Werkzeug's own gives the first `limit` bytes of a longer body as if they were all of it."""

    def on_exhausted(self) -> None:
        """Called where `limit` bytes were read. Raises `RequestEntityTooLarge` where there are more."""
        if self._stream.read(1):
            raise RequestEntityTooLarge()

    def readall(self) -> bytes:
        data = super().readall()
        if data and self.is_exhausted:
            self.on_exhausted()
        return data


class Request(flask.Request):
    """One whose body ends where the server says, at the latest at `max_content_length`."""

    @cached_property
    def stream(self) -> IO[bytes]:
        limit = self.max_content_length
        if self.environ.get("wsgi.input_terminated") and limit is not None:
            if (self.content_length or 0) > limit:
                raise RequestEntityTooLarge()  # before any of it is read
            return cast(IO[bytes], Limited(self.environ["wsgi.input"], limit, is_max=True))
        return super().stream
