"""The page, in a real browser."""

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
import requests
from playwright.sync_api import BrowserContext, Locator, Page, expect

from tests.conftest import Stack, until

NewContext = Callable[..., BrowserContext]


def open_page(context: BrowserContext, stack: Stack, path: str = "/") -> Page:
    page = context.new_page()
    page.goto(stack.url + path)
    expect(page.locator("connection-status")).to_have_text("Live")
    return page


def rows(page: Page) -> Locator:
    return page.locator(".job")


def row(page: Page, id: str) -> Locator:
    return page.locator(f'.job[data-job="{id}"]')


def run_task(page: Page, task: str, **fields: str) -> str:
    """Submit by the form, and return the id of the job."""
    box = page.locator("details.task", has=page.locator("summary", has_text=re.compile(f"^{task}$")))
    if box.get_attribute("open") is None:
        box.locator("summary").click()
    for name, value in fields.items():
        box.locator(f"[name={name}]").fill(value)
    with page.expect_response("**/api/jobs") as answer:
        box.get_by_role("button", name="Run").click()
    return str(answer.value.json()["id"])


def shown(page: Page, id: str) -> dict[str, Any]:
    """What the page shows of a job."""
    found = row(page, id)
    return {
        "status": found.get_attribute("data-status"),
        "text": found.locator(".progress-text").text_content(),
        "value": found.locator("progress").evaluate("bar => bar.value"),
    }


def test_modules_are_there_once_whoever_imports_them_and_are_kept(new_context: NewContext, stack: Stack) -> None:
    page = open_page(new_context(), stack)
    same = """async () => {
      const { src } = document.querySelector("script[src$='/js/shell.js']");
      const [ours, theirs] = await Promise.all([import(new URL("client.js", src)), import("/js/client.js")]);
      return ours.connection === theirs.connection && theirs.connection.state === "live";
    }"""
    assert page.evaluate(same) is True
    page.goto(f"{stack.url}/jobs")
    page.goto(stack.url)
    page.locator("connection-status[state=live]").wait_for()
    sizes = page.evaluate(
        "performance.getEntriesByType('resource').map(({ name, transferSize }) => [name, transferSize])"
    )
    sent = {name: size for name, size in sizes if "/v/" in name}
    assert len(sent) > 20 and not any(sent.values()), "the browser has them"


def test_a_person_starts_a_job_and_sees_it_end(new_context: NewContext, stack: Stack) -> None:
    page = open_page(new_context(), stack)
    expect(page.locator(".list-empty")).to_be_visible()
    id = run_task(page, "sum_numbers", text="12345")
    expect(row(page, id)).to_have_attribute("data-status", "finished")
    expect(row(page, id).locator(".progress-text")).to_have_text("15")
    expect(page.locator(".list-summary")).to_have_text("1 finished")
    expect(page.locator("job-toasts")).to_contain_text("sum_numbers finished")


def test_a_bar_moves_and_never_falls_and_nothing_is_polled(new_context: NewContext, stack: Stack) -> None:
    page = open_page(new_context(), stack)
    id = run_task(page, "background_work")
    expect(row(page, id)).to_have_attribute("data-status", "started")
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    values = page.evaluate(
        """id => new Promise((done) => {
             const values = [];
             const look = () => {
               const row = document.querySelector(`.job[data-job="${id}"]`);
               values.push(row.querySelector("progress").value);
               if (row.dataset.status === "started") requestAnimationFrame(look);
               else done(values);
             };
             look();
           })""",
        id,
    )
    assert values == sorted(values) and len(set(values)) > 50 and values[-1] == 1
    assert requests == []


def test_a_wrong_argument_is_named_at_its_field(new_context: NewContext, stack: Stack, complaints: list[str]) -> None:
    page = open_page(new_context(), stack)
    page.locator("summary", has_text="create_task").click()
    field = page.locator("[name=task_type]")
    field.fill("7")
    page.locator("details[open] .run").click()
    expect(page.locator("details[open] .wrong")).to_have_text("Enter 3 or less, not 7.")
    expect(field).to_have_attribute("aria-invalid", "true")
    expect(field).to_be_focused()
    expect(rows(page)).to_have_count(0)
    # the browser itself notes each answer of 400 in the console
    assert all("400" in complaint for complaint in complaints)
    complaints.clear()


def test_buttons_do_what_they_say(new_context: NewContext, stack: Stack) -> None:
    page = open_page(new_context(), stack)
    id = run_task(page, "create_task", task_type="3")
    expect(row(page, id)).to_have_attribute("data-status", "started")
    row(page, id).get_by_role("button", name="Stop").press("Enter")
    expect(row(page, id)).to_have_attribute("data-status", "stopped")
    expect(row(page, id).locator(".job-title")).to_be_focused()
    row(page, id).get_by_role("button", name="Requeue").click()
    expect(row(page, id).locator(".job-status")).to_contain_text("attempt 2")
    row(page, id).get_by_role("button", name="Stop").click()
    expect(row(page, id)).to_have_attribute("data-status", "stopped")
    row(page, id).get_by_role("button", name="Delete").click()
    page.locator("dialog.sure").get_by_role("button", name="Cancel").click()
    expect(row(page, id)).to_have_attribute("data-status", "stopped")
    row(page, id).get_by_role("button", name="Delete").click()
    page.locator("dialog.sure").get_by_role("button", name="Delete").click()
    expect(rows(page)).to_have_count(0)


def test_details_are_text_whatever_they_hold(new_context: NewContext, stack: Stack) -> None:
    page = open_page(new_context(), stack)
    hostile = "<img src=x onerror=alert(1)>"
    id = run_task(page, "text_length", text=hostile)
    row(page, id).locator(".job-title").click()
    expect(page.locator("job-details pre").first).to_contain_text(hostile)
    assert page.locator("img[src=x]").count() == 0
    page.get_by_role("button", name="Close").click()
    expect(page.locator("job-details dialog")).not_to_be_visible()


def test_a_second_tab_shows_the_same_and_another_browser_nothing(new_context: NewContext, stack: Stack) -> None:
    context = new_context()
    first, second = open_page(context, stack), open_page(context, stack)
    stranger = open_page(new_context(), stack)
    id = run_task(first, "sum_numbers", text="42")
    for page in (first, second):
        expect(row(page, id).locator(".progress-text")).to_have_text("6")
    expect(rows(stranger)).to_have_count(0)
    late = open_page(context, stack)
    expect(row(late, id).locator(".progress-text")).to_have_text("6")


def test_twenty_jobs_in_three_tabs_end_as_the_api_says(new_context: NewContext, stack: Stack) -> None:
    context = new_context(viewport={"width": 1280, "height": 3000})
    tabs = [open_page(context, stack), open_page(context, stack)]
    answers = tabs[0].evaluate(
        """() => Promise.all(Array.from({length: 20}, (_, n) => fetch("/api/jobs", {
             method: "POST",
             headers: {"Content-Type": "application/json"},
             body: JSON.stringify(n % 5 ? {task: "sum_numbers", args: {text: String(n)}}
                                        : {task: "text_length", args: {text: "x".repeat(n)}}),
           }).then((answer) => answer.json())))"""
    )
    ids = [answer["id"] for answer in answers]
    expect(row(tabs[0], ids[0])).to_be_visible()
    tabs.append(open_page(context, stack))
    for tab in tabs:
        expect(tab.locator(".list-summary")).to_have_text("20 finished")
    for id in ids:
        state = tabs[0].evaluate("id => fetch(`/api/jobs/${id}`).then((answer) => answer.json())", id)
        expected = {"status": state["status"], "text": json.dumps(state["result"]), "value": 1}
        assert [shown(tab, id) for tab in tabs] == [expected] * 3


def test_a_killed_work_horse_shows_as_failed_with_the_reason_within_five_seconds(
    new_context: NewContext, stack: Stack, kill_horse: Callable[[str], None]
) -> None:
    page = open_page(new_context(), stack)
    id = run_task(page, "create_task", task_type="3")
    expect(row(page, id)).to_have_attribute("data-status", "started")
    kill_horse(id)
    expect(row(page, id)).to_have_attribute("data-status", "failed", timeout=5000)
    expect(row(page, id).locator(".progress-text")).to_contain_text("SIGKILL")


def test_ten_thousand_jobs_are_accepted_and_live(new_context: NewContext, stack: Stack) -> None:
    page = open_page(new_context(), stack)
    count = page.evaluate(
        """() => fetch("/api/jobs/bulk", {
             method: "POST",
             headers: {"Content-Type": "application/json"},
             body: JSON.stringify({task: "sum_numbers", args:
               Array.from({length: 10000}, (_, n) => ({text: String(n)}))}),
           }).then((answer) => answer.json()).then(({ids}) => ids.length)"""
    )
    assert count == 10_000

    def numbers() -> dict[str, int]:
        words = (page.locator(".list-summary").text_content() or "").split(" · ")
        return {word.split(" ")[1]: int(word.split(" ")[0].replace(",", "")) for word in words if word}

    until(lambda: sum(numbers().values()) == 10_000, "all of them on the page", within=30)
    ended = numbers().get("finished", 0)
    until(lambda: numbers().get("finished", 0) > ended + 20, "more of them finished", within=30)
    assert rows(page).count() < 100, "only the rows in sight exist"
    page.evaluate("scrollTo(0, document.body.scrollHeight)")
    expect(page.locator('.job[aria-posinset="10000"]')).to_be_visible()
    assert stack.session().post(f"{stack.url}/api/queues/default/empty", headers=stack.operator).status_code == 200
    until(lambda: "queued" not in numbers(), "the emptied queue", within=30)


def test_the_keyboard_alone_is_enough(new_context: NewContext, stack: Stack) -> None:
    page = open_page(new_context(), stack)
    page.locator("summary", has_text="sum_numbers").focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.type("77")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator(".job .progress-text")).to_have_text("14")
    page.locator(".job-title").focus()
    page.keyboard.press("Enter")
    expect(page.locator("job-details dialog")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("job-details dialog")).not_to_be_visible()
    page.keyboard.press("Tab")
    expect(page.locator(".job .action-delete")).to_be_focused()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
def test_nothing_overflows_at_any_width(width: int, scheme: str, new_context: NewContext, stack: Stack) -> None:
    page = open_page(new_context(viewport={"width": width, "height": 700}, color_scheme=scheme), stack)
    id = run_task(page, "count_words", url="http://" + "long." * 60)
    expect(row(page, id)).to_have_attribute("data-status", "failed")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_many_lines_become_many_jobs(new_context: NewContext, stack: Stack) -> None:
    page = open_page(new_context(), stack)
    box = page.locator("details.task", has=page.locator("summary", has_text="sum_numbers"))
    box.locator("summary").click()
    box.get_by_label("One job per line").check()
    box.locator("textarea").fill("1\n2\n\n3")
    box.get_by_role("button", name="Run").click()
    expect(box.get_by_role("status")).to_have_text("3 jobs queued")
    expect(page.locator(".list-summary")).to_have_text("3 finished")


def test_the_word_count_page_shows_its_jobs_live(new_context: NewContext, stack: Stack) -> None:
    page = open_page(new_context(), stack, "/add-task")
    page.get_by_label("Address").fill(stack.url)
    page.get_by_role("button", name="Count").click()
    expect(page.get_by_text("queued at")).to_be_visible()
    expect(page.locator(".job")).to_have_attribute("data-status", "finished")
    expect(page.locator(".job .progress-text")).to_contain_text('"title":"Headway"')


def test_an_operator_logs_in_by_the_link(new_context: NewContext, stack: Stack) -> None:
    token = stack.operator["Authorization"].removeprefix("Bearer ")
    page = new_context().new_page()
    page.goto(f"{stack.url}/login#token={token}")
    expect(page.locator(".badge", has_text="operator")).to_be_visible()
    assert token not in page.url


def test_what_ended_while_no_page_was_open_is_told_in_one_of_five_tabs(new_context: NewContext, stack: Stack) -> None:
    context = new_context()
    page = open_page(context, stack)
    id = run_task(page, "text_length", text="four")
    page.goto("about:blank")
    session = requests.Session()
    for cookie in context.cookies():
        session.cookies.set(cookie["name"], cookie["value"])
    until(lambda: stack.job(session, id)["status"] == "finished", "its end")
    tabs = [context.new_page() for _ in range(5)]
    for tab in tabs:
        tab.goto(stack.url)
    assert until(lambda: toasts(tabs), "a toast") == ["While you were away: 1 finished"]
    for tab in tabs:
        expect(tab.locator("connection-status")).to_have_text("Live")
    assert len(toasts(tabs)) <= 1


def toasts(tabs: list[Page]) -> list[str | None]:
    return [text for tab in tabs for text in tab.locator(".toast strong").all_text_contents()]
