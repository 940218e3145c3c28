"""Socket.IO's packets, read and written."""

import pytest
from socketio.packet import CONNECT_ERROR

from realtime.packet import StrictPacket


@pytest.mark.parametrize(
    "text", ["0", '0{"token":1}', "0/other,", "1", '2["watch"]', '212["watch",{}]', "2[5]", "312[]"]
)
def test_what_is_specified_is_read(text: str) -> None:
    assert StrictPacket(encoded_packet=text).encode() == text


@pytest.mark.parametrize(
    "text",
    [
        *("0[]", '0"token"', "2", "2{}", "2[]", '2"watch"', "2[null]", "2[true]", "2[{}]", "3", "312{}"),
        *('2["connect"]', '2["disconnect"]', '2["*"]', '2/other,["watch"]', "1/other,", "3/other,1[]"),
    ],
)
def test_what_is_not_is_an_error(text: str) -> None:
    with pytest.raises(ValueError, match="not as specified"):
        StrictPacket(encoded_packet=text)


def test_a_refused_connect_is_told_in_an_object() -> None:
    assert StrictPacket(CONNECT_ERROR, "no", namespace="/").encode() == '4{"message":"no"}'
    assert StrictPacket(CONNECT_ERROR, "no", namespace="/a").encode() == '4/a,{"message":"Invalid namespace"}'
    assert StrictPacket(CONNECT_ERROR, {"message": "no"}).encode() == '4{"message":"no"}'
