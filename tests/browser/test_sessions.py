"""Sessions, hosts and foreign pages, as a real browser sees them."""

import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import requests
from playwright.sync_api import Browser, Page, Request, expect

from tests.browser.test_page import NewContext, open_page, row, run_task
from tests.conftest import Processes, Stack, free_port, is_ready, start_redis, until

TO_THIS_MACHINE = "--host-resolver-rules=MAP *.example 127.0.0.1, MAP *.test 127.0.0.1"


@pytest.fixture
def other(base_environment: dict[str, str], tmp_path: Path) -> Iterator[str]:
    """Another installation on this host, with a Redis and a key of its own."""
    server, redis_url = start_redis(tmp_path)
    port = free_port()
    environment = {**base_environment, "REDIS_URL": redis_url, "PORT": str(port), "SECRET_KEY": "another key of tests"}
    processes = Processes(environment, tmp_path)
    processes.start("-m", "realtime.server")
    processes.worker()
    url = f"http://127.0.0.1:{port}"
    until(lambda: is_ready(url), "the other installation")
    yield url
    processes.stop()
    server.terminate()
    server.wait()


def test_a_browser_keeps_its_jobs_at_two_installations_of_one_host(
    new_context: NewContext, stack: Stack, other: str
) -> None:
    context = new_context()
    here, there = open_page(context, stack), context.new_page()
    there.goto(other)
    first, second = run_task(here, "sum_numbers", text="1"), run_task(there, "sum_numbers", text="2")
    for _ in range(2):
        for page, mine, not_mine in ((here, first, second), (there, second, first)):
            page.reload()
            expect(row(page, mine)).to_have_attribute("data-status", "finished")
            expect(row(page, not_mine)).to_have_count(0)
    names = {cookie["name"] for cookie in context.cookies() if not cookie["name"].endswith("_same_site")}
    assert len(names) == 2


def test_who_logs_in_and_out_is_somebody_else_each_time_in_every_tab(new_context: NewContext, stack: Stack) -> None:
    context = new_context()
    tab, other = open_page(context, stack), open_page(context, stack)
    before = run_task(tab, "sum_numbers", text="1")
    expect(row(other, before)).to_be_visible()
    token = stack.operator["Authorization"].removeprefix("Bearer ")
    tab.evaluate("localStorage.setItem('headway.renewed', 'today')")
    tab.goto(f"{stack.url}/login#token={token}")
    expect(tab.locator(".badge", has_text="operator")).to_be_visible()
    assert tab.evaluate("localStorage.getItem('headway.renewed')") is None, "pushes are for the new owner from now on"
    tab.goto(stack.url)
    during = run_task(tab, "sum_numbers", text="2")
    expect(row(other, during)).to_be_visible()  # it came anew by itself
    assert tab.evaluate("fetch('/logout', {method: 'POST'}).then((answer) => answer.status)") == 200
    expect(row(other, during)).to_have_count(0)
    for page in (tab, other):
        page.reload()
        expect(page.locator("connection-status")).to_have_text("Live")
        expect(page.locator(".badge", has_text="operator")).to_have_count(0)
    after = run_task(tab, "sum_numbers", text="3")
    expect(row(other, after)).to_have_attribute("data-status", "finished")
    expect(row(other, during)).to_have_count(0)


# -- over plain HTTP, under names that are not this machine's


class Site(ThreadingHTTPServer):
    """Somebody else's web server, whose one page is `html`."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.html = ""


class Answer(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(self.server.html.encode())  # type: ignore[attr-defined]

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def site() -> Iterator[Site]:
    server = Site()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def lan(stack: Stack) -> Iterator[str]:
    """An installation as it is reached in a network: by a name, and without HTTPS."""
    port = free_port()
    process = stack.processes.start("-m", "realtime.server", PORT=str(port), HEADWAY_HOSTS="jobs.test")
    until(lambda: is_ready(f"http://127.0.0.1:{port}"), "the server")
    yield f"http://jobs.test:{port}"
    process.terminate()
    process.wait()


@pytest.fixture
def page(launch: Callable[..., Browser]) -> Iterator[Page]:
    with launch(TO_THIS_MACHINE) as browser:
        yield browser.new_page()


def test_a_page_under_a_rebound_name_is_told_nothing(page: Page, lan: str) -> None:
    port = lan.rpartition(":")[2]
    answer = page.goto(f"http://evil.example:{port}/")
    assert answer is not None and answer.status == 421
    expect(page.locator("pre")).to_have_text("HEADWAY_HOSTS=evil.example")
    assert page.locator("main").evaluate("main => getComputedStyle(main).borderRadius") == "12px", "its style is let in"


def test_no_foreign_page_submits_by_get_where_browsers_do_not_say_who_asks(
    page: Page, lan: str, site: Site, stack: Stack
) -> None:
    page.goto(lan)
    expect(page.locator("connection-status")).to_have_text("Live")  # it has a session
    target, port = f"{lan}/task?n=hello", site.server_address[1]
    sent: list[dict[str, str]] = []

    def note(request: Request) -> None:
        if request.url == target:
            sent.append(request.all_headers())

    page.on("requestfailed", note)  # what is answered is no image
    page.on("requestfinished", note)
    before = jobs_counted(stack)
    # of a page that hides where it is, a sibling or another port of the host gets through: it has the same cookies
    for name, policy in (
        ("evil.example", "no-referrer"),
        ("evil.example", "unsafe-url"),
        ("near.jobs.test", "unsafe-url"),
        ("jobs.test", "unsafe-url"),
    ):
        site.html = f'<meta name="referrer" content="{policy}"><img src="{target}"><a href="{target}">here</a>'
        page.goto(f"http://{name}:{port}/")
        with page.expect_navigation(url=target) as followed:
            page.get_by_role("link").click()
        assert followed.value.status == 403, (name, policy)
    assert jobs_counted(stack) == before
    assert len(sent) == 8 and not any("sec-fetch-site" in headers for headers in sent)
    answer = page.goto(target)  # as a person types it
    assert answer is not None and answer.status == 200
    page.goto(f"{lan}/add-task")
    page.get_by_label("Address").fill(stack.url)
    page.get_by_role("button", name="Count").click()
    expect(page.get_by_text("queued at")).to_be_visible()
    assert jobs_counted(stack) == before + 2


def jobs_counted(stack: Stack) -> int:
    return int(requests.get(f"{stack.url}/api/counts", headers=stack.operator).json()["total"])
