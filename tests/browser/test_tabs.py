"""Many tabs of one browser, by each of the three ways to a hub: a SharedWorker, a tab that leads, one in each tab."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
import requests
from playwright.sync_api import Browser, BrowserContext, Error, Page, expect

from tests.browser.test_coming_back import HONEST_WITHIN, Server, finishes
from tests.browser.test_page import NewContext, row, run_task
from tests.conftest import Stack, until

NO_WORKER = "Object.defineProperty(window, 'SharedWorker', { value: undefined });"
NO_LOCKS = "Object.defineProperty(Navigator.prototype, 'locks', { get: () => undefined });"
LIVE = "connection-status[state=live]"


@dataclass(frozen=True)
class Way:
    """How the tabs of a browser come to a hub, how many of them are tried, and how many sockets these hold."""

    script: str
    tabs: int
    sockets: int


WAYS = {"worker": Way("", 10, 1), "leader": Way(NO_WORKER, 4, 1), "alone": Way(NO_WORKER + NO_LOCKS, 4, 4)}


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest) -> Way:
    return WAYS[request.param]


@pytest.fixture
def server(stack: Stack) -> Iterator[Server]:
    """One that may be killed."""
    server = Server(stack)
    yield server
    server.kill()


@pytest.fixture
def new_browser(new_context: NewContext, way: Way) -> Callable[[], BrowserContext]:
    """A browser of its own, that has no other way than `way`."""

    def make() -> BrowserContext:
        context = new_context()
        if way.script:
            context.add_init_script(way.script)
        return context

    return make


def open_tabs(context: BrowserContext, url: str, count: int) -> list[Page]:
    tabs = [context.new_page() for _ in range(count)]
    for tab in tabs:
        tab.goto(url)
    for tab in tabs:
        tab.locator(LIVE).wait_for()
    return tabs


def connections(stack: Stack) -> int:
    """Sockets that the web process holds."""
    text = requests.get(f"{stack.url}/metrics", headers=stack.operator, timeout=5).text
    found = re.search(r"^headway_connections (\d+)", text, re.MULTILINE)
    assert found
    return int(found[1])


def test_many_tabs_hold_one_socket_and_all_show_the_same(
    new_browser: Callable[[], BrowserContext], stack: Stack, way: Way
) -> None:
    one, other = new_browser(), new_browser()
    tabs, others = open_tabs(one, stack.url, way.tabs), open_tabs(other, stack.url, 2)
    expected = way.sockets + min(2, way.sockets)
    until(lambda: connections(stack) == expected, f"{expected} connections")
    id = run_task(tabs[0], "sum_numbers", text="12345")
    for tab in tabs:
        expect(row(tab, id)).to_have_attribute("data-status", "finished")
        expect(row(tab, id).locator(".progress-text")).to_have_text("15")
    assert [row(tab, id).count() for tab in others] == [0, 0], "another browser's jobs"
    late = open_tabs(one, stack.url, 1)[0]
    expect(row(late, id)).to_have_attribute("data-status", "finished")


def test_tabs_that_close_leave_the_others_live(new_browser: Callable[[], BrowserContext], stack: Stack) -> None:
    tabs = open_tabs(new_browser(), stack.url, 4)
    for tab in tabs[:2]:
        tab.close()
    id = run_task(tabs[2], "text_length", text="four")
    for tab in tabs[2:]:
        expect(row(tab, id)).to_have_attribute("data-status", "finished")
        tab.locator(LIVE).wait_for()


def test_a_tab_that_is_killed_leaves_the_others_live(new_browser: Callable[[], BrowserContext], stack: Stack) -> None:
    tabs = open_tabs(new_browser(), stack.url, 3)
    with pytest.raises(Error, match="crash"):
        tabs[0].goto("chrome://crash")  # no goodbye; where one leads, it is this one
    tabs[1].bring_to_front()
    id = run_task(tabs[1], "text_length", text="four")
    for tab in tabs[1:]:
        expect(row(tab, id)).to_have_attribute("data-status", "finished")
    tabs[1].locator(LIVE).wait_for()


def test_all_tabs_come_back_with_the_server(
    server: Server, new_browser: Callable[[], BrowserContext], stack: Stack, complaints: list[str]
) -> None:
    tabs = open_tabs(new_browser(), server.stack.url, 3)
    id = run_task(tabs[0], "create_task", task_type="1")
    expect(row(tabs[2], id)).to_have_attribute("data-status", "started")
    server.kill()
    for tab in tabs:
        tab.bring_to_front()
        expect(tab.locator("connection-status")).to_have_text(re.compile("^(Not live|Offline)"), timeout=HONEST_WITHIN)
    finishes(stack, id)
    server.start()
    for tab in tabs:
        tab.bring_to_front()
        expect(row(tab, id)).to_have_attribute("data-status", "finished", timeout=HONEST_WITHIN)
        expect(tab.locator("connection-status")).to_have_text("Live")
    complaints.clear()  # the browser notes each connection that failed


def test_a_tab_that_comes_back_from_aside_joins_the_others(
    browser_that_keeps_pages: Browser, way: Way, stack: Stack
) -> None:
    context = browser_that_keeps_pages.new_context()
    if way.script:
        context.add_init_script(way.script)
    leaving, staying = open_tabs(context, stack.url, 2)
    leaving.bring_to_front()
    leaving.evaluate("addEventListener('pageshow', (event) => (document.kept = event.persisted))")
    leaving.goto(f"{stack.url}/login")
    staying.bring_to_front()
    id = run_task(staying, "text_length", text="four")
    expect(row(staying, id)).to_have_attribute("data-status", "finished")
    leaving.bring_to_front()
    leaving.go_back(wait_until="commit")
    assert leaving.evaluate("document.kept") is True
    expect(row(leaving, id)).to_have_attribute("data-status", "finished", timeout=HONEST_WITHIN)
    expect(leaving.locator("connection-status")).to_have_text("Live")


def test_a_browser_that_was_offline_is_right_again(
    new_browser: Callable[[], BrowserContext], stack: Stack, complaints: list[str]
) -> None:
    context = new_browser()
    tabs = open_tabs(context, stack.url, 2)
    context.set_offline(True)
    session = requests.Session()
    session.cookies.update({cookie["name"]: cookie["value"] for cookie in context.cookies()})
    id = stack.submit(session, "text_length", text="four")["id"]
    until(lambda: stack.job(session, id)["status"] == "finished", "its end")
    context.set_offline(False)
    for tab in tabs:
        tab.bring_to_front()
        expect(row(tab, id)).to_have_attribute("data-status", "finished", timeout=HONEST_WITHIN)
    complaints.clear()


def test_a_hidden_tab_paints_nothing_and_then_everything_at_once(
    new_browser: Callable[[], BrowserContext], stack: Stack
) -> None:
    context = new_browser()
    hidden, front = open_tabs(context, stack.url, 2)
    expect(hidden.locator("task-form")).not_to_have_count(0)  # or they would come while it is hidden
    hide(hidden)
    hidden.evaluate(
        """() => {
          document.mutations = [];
          const named = ({ type, target }) => `${type} of ${target.localName ?? target.data}.${target.className ?? ""}`;
          const observer = new MutationObserver((records) => document.mutations.push(...records.map(named)));
          observer.observe(document.querySelector("main"), {
            childList: true, subtree: true, attributes: true, characterData: true,
          });
        }"""
    )
    id = run_task(front, "create_task", task_type="1")
    expect(row(front, id)).to_have_attribute("data-status", "finished")
    assert hidden.evaluate("document.mutations") == []
    show(hidden)
    expect(row(hidden, id)).to_have_attribute("data-status", "finished", timeout=HONEST_WITHIN)


def hide(tab: Page) -> None:
    """As a browser does with a tab behind others: headless ones count each as visible, and draw it."""
    tab.evaluate(
        """async () => {
          Object.defineProperty(document, "hidden", { configurable: true, get: () => true });
          Object.defineProperty(document, "visibilityState", { configurable: true, get: () => "hidden" });
          document.frames = { request: requestAnimationFrame, waiting: [] };
          window.requestAnimationFrame = (run) => document.frames.waiting.push(run);
          await new Promise((run) => document.frames.request.call(window, run)); // those that were asked for before
          document.dispatchEvent(new Event("visibilitychange"));
        }"""
    )


def show(tab: Page) -> None:
    tab.evaluate(
        """() => {
          delete document.hidden;
          delete document.visibilityState;
          window.requestAnimationFrame = document.frames.request;
          for (const run of document.frames.waiting.splice(0)) requestAnimationFrame(run);
          document.dispatchEvent(new Event("visibilitychange"));
        }"""
    )


def test_a_worker_that_the_browser_ends_is_replaced(stack: Stack, new_context: NewContext) -> None:
    tabs = open_tabs(new_context(), stack.url, 3)
    client = tabs[0].context.browser.new_browser_cdp_session()  # type: ignore[union-attr]
    targets = client.send("Target.getTargets", {"filter": [{"type": "shared_worker"}, {"exclude": True}]})
    worker = next(one["targetId"] for one in targets["targetInfos"] if stack.url in one["url"])
    session = client.send("Target.attachToTarget", {"targetId": worker, "flatten": False})["sessionId"]
    ending = '{"id": 1, "method": "Runtime.evaluate", "params": {"expression": "close()"}}'
    client.send("Target.sendMessageToTarget", {"sessionId": session, "message": ending})
    until(lambda: connections(stack) == 0, "the end of its socket")
    # found under its name for as long as it takes to end, so tabs may try it once more, 3 s, before they take another
    until(lambda: connections(stack) == 1, "the socket of another worker", within=30.0)
    id = run_task(tabs[0], "text_length", text="four")
    for tab in tabs:
        expect(row(tab, id)).to_have_attribute("data-status", "finished")
        tab.locator(LIVE).wait_for()
