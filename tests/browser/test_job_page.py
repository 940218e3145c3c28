"""The page of one job, as an operator sees it: live, read again where that failed, and nothing typed is lost."""

import re

from playwright.sync_api import expect

from tests.browser.conftest import LogIn
from tests.browser.test_dashboard import ended, submit
from tests.conftest import Stack
from workers import store


def test_a_job_has_its_page_with_log_timeline_and_another_run(operator: LogIn, stack: Stack) -> None:
    page = operator("/")
    id = submit(page, stack, "background_work")
    page.goto(f"{stack.url}/jobs/{id}")
    expect(page.locator("h1")).to_have_text("background_work")
    expect(page.locator(".log p").nth(1)).to_contain_text("of 10 s are done")
    length = page.locator("svg.timeline text").last
    ago = page.locator("dd", has_text=" ago").first
    for moving in (length, ago):
        expect(moving).not_to_have_text(str(moving.text_content()))  # by the second
    page.get_by_label("Search in these lines").fill("2 of 10")
    expect(page.locator(".log p")).to_have_count(1)
    expect(page.locator(".log mark")).to_have_text("2 of 10")
    page.locator(".head").get_by_role("button", name="Stop").click()
    expect(page.locator("job-status")).to_have_text("stopped")
    expect(page.locator(".head").get_by_role("button", name="Requeue")).to_be_visible()
    expect(page.locator("svg.timeline rect")).to_have_count(2)
    page.get_by_text("Run again with changed arguments").click()
    page.get_by_role("button", name="Run again with these").click()
    expect(page).not_to_have_url(re.compile(id))
    expect(page.locator("job-status")).to_have_text(re.compile("queued|started"))
    page.locator(".head").get_by_role("button", name=re.compile("Stop|Cancel")).click()
    expect(page.locator("job-status")).to_have_text(re.compile("stopped|canceled"))


def test_a_job_that_could_not_be_read_is_read_again_and_what_is_typed_stays(
    operator: LogIn, stack: Stack, complaints: list[str]
) -> None:
    page = operator("/")
    id = submit(page, stack, "background_work")
    page.goto(f"{stack.url}/jobs/{id}")
    expect(page.locator("main ol li")).to_contain_text("started")
    page.get_by_text("Run again with changed arguments").click()
    page.get_by_label("Arguments as JSON").fill('{"typed": 1}')
    page.route(f"**/api/jobs/{id}", lambda route: route.abort(), times=1)
    page.locator(".head").get_by_role("button", name="Stop").click()
    expect(page.locator(".notice")).to_contain_text("can't be reached")
    expect(page.locator("main ol li")).to_contain_text("stopped")
    expect(page.get_by_label("Arguments as JSON")).to_have_value('{"typed": 1}')
    page.locator(".head").get_by_role("button", name="Delete").click()
    page.locator("dialog.sure").get_by_role("button", name="Delete").click()
    expect(page.locator("job-status")).to_have_text("This job has expired or was deleted.")
    expect(page.locator(".head button")).to_have_count(0)
    complaints.clear()  # the browser notes the request that failed


def test_a_failed_job_shows_its_traceback(operator: LogIn, stack: Stack) -> None:
    page = operator("/")
    id = submit(page, stack, "count_words", url="http://127.0.0.1:1/")
    ended(page, stack, id, "failed")
    page.goto(f"{stack.url}/jobs/{id}")
    expect(page.locator("pre.trace")).to_contain_text("FetchError")
    expect(page.locator("pre.trace")).to_contain_text("Traceback")
    expect(page.locator(".trace-error").last).to_have_text("workers.errors.FetchError")
    expect(page.locator(".trace-file").first).to_contain_text(".py")
    raw = page.context.request.get(f"{stack.url}/api/jobs/{id}").json()["traceback"]
    assert page.locator("pre.trace").text_content() == raw.rstrip("\n"), "no letter is lost"


def test_numbers_that_javascript_can_not_hold_are_shown_and_sent_as_they_are(
    operator: LogIn, stack: Stack, complaints: list[str]
) -> None:
    page = operator("/")
    id, other = [submit(page, stack, "sum_numbers", text="1") for _ in range(2)]
    for one in (id, other):
        ended(page, stack, one)
    redis = store.connect(stack.redis_url)
    args = '{"2": 0.0, "1": -0.0, "n": 1269943055849660418, "text": "\\u00e9"}'
    redis.hset(f"rq:job:{id}", "data", f'["sum_numbers", null, [], {args}]')
    redis.hset(f"headway:job:{id}", "result", "[1269943055849660418,1.0]")
    redis.hset(f"headway:job:{other}", "result", "null")
    page.goto(f"{stack.url}/jobs?q=task:sum_numbers")
    expect(page.locator(f"[data-job='{id}']")).to_contain_text("[1269943055849660418,1.0]")
    expect(page.locator(f"[data-job='{other}']")).to_contain_text("done")
    expect(page.locator(f"[data-job='{other}']")).not_to_contain_text("null")
    page.goto(f"{stack.url}/jobs/{other}")
    expect(page.locator("main")).to_contain_text("The task returned nothing.")
    page.goto(f"{stack.url}/jobs/{id}")
    expect(page.locator("pre").first).to_have_text("[\n  1269943055849660418,\n  1.0\n]")
    page.get_by_text("Run again with changed arguments").click()
    box = page.get_by_label("Arguments as JSON")
    shown = '{\n  "2": 0.0,\n  "1": -0.0,\n  "n": 1269943055849660418,\n  "text": "é"\n}'
    expect(box).to_have_value(shown)
    run = page.get_by_role("button", name="Run again with these")
    # the browser notes in its console that a request was refused, and may do so late
    with page.expect_request("**/again") as untouched, page.expect_console_message():
        run.click()
    assert untouched.value.post_data is None
    box.fill(shown.replace("-0.0", "9007199254740993"))
    with page.expect_request("**/again") as changed, page.expect_console_message():
        run.click()
    assert changed.value.post_data == '{"args":' + shown.replace("-0.0", "9007199254740993") + "}"
    expect(page.locator(".notice")).to_contain_text("wrong arguments")  # the task has none of these
    complaints.clear()
    redis.close()


def test_a_job_that_nobody_knows_says_so(operator: LogIn) -> None:
    expect(operator("/jobs/nobody").locator(".nothing")).to_contain_text("no job has the id")


def test_a_job_that_can_not_be_read_says_so_and_can_be_deleted(operator: LogIn, stack: Stack) -> None:
    page = operator("/")
    odd, pickled = [submit(page, stack, "sum_numbers", text="1") for _ in range(2)]
    for id in (odd, pickled):
        ended(page, stack, id)
    redis = store.connect(stack.redis_url)
    redis.hset(f"headway:job:{odd}", "meta", "no JSON")
    redis.hset(f"rq:job:{pickled}", "data", b"\x80\x04\x95")
    page.goto(f"{stack.url}/jobs?q=id:{odd[:8]}")
    row = page.locator(f"[data-job='{odd}']")
    expect(row.locator(".job-status")).to_have_text("unreadable")
    expect(row).to_contain_text("its record can't be read")
    page.goto(f"{stack.url}/jobs/{pickled}")
    expect(page.locator("main")).to_contain_text("Headway can't read this job's arguments.")
    page.goto(f"{stack.url}/jobs/{odd}")
    expect(page.locator("h1")).to_have_text(f"a job ({odd[:8]})")
    page.locator(".head").get_by_role("button", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(page.locator(".head").get_by_role("button", name="Delete")).to_have_count(0)
    assert page.context.request.get(f"{stack.url}/api/jobs/{odd}").status == 404
    redis.close()
