"""What a power loss leaves behind the last command is mended; for other damage the log names a remedy."""

import shlex
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import start_redis
from workers import append_log, embedded, store

Restart = Callable[[], dict[str, str]]
BINARY = embedded.binary()


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A folder that a server has written a hundred keys to."""
    process, url = start_redis(tmp_path, appendonly="yes", appendfsync="always")
    with store.connect(url) as redis:
        for number in range(100):
            redis.set(f"key:{number}", "x" * number)
    process.kill()
    process.wait()
    return tmp_path


def newest(data: Path) -> Path:
    return data / append_log.FOLDER / "appendonly.aof.1.incr.aof"


def count(data: Path) -> int:
    """How many keys a server finds there."""
    process, url = start_redis(data, appendonly="yes")
    with store.connect(url) as redis:
        found = int(redis.dbsize())
    process.kill()
    process.wait()
    return found


@pytest.mark.parametrize(
    ("cut", "zeros", "left"), [(0, 1, 100), (0, 3 * append_log.CHUNK, 100), (0, append_log.CHUNK, 100), (30, 4096, 99)]
)
def test_zeros_behind_the_last_command_are_cut_off_and_nothing_is_lost(
    cut: int, zeros: int, left: int, data: Path
) -> None:
    path = newest(data)
    whole = path.read_bytes()
    kept = whole[: len(whole) - cut]
    path.write_bytes(kept + bytes(zeros))
    assert f"{zeros} zero bytes" in append_log.trim(data)
    assert path.read_bytes() == kept
    assert append_log.trim(data) == "" and count(data) == left


def test_what_is_whole_and_what_is_not_there_is_left_alone(
    data: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    before = newest(data).read_bytes()
    assert append_log.trim(data) == "" and append_log.damage(data, BINARY) == ""
    assert newest(data).read_bytes() == before
    fresh = tmp_path_factory.mktemp("fresh")
    assert append_log.trim(fresh) == "" and append_log.damage(fresh, BINARY) == ""
    newest(data).write_bytes(b"")
    assert append_log.trim(data) == ""


def test_other_damage_is_left_alone_and_told_with_a_command_that_mends_it(data: Path) -> None:
    path = newest(data)
    damaged = bytearray(path.read_bytes())
    at = damaged.index(b"*3", len(damaged) // 2)
    damaged[at : at + 4] = bytes(4)
    path.write_bytes(damaged)
    assert append_log.trim(data) == ""
    said = append_log.damage(data, BINARY)
    assert "is damaged. Copy its folder;" in said and path.read_bytes() == damaged
    command = shlex.split(said.partition("the damage: ")[2])
    done = subprocess.run(command, input="y\n", capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    assert append_log.damage(data, BINARY) == "" and path.stat().st_size == at
    assert 0 < count(data) < 100
