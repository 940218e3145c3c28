"""The pages and what they load."""

import gzip
import re
import time
import tomllib
from urllib.parse import urljoin

import pytest
from flask.testing import FlaskClient

from tests.conftest import ROOT
from tests.realtime.conftest import TOKEN


@pytest.mark.parametrize("path", ["/", "/add-task", "/login"])
def test_a_page_loads_only_what_is_there_and_runs_nothing_inline(path: str, me: FlaskClient) -> None:
    html = me.get(path).text
    loaded = re.findall(r'(?:src|href)="(/[^"]+)"', html)
    assert loaded
    for file in loaded:
        assert me.get(file, buffered=True).status_code == 200, file
    assert not re.search(r"<script(?![^>]*src=)", html) and "<style" not in html and " style=" not in html


def test_modules_import_only_what_is_there(me: FlaskClient) -> None:
    seen: set[str] = set()
    waiting = ["/js/page.js", "/js/add-task.js", "/js/login.js", "/js/client.js", "/js/elements/history-charts.js"]
    while waiting:
        path = waiting.pop()
        if path in seen:
            continue
        seen.add(path)
        answer = me.get(path, buffered=True)
        assert answer.status_code == 200 and answer.mimetype == "text/javascript", path
        waiting += [urljoin(path, name) for name in re.findall(r'(?:from|import\() ?"([./][^"]+)"', answer.text)]
    seen = {path.partition("/v/")[2].partition("/")[2] for path in seen}
    assert {"vendor/socket.io.js", "vendor/uplot.js"} <= seen and len(seen) > 10


def test_an_operator_logs_in_with_the_token_and_out_again(me: FlaskClient) -> None:
    assert me.get("/api/queues").status_code == 401
    assert me.post("/login", json={"token": TOKEN}).get_json() == {"ok": True}
    assert me.get("/api/queues").status_code == 200
    assert ">operator<" in me.get("/").text
    me.post("/logout")
    assert me.get("/api/queues").status_code == 403


@pytest.mark.parametrize("body", [{"token": "wrong"}, {"token": None}, {}, [], "text"])
def test_a_wrong_token_is_refused(body: object, me: FlaskClient) -> None:
    answer = me.post("/login", json=body)
    assert answer.status_code == 401 and answer.get_json()["error"]["code"] == "unauthorized"
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert me.get("/api/queues").status_code == 401


def test_the_charts_come_with_their_style(me: FlaskClient) -> None:
    answer = me.get("/vendor/uplot.css", buffered=True)
    assert answer.status_code == 200 and answer.mimetype == "text/css"
    assert "default-src 'self'" in answer.headers["Content-Security-Policy"]


def test_only_pages_renew_a_session_and_only_once_a_day(me: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    me.get("/")
    for path in ("/", "/js/client.js", "/api/tasks", "/api/jobs"):
        # an answer that was under way while somebody logged in must not bring back the session of before
        assert "Set-Cookie" not in me.get(path, buffered=True).headers, path
    tomorrow = time.time() + 24 * 3600
    monkeypatch.setattr(time, "time", lambda: tomorrow)
    assert "headway_" in me.get("/").headers["Set-Cookie"]


def test_the_foot_names_the_versions_to_those_who_see_everything(
    me: FlaskClient, operator: FlaskClient, viewer: FlaskClient
) -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    for who in (operator, viewer):
        assert f"Headway {version} · RQ " in who.get("/").text
    for path in ("/", "/jobs", "/login", "/add-task"):
        assert version not in (html := me.get(path).text) and "Python" not in html


def test_a_page_is_made_once_for_all_who_see_the_same(
    me: FlaskClient, you: FlaskClient, operator: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine, theirs = me.get("/").text, operator.get("/").text
    assert mine != theirs

    def render(*_: object, **__: object) -> str:
        raise AssertionError("made again")

    monkeypatch.setattr("realtime.pages.render_template", render)
    assert you.get("/").text == me.get("/").text == mine and operator.get("/").text == theirs


def test_the_scripts_of_a_first_load_are_40_kb_at_the_most(me: FlaskClient) -> None:
    """What the page and its worker import from the start, as it is sent; what comes upon a click is not in it."""
    page = me.get("/").get_data(as_text=True)
    scripts = re.findall(r'<script [^>]*src="([^"]+)"', page)
    [home] = {script.partition("/js/")[0] for script in scripts}
    wanted = [*scripts, f"{home}/js/worker.js"]
    sizes: dict[str, int] = {}
    while wanted:
        if (path := wanted.pop()) in sizes:
            continue
        answer = me.get(path, headers={"Accept-Encoding": "gzip"}, buffered=True)
        sizes[path] = len(answer.data)
        if "/js/" in path:
            text = gzip.decompress(answer.data).decode()
            wanted += [urljoin(path, name) for name in re.findall(r'(?:from|import)\s*"([^"]+)"', text)]
    assert {f"{home}/{name}" for name in ("vendor/socket.io.js", "js/hub.js", "js/elements/job-list.js")} <= set(sizes)
    assert sum(sizes.values()) <= 40_000, sizes


def test_what_a_page_loads_is_kept_until_there_is_another_release(me: FlaskClient) -> None:
    [style, *_] = re.findall(r'href="([^"]+page.css)"', me.get("/").text)
    assert "immutable" in me.get(style, buffered=True).headers["Cache-Control"]
    for path in (
        "/css/page.css",
        "/v/0123456789abcdef/css/page.css",
        "/service-worker.js",
        "/v/0123456789abcdef/vendor/uplot.js",
    ):
        answer = me.get(path, buffered=True)
        assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "no-cache"), path


def test_other_peoples_pages_get_the_modules_that_ours_have(me: FlaskClient) -> None:
    page = me.get("/").text
    for name in ("page.js", "elements/job-progress.js", "shell.js"):
        [relative] = re.findall(r'^export \* from "(\.\./[^"]+)";$', me.get(f"/js/{name}").text)
        path = urljoin(f"/js/{name}", relative)
        assert path.endswith(f"/js/{name}") and me.get(path, buffered=True).status_code == 200
        assert f'"{path}"' in page or name not in page
    assert me.get("/js/none.js").status_code == 404
