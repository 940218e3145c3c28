"""What answers are made of, as /api/openapi.json describes it."""

from typing import Annotated

import pytest
from pydantic import BaseModel, Field, ValidationError

from realtime import schemas
from workers.wire import FIELDS, Status


def test_a_state_is_described_field_by_field() -> None:
    assert tuple(schemas.SCHEMAS["State"]["properties"]) == FIELDS


def test_a_state_is_described_once() -> None:
    assert schemas.SCHEMAS["JobPage"]["properties"]["jobs"]["items"] == schemas.ref("State")
    assert schemas.SCHEMAS["Detail"]["allOf"][0] == schemas.ref("State")


def test_words_have_a_type() -> None:
    assert schemas.SCHEMAS["Status"] == {"type": "string", "enum": [str(status) for status in Status]}
    assert "unreadable" in schemas.SCHEMAS["StatusShown"]["enum"]


def test_either_of_two_bodies_has_its_own_fields() -> None:
    schema = {"type": "object", "additionalProperties": False, "properties": {}, "description": "kept"}
    schemas.either(schema, ("One", {"a": {}}, {"c": {}}), ("Other", {"b": {}}, {}))
    shared = {"type": "object", "additionalProperties": False}
    assert schema == {
        "description": "kept",
        "anyOf": [
            {"title": "One", **shared, "properties": {"a": {}, "c": {}}, "required": ["a"]},
            {"title": "Other", **shared, "properties": {"b": {}}, "required": ["b"]},
        ],
    }


def test_a_number_is_neither_text_nor_a_boolean_and_keeps_its_limits() -> None:
    class Body(BaseModel):
        number: Annotated[int, Field(ge=2), schemas.NUMBER]
        flag: Annotated[bool, schemas.FLAG] = False

    assert Body.model_validate({"number": 2}).number == 2
    for wrong in ({"number": "2"}, {"number": True}, {"number": 1}, {"number": 2, "flag": 1}):
        with pytest.raises(ValidationError):
            Body.model_validate(wrong)
    assert Body.model_json_schema()["properties"]["number"]["minimum"] == 2


def test_what_may_be_left_out_is_not_null() -> None:
    assert schemas.not_null({"anyOf": [{"type": "string"}, {"type": "null"}], "default": None}) == {"type": "string"}
    two = {"anyOf": [{"type": "string"}, {"type": "integer"}]}
    assert schemas.not_null(two) == two and schemas.not_null({"type": "string"}) == {"type": "string"}
