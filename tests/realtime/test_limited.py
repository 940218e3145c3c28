"""Requests whose route limits their body, in chunks too."""

import io

import pytest
from werkzeug.exceptions import RequestEntityTooLarge

from realtime.limited import Request


def request_of(body: bytes, limit: int | None, length: int | None = None) -> Request:
    environ = {"REQUEST_METHOD": "POST", "wsgi.input": io.BytesIO(body), "wsgi.input_terminated": True}
    environ |= {"wsgi.url_scheme": "http", "SERVER_NAME": "a.test", "SERVER_PORT": "80"}
    if length is not None:
        environ["CONTENT_LENGTH"] = str(length)
    request = Request(environ)
    request.max_content_length = limit
    return request


@pytest.mark.parametrize("size", [0, 1, 9, 10])
def test_a_body_within_the_limit_is_read_in_full(size: int) -> None:
    assert request_of(b"x" * size, 10).get_data() == b"x" * size
    assert request_of(b"x" * size, 10, size).get_data() == b"x" * size
    assert request_of(b"x" * size, None).get_data() == b"x" * size


@pytest.mark.parametrize("size", [11, 200_000])
def test_no_body_beyond_the_limit_is_taken_for_its_beginning(size: int) -> None:
    with pytest.raises(RequestEntityTooLarge):
        request_of(b"x" * size, 10).get_data()
    with pytest.raises(RequestEntityTooLarge):
        request_of(b"x" * size, 10, size).get_data()


def test_a_form_in_chunks_is_limited_too() -> None:
    def form(limit: int) -> Request:
        request = request_of(b"a=" + b"x" * 100, limit)
        request.environ["CONTENT_TYPE"] = "application/x-www-form-urlencoded"
        return request

    assert len(form(102).form["a"]) == 100
    with pytest.raises(RequestEntityTooLarge):
        form(101).form["a"]
