"""Pages that lost the server, or slept, or were put aside: right again without a reload, and honest in between."""

import re
import signal
import subprocess
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.test_page import NewContext, open_page, row, run_task
from tests.conftest import Stack, free_port, is_ready, until

AS_OF = re.compile(r"^(Not live|Offline), as of \d\d?:\d\d:\d\d")
NOTE_STATES = """() => {
  const status = document.querySelector("connection-status");
  document.states = [];
  const note = new MutationObserver(() => document.states.push(status.textContent));
  note.observe(status, { childList: true, subtree: true });
}"""
HONEST_WITHIN = 5_000  # ms for what may be stale to say so, and for the truth to be back


class Server:
    """A web process that can be ended and started again, on the Redis and with the workers of `stack`."""

    def __init__(self, stack: Stack) -> None:
        self._port = str(free_port())
        self._processes = stack.processes
        self.stack = Stack(f"http://127.0.0.1:{self._port}", stack.redis_url, stack.processes, "")
        self.start()

    def start(self) -> None:
        self.process: subprocess.Popen[bytes] = self._processes.start("-m", "realtime.server", PORT=self._port)
        until(lambda: is_ready(self.stack.url), "the web server")

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


@pytest.fixture
def server(stack: Stack) -> Iterator[Server]:
    server = Server(stack)
    yield server
    server.kill()


def finishes(stack: Stack, id: str) -> None:
    session = stack.session()
    until(lambda: stack.job(session, id)["status"] == "finished", "its end")


def test_a_server_that_hangs_is_marked_in_time_and_its_return_is_seen(
    new_context: NewContext, server: Server, stack: Stack, complaints: list[str]
) -> None:
    page = open_page(new_context(), server.stack)
    id = run_task(page, "create_task", task_type="1")
    expect(row(page, id)).to_have_attribute("data-status", "started")
    server.process.send_signal(signal.SIGSTOP)
    expect(page.locator("connection-status")).to_have_text(AS_OF, timeout=HONEST_WITHIN)
    expect(page.locator("html[data-stale]")).to_have_count(1)  # bars are grey
    finishes(stack, id)
    server.process.send_signal(signal.SIGCONT)
    expect(row(page, id)).to_have_attribute("data-status", "finished", timeout=HONEST_WITHIN)
    expect(page.locator("connection-status")).to_have_text("Live")
    expect(page.locator("html[data-stale]")).to_have_count(0)
    complaints.clear()  # the browser notes each connection that failed


def test_a_server_that_is_killed_ten_times_leaves_pages_right(
    new_context: NewContext, server: Server, complaints: list[str]
) -> None:
    page = open_page(new_context(), server.stack)
    page.evaluate("document.mark = 'never reloaded'")
    ids = []
    for _ in range(10):
        ids.append(run_task(page, "text_length", text="four"))
        server.kill()
        expect(page.locator("connection-status")).to_have_text(AS_OF, timeout=HONEST_WITHIN)
        server.start()
        expect(page.locator("connection-status")).to_have_text("Live", timeout=HONEST_WITHIN)
    for id in ids:
        expect(row(page, id)).to_have_attribute("data-status", "finished")
    assert page.evaluate("document.mark") == "never reloaded"
    complaints.clear()


def test_a_frozen_tab_is_right_as_soon_as_it_thaws(new_context: NewContext, stack: Stack) -> None:
    page = open_page(new_context(), stack)
    freezer = page.context.new_cdp_session(page)
    freezer.send("Page.setWebLifecycleState", {"state": "frozen"})
    task = {"task": "text_length", "args": {"text": "four"}}
    id = page.context.request.post(f"{stack.url}/api/jobs", data=task).json()["id"]
    finishes(stack, id)
    freezer.send("Page.setWebLifecycleState", {"state": "active"})
    expect(row(page, id)).to_have_attribute("data-status", "finished", timeout=HONEST_WITHIN)
    expect(page.locator("connection-status")).to_have_text("Live")


def test_a_page_that_slept_for_an_hour_says_so_and_comes_back(new_context: NewContext, stack: Stack) -> None:
    page = new_context().new_page()
    page.clock.install()
    page.goto(stack.url)
    expect(page.locator("connection-status")).to_have_text("Live")
    page.evaluate(NOTE_STATES)
    page.clock.fast_forward("01:00:00")  # as a laptop whose lid was closed: each timer is late, and runs once
    expect(page.locator("connection-status")).to_have_text("Live", timeout=HONEST_WITHIN)
    assert re.match(AS_OF, page.evaluate("document.states")[0])


def test_the_way_back_to_a_page_shows_what_is_true_by_now(browser_that_keeps_pages: Browser, stack: Stack) -> None:
    page = browser_that_keeps_pages.new_page()
    page.goto(stack.url)
    page.evaluate("addEventListener('pageshow', (event) => (document.kept = event.persisted))")
    id = run_task(page, "text_length", text="four")
    page.goto(f"{stack.url}/login")
    finishes(stack, id)
    page.go_back(wait_until="commit")  # a page that was kept does not load
    assert page.evaluate("document.kept") is True
    expect(row(page, id)).to_have_attribute("data-status", "finished", timeout=HONEST_WITHIN)
    expect(page.locator("connection-status")).to_have_text("Live")
