"""Alive and ready are two things."""

from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask

from workers import store


@pytest.mark.parametrize(("redis_up", "live", "status"), [(True, True, 200), (True, False, 503), (False, True, 503)])
def test_ready_means_that_redis_is_there_and_heard(
    redis_up: bool, live: bool, status: int, make_app: Callable[..., Flask], tmp_path: Path
) -> None:
    away = {} if redis_up else {"redis": store.connect(f"unix://{tmp_path}/none.sock")}
    client = make_app(live=live, **away).test_client()
    assert client.get("/readyz").status_code == status
    assert client.get("/healthz").get_json() == {"ok": True}
