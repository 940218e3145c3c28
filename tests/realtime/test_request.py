"""What a view asks of its request."""

import pytest
from flask import Flask, session
from pydantic import BaseModel, ConfigDict

from realtime import request
from realtime.intake import HUB_LIMIT
from workers.errors import BadArguments


class Query(BaseModel):
    model_config = ConfigDict(extra="forbid")
    number: int = 0


class Body(BaseModel):
    number: int


def test_a_session_begins_once_and_stays(app: Flask) -> None:
    with app.test_request_context("/"):
        assert request.visitor().owner == ""
        owner = request.owner()
        assert owner and request.owner() == owner == request.visitor().owner
        assert session.permanent


def test_a_body_is_parsed_into_its_model(app: Flask) -> None:
    with app.test_request_context("/", method="POST", data=b'{"number": 5}'):
        assert request.parse_body(Body) == Body(number=5)


@pytest.mark.parametrize("data", [b"", b"5", b'{"number": "x"}', b'{"number": Infinity}'])
def test_a_body_that_does_not_fit_says_what_was_expected(data: bytes, app: Flask) -> None:
    with app.test_request_context("/", method="POST", data=data), pytest.raises(BadArguments) as caught:
        request.parse_body(Body)
    assert all(set(wrong) == {"expected", "got"} for wrong in caught.value.fields.values())


def test_more_than_a_submit_ever_says_is_not_parsed_here(app: Flask) -> None:
    with app.test_request_context("/", method="POST", data=b" " * (HUB_LIMIT - 13) + b'{"number": 5}'):
        assert request.parse_body(Body) == Body(number=5)
    with app.test_request_context("/", method="POST", data=b" " * (HUB_LIMIT - 12) + b'{"number": 5}'):
        with pytest.raises(BadArguments, match="at most 65536 bytes, got 65537"):
            request.parse_body(Body)


@pytest.mark.parametrize(("count", "said"), [(10, {f"k{number}" for number in range(10)}), (100_000, {"query"})])
def test_a_query_of_many_parameters_is_refused_as_a_whole(count: int, said: set[str], app: Flask) -> None:
    query = "&".join(f"k{number}=1" for number in range(count))
    with app.test_request_context(f"/?{query}"), pytest.raises(BadArguments) as caught:
        request.parse_query(Query)
    assert set(caught.value.fields) == said


@pytest.mark.parametrize(
    ("kind", "body", "status"),
    [
        ("application/x-www-form-urlencoded", b"type=1", 202),
        ("application/x-www-form-urlencoded", b"a=1&" * 4_000 + b"type=1", 202),
        ("application/x-www-form-urlencoded", b"a=1&" * 250_000, 413),
        ("multipart/form-data; boundary=x", b"--x\r\n" * 100_000, 413),
    ],
)
def test_a_form_is_as_short_as_the_tutorials_have_it(kind: str, body: bytes, status: int, app: Flask) -> None:
    answer = app.test_client().post("/tasks", data=body, content_type=kind)
    assert answer.status_code == status
