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


def test_it_is_not_ready_while_redis_takes_no_writes(app: Flask) -> None:
    pulse = app.extensions["headway"].pulse
    pulse.refuse("Redis takes no writes at present: this server is a replica")
    answer = app.test_client().get("/readyz")
    assert answer.status_code == 503 and answer.get_json()["error"]["message"].endswith("is a replica")
    pulse.refuse("")
    assert app.test_client().get("/readyz").status_code == 200


def test_the_description_is_made_once_and_sent_only_to_those_who_do_not_have_it(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = app.test_client()
    first = client.get("/api/openapi.json")
    assert first.status_code == 200 and first.get_json()["openapi"] == "3.1.0"

    def document(app: Flask) -> None:
        raise AssertionError("made again")

    monkeypatch.setattr("realtime.openapi.document", document)
    assert client.get("/api/openapi.json").data == first.data
    again = client.get("/api/openapi.json", headers={"If-None-Match": first.headers["ETag"]})
    assert again.status_code == 304 and not again.data
