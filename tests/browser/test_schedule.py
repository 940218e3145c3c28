"""The schedule: what cron will queue, what waits for its time, and what waits for other jobs; all of it moves."""

import re
from datetime import timedelta

from playwright.sync_api import expect
from rq.cron import CronScheduler

from tests.browser.conftest import LogIn
from tests.browser.test_dashboard import ended
from tests.conftest import Stack
from workers import store
from workers.jobs.text import sum_numbers
from workers.lifecycle import TrackedQueue


def test_the_schedule_shows_what_is_to_come_and_what_may_be_done(operator: LogIn, stack: Stack) -> None:
    redis = store.connect(stack.redis_url)
    queue = TrackedQueue("headway.default", connection=redis)
    scheduler = CronScheduler(redis, logging_level="WARNING", name="browser")
    scheduler.register(sum_numbers, "default", kwargs={"text": "88"}, interval=3600, name="sums")
    scheduler.register_birth()
    page = operator("/schedule")
    entry = page.locator("table.cron tr", has_text="sums")
    expect(entry).to_contain_text("every 1 h")
    entry.get_by_role("button", name="Enqueue now").click()
    page.locator(".notice").get_by_role("link", name="sums is queued as").click()
    expect(page.locator("job-status")).to_have_text("finished")
    page.goto(f"{stack.url}/schedule")
    first, second = (queue.enqueue_in(timedelta(hours=hours), sum_numbers, text="77") for hours in (1, 2))
    waiting = queue.enqueue(sum_numbers, text="5", depends_on=[second])
    due = page.locator(".scheduled .job-line")
    expect(due).to_have_count(2)
    expect(due.first.locator(".job-above")).to_contain_text("in 59 min")
    expect(due.first.locator(".job")).to_have_attribute("data-job", first.id)
    due.first.get_by_role("button", name="Cancel").click()
    expect(due).to_have_count(1)
    page.locator(".deferred").get_by_role("link", name=second.id[:8]).click()
    expect(page.locator(".relatives li")).to_have_text(re.compile(f"sum_numbers {waiting.id[:8]} deferred"))
    page.locator(".relatives a").click()
    expect(page.get_by_role("heading", name="Waits for")).to_be_visible()
    beside = page.context.new_page()
    beside.goto(page.url)
    expect(beside.locator(".relatives job-status")).to_have_text("scheduled")
    page.goto(f"{stack.url}/schedule")
    due.get_by_role("button", name="Enqueue now").click()
    expect(page.locator(".deferred .quiet")).to_have_text("No job waits for another one.")
    expect(page.locator(".scheduled .quiet")).to_have_text("No job waits for its time.")
    for job in (second, waiting):
        ended(page, stack, job.id)
    expect(beside.locator(".relatives job-status")).to_have_text("finished")
    scheduler.register_death()
