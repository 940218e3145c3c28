"""Text on a terminal."""

import json

import pytest

from workers.terminal import visible


@pytest.mark.parametrize("number", [0, 8, 0x0A, 0x0D, 0x1B, 0x7F, 0x85, 0x9B, 0x2028, 0x2029, 0x202E, 0x2066, 0x2069])
def test_what_a_terminal_would_obey_is_written_out(number: int) -> None:
    assert visible(f"a{chr(number)}b") == f"a\\u{number:04x}b"
    quoted = json.dumps(chr(number), ensure_ascii=False)
    assert json.loads(visible(quoted)) == chr(number)


@pytest.mark.parametrize("text", ["", "a\tb", "Grüße, 世界 \U0001f469\u200d\U0001f52c", "\\u001b", "\u05e9\u05dc"])
def test_what_people_write_stays(text: str) -> None:
    assert visible(text) == text
