"""What pages say of times, whatever the clock of the browser's machine says."""

import re
import time
from datetime import timedelta

import pytest
from playwright.sync_api import expect
from rq.cron import CronScheduler

from tests.browser.test_page import NewContext, open_page, run_task
from tests.browser.test_tabs import NO_WORKER
from tests.conftest import Stack, until
from workers import scheduler_heartbeat, store
from workers.jobs.text import sum_numbers
from workers.lifecycle import TrackedQueue

# in a worker, which a script of a test can't reach, the clock would be another
SHIFTED = NO_WORKER + "{ const right = Date.now; Date.now = () => right() + OFF; }"


@pytest.mark.parametrize("off", [600_000, -600_000])
def test_a_clock_that_is_ten_minutes_off_makes_nothing_late_or_silent(
    off: int, new_context: NewContext, stack: Stack
) -> None:
    redis = store.connect(stack.redis_url)
    cron = CronScheduler(redis, logging_level="WARNING", name=f"clock {off}")
    cron.register(sum_numbers, "default", kwargs={"text": "1"}, interval=3600, name="hourly")
    cron.register_birth()
    context = new_context(timezone_id="Europe/Berlin")
    context.add_init_script(SHIFTED.replace("OFF", str(off)))
    context.request.post(f"{stack.url}/login", data={"token": stack.operator["Authorization"].removeprefix("Bearer ")})
    page = open_page(context, stack)
    id = run_task(page, "background_work")
    done = run_task(page, "sum_numbers", text="7")
    expect(page.locator(".toast strong").first).to_have_text("sum_numbers finished")
    page.goto(f"{stack.url}/jobs/{done}")
    expect(page.locator("[data-at]").first).to_have_text(re.compile(r"^(\d+(\.\d)? m?s|1 min( \d+ s)?) ago / "))
    page.goto(f"{stack.url}/workers")
    expect(page.locator("table.workers tbody tr")).to_have_count(6)
    for text in page.locator("table.workers tbody td:nth-child(5)").all_text_contents():
        assert re.match(r"\d+(\.\d)? m?s ago", text), text
    job = TrackedQueue("headway.default", connection=redis).enqueue_in(timedelta(minutes=30), sum_numbers, text="9")
    page.goto(f"{stack.url}/schedule")
    expect(page.locator(".scheduled .job-above")).to_have_text(re.compile(r"^in (29 min \d+ s|30 min) / .* CES?T$"))
    expect(page.locator("table.cron tr", has_text="hourly")).to_contain_text("every 1 h")
    expect(page.locator(".warnings li")).not_to_contain_text(["silent"])
    job.delete()
    redis.delete(cron.key, "rq:cron_schedulers")
    context.request.post(f"{stack.url}/api/jobs/{id}/stop")


def test_cron_names_its_zone_and_a_page_its_own(new_context: NewContext, stack: Stack) -> None:
    redis = store.connect(stack.redis_url)
    cron = CronScheduler(redis, logging_level="WARNING", name="zones")
    cron.register(sum_numbers, "default", kwargs={"text": "1"}, cron="0 6 * * *", name="six")
    cron.register_birth()
    context = new_context(timezone_id="Asia/Kolkata")  # half an hour beside all others, and no summer
    context.request.post(f"{stack.url}/login", data={"token": stack.operator["Authorization"].removeprefix("Bearer ")})
    page = open_page(context, stack, "/schedule")
    row = page.locator("table.cron tr", has_text="six")
    expect(row).to_contain_text("0 6 * * * (UTC)")
    expect(row).to_contain_text(re.compile(r"11:30:00 GMT\+5:30"))
    redis.delete(cron.key, "rq:cron_schedulers")


def test_it_is_said_wherever_something_waits_for_a_scheduler_and_none_is_up(
    new_context: NewContext, stack: Stack
) -> None:
    redis = store.connect(stack.redis_url)
    context = new_context(color_scheme="dark")
    context.request.post(f"{stack.url}/login", data={"token": stack.operator["Authorization"].removeprefix("Bearer ")})
    page = open_page(context, stack, "/queues")
    queue = TrackedQueue("headway.default", connection=redis)
    job = queue.enqueue_in(timedelta(hours=1), sum_numbers, text="9")
    after = queue.enqueue(sum_numbers, text="5", depends_on=[job])
    expect(page.locator(".warnings")).to_contain_text("No scheduler is up: retries and scheduled jobs wait.")
    page.goto(f"{stack.url}/schedule")
    expect(page.locator(".warnings")).to_contain_text("No scheduler is up")
    text = page.locator(f'.job[data-job="{job.id}"] .progress-text')
    expect(text).to_have_text("waits for its time; no scheduler is up")
    expect(page.locator(".deferred .job-above")).to_have_text(f"Waits for sum_numbers {job.id[:8]}")
    job_page = page.context.new_page()
    job_page.goto(f"{stack.url}/jobs/{job.id}")
    expect(job_page.locator(".card job-progress")).to_contain_text("no scheduler is up")
    until_gone = time.monotonic() + 60

    def comes() -> bool:
        assert time.monotonic() < until_gone
        scheduler_heartbeat.beat(redis, "of the test", ["headway.default"])
        return "no scheduler" not in (text.text_content() or "")

    until(comes, "the scheduler", within=30)
    until(lambda: comes() and page.locator(".warnings li").count() == 0, "no warning", within=30)
    scheduler_heartbeat.sign_off(redis, "of the test", ["headway.default"])
    expect(text).to_have_text("waits for its time; no scheduler is up")
    for one in (after, job):
        one.delete()
