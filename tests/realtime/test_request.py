"""What a view asks of its request."""

import pytest
from flask import Flask, session
from pydantic import BaseModel

from realtime import request
from workers.errors import BadArguments


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
