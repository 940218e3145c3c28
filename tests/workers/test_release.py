"""Which release this is."""

import re

from workers.release import VERSION, release


def test_it_names_the_version_and_the_code() -> None:
    assert re.fullmatch(rf"{re.escape(VERSION)}\+[0-9a-f]{{8}}", release())
