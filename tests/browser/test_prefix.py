"""All of it below a prefix, as behind a proxy that has other things at its root."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from tests.browser.test_page import NewContext, row, run_task
from tests.conftest import Stack, free_port, is_ready, until


@pytest.fixture
def below(stack: Stack) -> Iterator[str]:
    port = free_port()
    url = f"http://127.0.0.1:{port}/deep/jobs"
    process = stack.processes.start("-m", "realtime.server", PORT=str(port), HEADWAY_PREFIX="/deep/jobs/")
    until(lambda: is_ready(url), "the server")
    yield url
    process.kill()
    process.wait()


def test_all_of_it_works_below_a_prefix(below: str, new_context: NewContext, stack: Stack) -> None:
    page = new_context().new_page()
    page.goto(below)
    expect(page.locator("connection-status")).to_have_text("Live")
    id = run_task(page, "sum_numbers", text="12345")
    expect(row(page, id)).to_have_attribute("data-status", "finished")
    token = stack.operator["Authorization"].removeprefix("Bearer ")
    page.goto(f"{below}/login#token={token}")
    expect(page.locator(".badge")).to_have_text("operator")
    for name in ("Queues", "Workers", "Schedule", "Audit", "Jobs"):
        page.locator(".views").get_by_role("link", name=name, exact=True).click()
        expect(page).to_have_url(f"{below}/{name.lower()}")
        expect(page.locator("connection-status")).to_have_text("Live")
        expect(page.get_by_text("One moment…")).to_be_hidden()
    page.locator(f'.job[data-job="{id}"] .job-title').click()
    expect(page.locator("job-status")).to_have_text("finished")
    page.keyboard.press("w")
    expect(page).to_have_url(f"{below}/workers")
