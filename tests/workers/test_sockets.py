"""The embedded server's socket: where it is, and that its address leads there."""

import os
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from redis.connection import parse_url

from workers.settings import Settings
from workers.sockets import path_of, socket_path, url_of

ODD_NAMES = ("app #1", "50%20off", "what?", 'it\'s "q"', "ünï", "a;b:c@d", "back\\slash", "%00", "[::1]")


@pytest.mark.parametrize("name", [*ODD_NAMES, "\udcff\udcfe"])
def test_a_home_of_any_name_is_found_by_redis_py(name: str) -> None:
    url = Settings.from_environment({"HEADWAY_HOME": f"/srv/{name}"}, Path("/")).redis_url
    assert parse_url(url)["path"] == f"/srv/{name}/redis.sock"
    assert path_of(url) == Path(f"/srv/{name}/redis.sock")


def test_it_is_in_its_home_or_nearby_where_that_path_is_too_long() -> None:
    assert socket_path(Path("/srv")) == Path("/srv/redis.sock")
    deep, other = (socket_path(Path("/srv") / (letter * 120)) for letter in "ab")
    assert max(len(os.fsencode(path)) for path in (deep, other)) <= 107  # bytes, of the 108 of sun_path with its NUL
    assert deep != other
    assert deep == socket_path(Path("/srv") / ("a" * 120))


def test_a_path_that_would_break_the_lines_of_a_list_of_clients_is_no_sockets() -> None:
    assert "\n" not in str(socket_path(Path("/srv/new\nline")))
    assert path_of(url_of(Path("/run/new\nline"))) == Path("/run/new\nline")


def test_one_that_needs_a_place_of_its_own_gets_it_where_nobody_else_writes(tmp_path: Path) -> None:
    deep = Path("/srv") / ("a" * 120)
    with TemporaryDirectory() as runtime:
        assert socket_path(deep, runtime).parent.parent == Path(runtime)
        assert socket_path(Path("/srv"), runtime) == Path("/srv/redis.sock")
        settings = Settings.from_environment({"HEADWAY_HOME": str(deep), "XDG_RUNTIME_DIR": runtime}, Path("/"))
        assert settings.redis_url.startswith(f"unix://{runtime}/")
    for unusable in (runtime, "", "relative", str(tmp_path / ("b" * 120))):
        assert socket_path(deep, unusable) == socket_path(deep)
