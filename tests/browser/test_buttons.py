"""The buttons and links of the dashboard that stand in no other test: each does what it says."""

import re
import signal
import time
from collections.abc import Iterator

import pytest
import requests
from playwright.sync_api import expect

from tests.browser.conftest import LogIn
from tests.browser.test_dashboard import ended, submit
from tests.conftest import Stack, until
from workers import store

MANY = 60  # more than one page holds


@pytest.fixture
def suspended(stack: Stack) -> Iterator[None]:
    """Nothing runs meanwhile, so that what waits goes on waiting."""
    requests.post(f"{stack.url}/api/workers/suspend", headers=stack.operator).raise_for_status()
    yield
    requests.post(f"{stack.url}/api/workers/resume", headers=stack.operator).raise_for_status()


def test_a_queue_is_emptied_once_a_person_is_sure(suspended: None, operator: LogIn, stack: Stack) -> None:
    page = operator("/queues")
    submit(page, stack, "sum_numbers", text="1")
    row = page.locator("table.queues tbody tr", has_text="default")
    waiting = row.locator("a[data-count]").first
    expect(waiting).not_to_have_text("0")
    row.get_by_role("button", name="Empty queue").click()
    page.locator("dialog.sure").get_by_role("button", name="Cancel").click()
    expect(waiting).not_to_have_text("0")
    row.get_by_role("button", name="Empty queue").click()
    page.locator("dialog.sure").get_by_role("button", name="Empty queue").click()
    expect(waiting).to_have_text("0")
    expect(row.get_by_role("button", name="Empty queue")).to_be_disabled()


def test_what_failed_on_a_queue_is_requeued(operator: LogIn, stack: Stack) -> None:
    page = operator("/queues")
    id = submit(page, stack, "count_words", url="http://127.0.0.1:1/")
    ended(page, stack, id, "failed")
    page.locator("table.queues tbody tr", has_text="default").get_by_role("button", name="Requeue failed").click()
    job = f"{stack.url}/api/jobs/{id}"
    until(lambda: requests.get(job).json()["attempt"] == 2, "the second attempt")


def test_the_charts_look_back_fifteen_minutes_or_a_day(operator: LogIn) -> None:
    page = operator("/queues")
    day, quarter = (page.get_by_role("button", name=name) for name in ("24 hours", "15 minutes"))
    day.click()
    expect(page.locator("history-charts")).to_have_attribute("span", "24h")
    expect(day).to_have_attribute("aria-pressed", "true")
    expect(quarter).to_have_attribute("aria-pressed", "false")
    quarter.click()
    expect(page.locator("history-charts")).to_have_attribute("span", "15m")


def test_a_worker_is_shut_down_once_a_person_is_sure(operator: LogIn, stack: Stack) -> None:
    worker = stack.processes.start("-m", "workers.main", "worker", "--queue", "default", "--name", "leaving/..")
    page = operator("/workers")
    row = page.locator("table.workers tbody tr", has_text="leaving")
    expect(row).to_contain_text("idle")

    redis = store.connect(stack.redis_url)
    until(lambda: redis.pubsub_numsub("rq:pubsub:leaving/..")[0][1], "that it listens")
    row.get_by_role("button", name="Shut down").click()
    page.locator("dialog.sure").get_by_role("button", name="Cancel").click()
    row.get_by_role("button", name="Shut down").click()
    page.locator("dialog.sure").get_by_role("button", name="Shut down").click()
    until(lambda: worker.poll() is not None, "its end")
    assert worker.returncode == 0
    expect(row).to_have_count(0)


def test_pages_of_jobs_lead_back_and_forth_and_tabs_to_a_status(operator: LogIn, stack: Stack) -> None:
    page = operator("/")
    args = [{"text": str(number)} for number in range(MANY)]
    made = page.context.request.post(f"{stack.url}/api/jobs/bulk", data={"task": "sum_numbers", "args": args}).json()
    for id in made["ids"]:
        ended(page, stack, id)
    page.goto(f"{stack.url}/jobs?q=task:sum_numbers")
    expect(page.locator(".job")).to_have_count(50)
    newest = page.locator(".job").first.get_attribute("data-job")
    page.get_by_role("link", name="Older").click()
    expect(page.locator(".job").first).not_to_have_attribute("data-job", str(newest))
    page.get_by_role("link", name="Newest").click()
    expect(page.locator(".job").first).to_have_attribute("data-job", str(newest))
    page.locator(".tabs").get_by_role("link", name="finished").click()
    expect(page).to_have_url(re.compile("status=finished"))
    expect(page.locator(".tabs [aria-current]")).to_contain_text("finished")
    page.keyboard.press("/")
    page.keyboard.type("x")
    expect(page.get_by_label("Search jobs")).to_have_value("task:sum_numbersx")


def test_the_audit_leads_back_and_forth(operator: LogIn, stack: Stack) -> None:
    for _ in range(MANY):
        requests.post(f"{stack.url}/api/workers/resume", headers=stack.operator).raise_for_status()
    page = operator("/audit")
    rows = page.locator("table.audit tbody tr")
    expect(rows).to_have_count(50)
    page.get_by_role("button", name="Older").click()
    expect(page.get_by_role("button", name="Newest")).to_be_visible()
    page.get_by_role("button", name="Newest").click()
    expect(page.get_by_role("button", name="Newest")).to_have_count(0)
    expect(rows).to_have_count(50)


def test_a_log_is_followed_or_not_and_downloaded(operator: LogIn, stack: Stack) -> None:
    page = operator("/", viewport={"width": 900, "height": 300})
    id = submit(page, stack, "background_work")
    page.goto(f"{stack.url}/jobs/{id}")
    expect(page.locator(".log p")).not_to_have_count(0)
    follow = page.get_by_role("checkbox", name="Follow")
    expect(follow).to_be_checked()
    follow.uncheck()
    expect(follow).not_to_be_checked()
    with page.expect_download() as download:
        page.get_by_role("link", name="Download").click()
    assert "of 10 s are done" in download.value.path().read_text()
    page.locator(".head").get_by_role("button", name="Stop").click()
    ended(page, stack, id, "stopped")


def test_what_is_very_long_is_shown_whole_upon_a_click(operator: LogIn, stack: Stack) -> None:
    page = operator("/")
    id = submit(page, stack, "sum_numbers", text="1" * 30_000)
    page.goto(f"{stack.url}/jobs/{id}")
    arguments = page.locator("section", has=page.get_by_role("heading", name="Arguments"))
    expect(arguments.locator("pre")).to_have_text(re.compile("1…$"))
    arguments.get_by_role("button", name=re.compile("Show all 30,0.. characters")).click()
    expect(arguments.locator("pre")).to_have_text(re.compile("1{30000}"))


def test_the_foot_of_each_page_turns_the_theme_and_shows_the_keys(operator: LogIn) -> None:
    page = operator("/workers")
    page.get_by_role("button", name="Theme").click()
    expect(page.locator("html")).to_have_attribute("data-theme", "light")
    page.get_by_role("button", name="Keys").click()
    expect(page.locator("dialog.sheet")).to_contain_text("Schedule")


def test_workers_that_somebody_else_has_suspended_can_be_resumed(operator: LogIn, stack: Stack) -> None:
    page = operator("/workers")
    resume = page.get_by_role("button", name="Resume all")
    expect(resume).to_be_disabled()
    requests.post(f"{stack.url}/api/workers/suspend", headers=stack.operator).raise_for_status()
    expect(resume).to_be_enabled()
    resume.click()
    expect(resume).to_be_disabled()


def test_a_worker_that_is_not_heard_is_marked_and_cleared(operator: LogIn, stack: Stack) -> None:
    worker = stack.processes.start("-m", "workers.main", "worker", "--queue", "bookInfoParser", "--name", "dozing")
    page = operator("/workers")
    row = page.locator("table.workers tbody tr", has_text="dozing")
    expect(row).to_contain_text("idle")
    worker.send_signal(signal.SIGSTOP)
    began = time.monotonic()
    expect(row).to_contain_text("silent")
    took = time.monotonic() - began
    expect(page.locator(".warnings")).to_contain_text("dozing is silent")
    worker.send_signal(signal.SIGCONT)
    expect(row).not_to_contain_text("silent")
    worker.terminate()
    assert worker.wait(15) == 0
    assert took < 8, f"marked after {took:.1f} s"  # 5 s, and what a busy machine takes to stop it and to paint


def test_a_page_that_is_paused_stands_still_and_then_shows_the_newest(operator: LogIn, stack: Stack) -> None:
    page = operator("/")
    id = submit(page, stack, "background_work")
    job = page.locator(f'job-list .job[data-job="{id}"]')
    expect(job).to_have_attribute("data-status", "started")
    page.get_by_role("button", name="Pause").click()
    expect(page.locator("connection-status")).to_have_text(re.compile("Paused, as of .*:"))
    later = submit(page, stack, "sum_numbers", text="1")
    requests.post(f"{stack.url}/api/jobs/{id}/stop", headers=stack.operator).raise_for_status()
    ended(page, stack, id, "stopped")
    ended(page, stack, later)
    expect(page.locator("job-toasts")).to_contain_text("sum_numbers finished")  # news is told all the same
    assert job.get_attribute("data-status") == "started"
    assert page.locator(f'job-list .job[data-job="{later}"]').count() == 0
    page.get_by_role("button", name="Resume", exact=True).click()
    expect(job).to_have_attribute("data-status", "stopped")
    expect(page.locator(f'job-list .job[data-job="{later}"]')).to_have_attribute("data-status", "finished")
    expect(page.locator("connection-status")).to_have_text("Live")
