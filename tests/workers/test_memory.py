"""How much memory the embedded server may take."""

import os
from pathlib import Path

import pytest

from workers import memory
from workers.memory import LEAST

MB = 1024 * 1024


def test_it_is_a_quarter_of_the_machine_or_of_the_container(tmp_path: Path) -> None:
    there = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    limit = tmp_path / "memory.max"
    assert memory.share([limit]) == max(LEAST, there // 4)
    for said in ("max\n", "", f"{there * 2}\n"):
        limit.write_text(said)
        assert memory.share([limit]) == max(LEAST, there // 4)
    limit.write_text(f"{512 * MB}\n")
    assert memory.share([tmp_path / "none", limit]) == 128 * MB
    limit.write_text("4096\n")
    assert memory.share([limit]) == LEAST


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("512mb", 512 * MB),
        (" 512M ", 512 * MB),
        ("2gb", 2048 * MB),
        ("65536kb", 64 * MB),
        ("67108864", 64 * MB),
        ("67108863", None),
        ("0", None),
        ("63mb", None),
        ("-1gb", None),
        ("1.5gb", None),
        ("50%", None),
        ("mb", None),
        ("much", None),
    ],
)
def test_a_size_is_read_as_redis_reads_it(text: str, size: int | None) -> None:
    assert memory.parse(text) == size
