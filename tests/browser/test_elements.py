"""The elements, on a page of somebody else's making: their looks, events and attributes in every situation."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.test_page import NewContext, open_page, row, run_task
from tests.conftest import ROOT, Stack

AXE = (ROOT / "frontend/node_modules/axe-core/axe.min.js").read_text()
PAGE = """<!doctype html><html lang="en"><title>A page</title>
<link rel="icon" href="data:,"><meta name="color-scheme" content="light dark">
<link rel="stylesheet" href="/css/elements.css"><main>{body}</main></html>"""
EVENTS = """(element) => {
  document.events = [];
  for (const name of ["progress", "end", "gone", "error"]) {
    element.addEventListener(name, ({ detail }) => document.events.push([name, detail.status ?? detail.code]));
  }
}"""
DEFINE = """async () => {
  for (const [file, name] of [["job-progress", "JobProgress"], ["job-status", "JobStatus"], ["job-list", "JobList"]]) {
    (await import(`/js/elements/${file}.js`))[name].define();
  }
}"""

OpenBody = Callable[[str], Page]


@pytest.fixture
def open_body(new_context: NewContext, stack: Stack) -> OpenBody:
    """Opens a page with `body` in it, its elements not yet defined; of a visitor with a session."""
    context = new_context()
    context.request.get(stack.url)

    def open_(body: str) -> Page:
        page = context.new_page()
        page.route("**/somebody", lambda route: route.fulfill(body=PAGE.format(body=body), content_type="text/html"))
        page.goto(f"{stack.url}/somebody")
        return page

    return open_


def submit(page: Page, stack: Stack, task: str, **args: Any) -> str:
    answer = page.context.request.post(f"{stack.url}/api/jobs", data={"task": task, "args": args})
    return str(answer.json()["id"])


def test_there_is_readable_content_before_the_definition_and_a_bar_after_it(open_body: OpenBody, stack: Stack) -> None:
    page = open_body("<job-progress>The bar needs JavaScript.</job-progress> <job-status>unknown</job-status>")
    bar, word = page.locator("job-progress"), page.locator("job-status")
    assert (bar.text_content(), word.text_content()) == ("The bar needs JavaScript.", "unknown")
    page.evaluate(DEFINE)
    assert bar.text_content() == "The bar needs JavaScript.", "as long as it has no job"
    bar.evaluate(EVENTS)
    id = submit(page, stack, "sum_numbers", text="12345")
    for one in (bar, word):
        one.evaluate("(element, id) => element.setAttribute('job', id)", id)
        expect(one).to_have_attribute("status", "finished")
    expect(bar.locator("[part=bar]")).to_have_attribute("value", "1")
    expect(bar.locator("[part=text]")).to_have_text("15")
    expect(word).to_have_text("finished")
    events = page.evaluate("document.events")
    assert events.count(["end", "finished"]) == 1 and events[-2][0] == "progress"


def test_a_bar_says_how_fast_and_how_long(open_body: OpenBody, stack: Stack) -> None:
    page = open_body("<job-progress></job-progress>")
    page.evaluate(DEFINE)
    id = submit(page, stack, "create_task", task_type=1)
    page.locator("job-progress").evaluate("(element, id) => element.setAttribute('job', id)", id)
    expect(page.locator("[part=numbers]")).to_contain_text("left")
    expect(page.locator("[part=numbers]")).to_contain_text("%")


def test_a_bar_that_is_moved_shows_its_job_again_and_one_renamed_another(open_body: OpenBody, stack: Stack) -> None:
    page = open_body("<job-progress></job-progress><section></section>")
    page.evaluate(DEFINE)
    first, second = submit(page, stack, "sum_numbers", text="1"), submit(page, stack, "sum_numbers", text="22")
    bar = page.locator("job-progress")
    bar.evaluate("(element, id) => element.setAttribute('job', id)", first)
    expect(bar.locator("[part=text]")).to_have_text("1")
    page.evaluate("document.querySelector('section').append(document.querySelector('job-progress'))")
    expect(bar.locator("[part=text]")).to_have_text("1")
    shown = bar.evaluate("(element, id) => (element.setAttribute('job', id), element.textContent)", second)
    assert shown == "", "not for a moment the bar of another job"
    expect(bar.locator("[part=text]")).to_have_text("4")
    bar.evaluate("(element) => element.removeAttribute('job')")
    assert bar.text_content() == "" and bar.get_attribute("status") is None


def test_a_job_that_is_deleted_or_unknown_says_so(open_body: OpenBody, stack: Stack) -> None:
    page = open_body(
        '<job-progress id="plain"></job-progress>'
        '<job-progress id="own"><b slot="gone">It is no more.</b><b slot="error">Never heard of it.</b></job-progress>'
    )
    page.evaluate(DEFINE)
    expect(page.locator("b:visible")).to_have_count(0)
    id = submit(page, stack, "sum_numbers", text="1")
    plain, own = page.locator("#plain"), page.locator("#own")
    for one in (plain, own):
        one.evaluate("(element, id) => element.setAttribute('job', id)", id)
        expect(one).to_have_attribute("status", "finished")
    expect(own.locator("b")).to_have_count(2)
    expect(own.locator("b:visible")).to_have_count(0)
    plain.evaluate(EVENTS)
    page.context.request.delete(f"{stack.url}/api/jobs/{id}")
    for one in (plain, own):
        expect(one).to_have_attribute("status", "gone")
    assert plain.text_content() == "This job has expired or was deleted."
    assert own.locator("b:visible").all_text_contents() == ["It is no more."]
    assert page.evaluate("document.events") == [["gone", "gone"]]
    own.evaluate("(element) => element.setAttribute('job', 'nobody')")
    expect(own).to_have_attribute("status", "not_found")
    assert own.locator("b:visible").all_text_contents() == ["Never heard of it."]


def test_a_bar_that_comes_after_its_job_is_gone_says_so(open_body: OpenBody, stack: Stack) -> None:
    page = open_body("<job-progress></job-progress>")
    page.evaluate(DEFINE)
    id = submit(page, stack, "sum_numbers", text="1")
    first = page.locator("job-progress")
    first.evaluate("(element, id) => element.setAttribute('job', id)", id)
    expect(first).to_have_attribute("status", "finished")
    page.context.request.delete(f"{stack.url}/api/jobs/{id}")
    expect(first).to_have_attribute("status", "gone")
    late = page.context.new_page()
    late.route("**/somebody", lambda route: route.fulfill(body=PAGE.format(body=""), content_type="text/html"))
    late.goto(f"{stack.url}/somebody")
    late.evaluate(DEFINE)
    for one in (page, late):  # the watch is held by the first, in this tab and in the hub
        one.evaluate(
            "(id) => (document.querySelector('main').innerHTML += `<job-status job=\"${id}\">?</job-status>`)", id
        )
        expect(one.locator("job-status")).to_have_text("This job has expired or was deleted.")
        expect(one.locator("job-status")).to_have_attribute("status", "gone")


def test_who_hears_of_an_end_may_give_the_bar_another_job_or_take_it_away(open_body: OpenBody) -> None:
    page = open_body("")
    watched = page.evaluate(
        """async () => {
          const { JobProgress } = await import("/js/elements/job-progress.js");
          const watched = [];
          const watch = (topic, tell) => { // all is known, and told at once
            watched.push(topic);
            const id = topic.slice(4);
            tell({ jobs: new Map([[id, { id, attempt: 1, status: "finished" }]]), gone: [], error: null });
            return () => watched.splice(watched.indexOf(topic), 1);
          };
          JobProgress.define("job-progress", { watch });
          const bar = document.createElement("job-progress");
          document.querySelector("main").append(bar);
          const seen = [];
          const note = () => seen.push([...watched]);
          bar.addEventListener("end", () => bar.setAttribute("job", "second"), { once: true });
          bar.setAttribute("job", "first");
          note();
          bar.addEventListener("end", () => bar.remove());
          bar.setAttribute("job", "third");
          note();
          return [seen, bar.state.id];
        }"""
    )
    assert watched == [[["job:second"], []], "third"]


TOASTS = """async (state) => {
  const { JobToasts } = await import("/js/elements/job-toasts.js");
  let end;
  JobToasts.define("job-toasts", { onEnd: (listener) => ((end = listener), () => {}) });
  const toasts = document.createElement("job-toasts");
  const main = document.querySelector("main");
  main.append(toasts);
  end(state);
  const other = document.createElement("section");
  main.append(other);
  other.append(toasts); // it is moved before it has told the end
  const opened = [];
  document.addEventListener("open-job", ({ detail }) => opened.push(detail));
  navigator.serviceWorker.dispatchEvent(new MessageEvent("message", { data: { open: state.id } }));
  return opened;
}"""


def test_toasts_that_are_moved_lose_no_end_and_open_each_job_once(open_body: OpenBody) -> None:
    page = open_body("")
    now = page.evaluate("Date.now()") + 60_000
    state = {"id": "a", "task": "sum", "status": "finished", "error": None, "started_at": now, "ended_at": now}
    assert page.evaluate(TOASTS, state) == ["a"]
    expect(page.locator(".toast")).to_contain_text("sum finished")


def test_what_no_server_of_ours_answered_is_an_error_like_others(open_body: OpenBody, complaints: list[str]) -> None:
    page = open_body("")
    page.route("**/api/tasks", lambda route: route.fulfill(status=502, body="<h1>Bad Gateway</h1>"))
    said = page.evaluate(
        """async () => {
          const { tasks, ApiError } = await import("/js/client.js");
          return tasks().catch((error) => [error instanceof ApiError, error.code]);
        }"""
    )
    assert said == [True, "unavailable"]
    complaints.clear()  # the browser notes each 502


def test_a_list_of_a_topic_that_is_not_for_us_says_so(open_body: OpenBody) -> None:
    page = open_body("<job-list topic='jobs'></job-list>")
    page.evaluate(DEFINE)
    expect(page.locator("job-list")).to_contain_text("Only operators and viewers may see this")
    page.locator("job-list").evaluate("(element) => element.setAttribute('topic', 'mine')")
    expect(page.locator("job-list")).to_contain_text("Nothing here yet")


LIST = """async () => {
  const { JobList } = await import("/js/elements/job-list.js");
  const tells = new Map();
  JobList.define("job-list", { watch: (topic, tell) => (tells.set(topic, tell), () => {}) });
  const list = document.querySelector("job-list");
  const painted = (resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve));
  const frame = () => new Promise((resolve) => setTimeout(() => painted(resolve), 120));
  const shown = async () => (await frame(), list.innerText.trim());
  const unavailable = { code: "unavailable", message: "Redis can't be reached" };
  const job = { id: "a", task: "sum", status: "queued", attempt: 1, created_at: 1, completed: null, total: null };
  const view = { gone: [], changed: [], more: false, error: null };
  const texts = [];
  dispatchEvent(new Event("resize"));
  texts.push(await shown());
  tells.get("mine")({ ...view, jobs: new Map(), error: unavailable });
  texts.push(await shown());
  tells.get("mine")({ ...view, jobs: new Map([["a", job]]) });
  texts.push((await shown()).split("\\n")[0]);
  tells.get("mine")({ ...view, jobs: new Map([["a", job]]), error: unavailable });
  texts.push((await shown()).split("\\n")[0]);
  list.setAttribute("topic", "jobs");
  texts.push(await shown());
  tells.get("jobs")({ ...view, jobs: new Map() });
  texts.push(await shown());
  return texts;
}"""


def test_a_list_says_that_it_is_empty_once_it_knows(open_body: OpenBody) -> None:
    texts = open_body("<job-list></job-list>").evaluate(LIST)
    assert texts[:-1] == ["", "Redis can't be reached", "1 queued", "1 queued", ""]
    assert texts[-1].startswith("Nothing here yet")


def test_a_list_in_a_box_that_scrolls_shows_what_is_scrolled_to(open_body: OpenBody, stack: Stack) -> None:
    page = open_body('<div style="height: 300px; overflow: auto"><job-list></job-list></div>')
    args = [{"text": str(number)} for number in range(100)]
    page.context.request.post(f"{stack.url}/api/jobs/bulk", data={"task": "sum_numbers", "args": args})
    page.evaluate(DEFINE)
    expect(page.locator(".list-summary")).to_have_text("100 finished")
    page.locator("div").first.evaluate("(box) => (box.scrollTop = box.scrollHeight)")
    expect(page.locator('.job[aria-posinset="100"]')).to_be_in_viewport()


def test_a_list_shows_what_its_page_wants_shown_while_it_is_empty(open_body: OpenBody, stack: Stack) -> None:
    page = open_body('<job-list><p slot="empty">No orders.</p></job-list>')
    page.evaluate(DEFINE)
    expect(page.locator("job-list [slot=empty]")).to_be_visible()
    submit(page, stack, "sum_numbers", text="1")
    expect(page.locator("job-list .job")).to_have_count(1)
    expect(page.locator("job-list [slot=empty]")).to_be_hidden()


def test_fifty_bars_of_one_job_show_the_same(open_body: OpenBody, stack: Stack) -> None:
    page = open_body("<job-progress></job-progress>" * 50)
    page.evaluate(DEFINE)
    id = submit(page, stack, "sum_numbers", text="12345")
    page.evaluate("(id) => document.querySelectorAll('job-progress').forEach((bar) => bar.setAttribute('job', id))", id)
    expect(page.locator("job-progress[status=finished]")).to_have_count(50)


def test_the_keyboard_goes_from_row_to_row(new_context: NewContext, stack: Stack) -> None:
    page = open_page(new_context(), stack)
    args = [{"text": str(number)} for number in range(200)]
    page.context.request.post(f"{stack.url}/api/jobs/bulk", data={"task": "sum_numbers", "args": args})
    expect(page.locator(".list-summary")).to_have_text("200 finished")
    page.locator(".job-title").first.focus()
    for key, position in [
        ("ArrowDown", 2),
        ("ArrowDown", 3),
        ("ArrowUp", 2),
        ("End", 200),
        ("ArrowDown", 200),
        ("Home", 1),
    ]:
        page.keyboard.press(key)
        focused = page.locator(".job", has=page.locator(".job-title:focus"))
        expect(focused).to_have_attribute("aria-posinset", str(position))
        expect(focused.locator(".job-title")).to_be_in_viewport()
    page.keyboard.press("Enter")
    expect(page.locator("job-details dialog")).to_be_visible()


def violations(page: Page) -> list[str]:
    page.evaluate(AXE)
    found = page.evaluate("() => axe.run(document)")
    return [
        f"{one['id']}: {node['html'][:120]} {node['any'][:1]}" for one in found["violations"] for node in one["nodes"]
    ]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 360, 1280])  # 320 is 1280 at 400 %
def test_nobody_is_kept_out(width: int, scheme: str, new_context: NewContext, stack: Stack) -> None:
    context = new_context(viewport={"width": width, "height": 640}, color_scheme=scheme, reduced_motion="reduce")
    page = open_page(context, stack)
    assert violations(page) == []
    stopped = run_task(page, "create_task", task_type="3")
    expect(row(page, stopped)).to_have_attribute("data-status", "started")
    # last, for toasts go by themselves
    run_task(page, "count_words", url="http://127.0.0.1:1/")
    run_task(page, "sum_numbers", text="4")
    expect(page.locator(".toast").first).to_be_visible()
    page.get_by_text("Notices").click()
    page.locator("job-toasts").hover()
    assert violations(page) == []
    page.get_by_text("Notices").click()
    row(page, stopped).get_by_role("button", name="Stop").click()
    row(page, stopped).locator(".job-title").click()
    assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_the_other_pages_keep_nobody_out_either(new_context: NewContext, stack: Stack) -> None:
    context = new_context()
    assert violations(open_page(context, stack, "/add-task")) == []
