"""What may be done is offered to who may do it, and to nobody else."""

from functools import partial

from playwright.sync_api import expect

from tests.browser.conftest import LogIn
from tests.browser.test_dashboard import ended, submit
from tests.browser.test_page import NewContext
from tests.conftest import Stack, free_port, is_ready, until


def test_who_may_only_look_is_offered_nothing_to_do(
    operator: LogIn, new_context: NewContext, stack: Stack, complaints: list[str]
) -> None:
    page = operator("/")
    failed = submit(page, stack, "count_words", url="http://127.0.0.1:1/")
    ended(page, stack, failed, "failed")
    for read_only in ("0", "1"):
        port = free_port()  # another one each time: somebody else may take the first as soon as it is free
        url = f"http://127.0.0.1:{port}"
        more = {"PORT": str(port), "HEADWAY_VIEWER_TOKEN": "let-me-see", "HEADWAY_READ_ONLY": read_only}
        server = stack.processes.start("-m", "realtime.server", **more)
        until(partial(is_ready, url), "the server", within=30)
        context = new_context()
        token = "let-me-see" if read_only == "0" else stack.operator["Authorization"].removeprefix("Bearer ")
        assert context.request.post(f"{url}/login", data={"token": token}).ok
        page = context.new_page()
        for path in ("/queues", "/jobs", f"/jobs/{failed}", "/workers", "/schedule"):
            page.goto(url + path)
            expect(page.locator("connection-status")).to_have_text("Live")
            expect(page.get_by_text("One moment…")).to_be_hidden()
            for kind in ("requeue", "delete", "stop", "cancel", "enqueue"):
                expect(page.locator(f"main .action-{kind}:visible")).to_have_count(0)
            expect(page.locator("main input[type=checkbox]:visible:not(job-log *), main textarea")).to_have_count(0)
        page.goto(f"{url}/")
        page.keyboard.press("Control+k")
        page.locator("dialog.palette input").fill("queue")
        expect(page.locator("dialog.palette .choice", has_text="Queue default")).to_be_visible()
        page.locator("dialog.palette input").fill("all workers")
        expect(page.locator("dialog.palette .choice")).to_have_text("Search jobs for “all workers”")
        page.keyboard.press("Escape")
        expect(page.locator("task-form")).to_have_count(0 if read_only == "1" else 6)
        page.close()
        server.terminate()
        server.wait(15)
    complaints.clear()  # of what was lost with the servers


def test_the_palette_does_what_may_be_done(operator: LogIn, stack: Stack) -> None:
    page = operator("/audit")
    for text, what in [("Suspend all", "suspend"), ("Resume all", "resume")]:
        page.keyboard.press("Control+k")
        expect(page.locator("dialog.palette input")).to_be_focused()
        page.keyboard.type(text)
        expect(page.locator("dialog.palette [data-chosen]")).to_have_text(f"{text} workers")
        page.keyboard.press("Enter")
        expect(page.locator(".notice")).to_contain_text(text)
        page.reload()
        expect(page.locator("table.audit tbody tr").first).to_contain_text(what)
    page.keyboard.press("Control+k")
    expect(page.locator("dialog.palette input")).to_be_focused()
    page.keyboard.type("theme")
    page.keyboard.press("Enter")
    expect(page.locator("html")).to_have_attribute("data-theme", "light")


def test_the_palette_does_what_has_the_focus_and_waits_for_an_answer(operator: LogIn, stack: Stack) -> None:
    page = operator("/audit")
    page.keyboard.press("Control+k")
    page.locator("dialog.palette input").fill("all workers")
    page.get_by_role("button", name="Resume all workers").focus()
    page.keyboard.press("Enter")
    expect(page.locator(".notice")).to_have_text("Resume all workers: done.")
    page.goto(f"{stack.url}/workers")
    page.get_by_role("button", name="Shut down").first.click()
    expect(page.locator("dialog.sure")).to_be_visible()
    page.keyboard.press("Control+k")
    page.keyboard.press("Escape")
    expect(page.locator("dialog.sure")).to_be_hidden()
    expect(page.locator("dialog.palette")).to_have_count(0)
