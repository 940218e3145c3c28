"""Ends are told once: by a toast in the tab that is looked at, by the system where none is."""

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.test_coming_back import Server
from tests.browser.test_dashboard import submit
from tests.browser.test_page import NewContext, open_page, run_task
from tests.browser.test_tabs import hide, open_tabs, show
from tests.conftest import Stack, until

ENDS = 50
SLOW = 60.0  # seconds: a browser starts its service workers with what the machine has to spare
NOTE_TOLD = """() => {
  document.told = [];
  document.querySelector("job-toasts").addEventListener("told", ({ detail }) => {
    document.told.push(...detail.map(({ id, attempt }) => `${id} ${attempt}`));
  });
}"""
# asked before one is shown, Chromium takes it for one that was closed, and forgets it: these are counted once shown
COUNT_SHOWN = """() => {
  self.shown = [];
  const show = ServiceWorkerRegistration.prototype.showNotification;
  ServiceWorkerRegistration.prototype.showNotification = async function (title, options) {
    await show.call(this, title, options);
    self.shown.push({ title, tag: options.tag });
  };
}"""


def told(tabs: list[Page]) -> list[str]:
    return [key for tab in tabs for key in tab.evaluate("document.told")]


def test_fifty_ends_over_five_tabs_are_each_told_once_though_the_server_is_killed_twice(
    stack: Stack, new_context: NewContext, complaints: list[str]
) -> None:
    server = Server(stack)
    tabs = open_tabs(new_context(), server.stack.url, 5)
    for tab in tabs:
        tab.evaluate(NOTE_TOLD)
    ids: list[str] = []
    for part in range(3):
        args = [{"text": str(number)} for number in range(ENDS // 3 if part else ENDS - 2 * (ENDS // 3))]
        answer = tabs[part].context.request.post(
            f"{server.stack.url}/api/jobs/bulk", data={"task": "sum_numbers", "args": args}
        )
        ids += answer.json()["ids"]
        if part < 2:
            server.kill()
            server.start()
    until(lambda: len(told(tabs)) >= ENDS, f"{ENDS} ends")
    for tab in tabs:
        expect(tab.locator("connection-status")).to_have_text("Live")
    assert sorted(told(tabs)) == sorted(f"{id} 1" for id in ids)
    server.kill()
    complaints.clear()  # the browser notes each connection that failed


def test_a_toast_says_what_ended_leads_to_it_and_can_be_dismissed(new_context: NewContext, stack: Stack) -> None:
    page = open_page(new_context(), stack)
    id = run_task(page, "sum_numbers", text="12345")
    toast = page.locator("job-toasts .toast")
    expect(toast).to_contain_text(re.compile("sum_numbers finished in .* m?s"))
    toast.get_by_role("button", name="Show").click()
    expect(page.locator("job-details dialog")).to_contain_text(id)
    page.keyboard.press("Escape")
    toast.hover()  # it stays as long as the pointer is on it
    toast.get_by_role("button", name="Dismiss").click()
    expect(toast).to_have_count(0)


def test_many_ends_become_one_toast(new_context: NewContext, stack: Stack) -> None:
    page = open_page(new_context(), stack)
    page.evaluate(NOTE_TOLD)
    args = [{"text": str(number)} for number in range(30)]
    page.context.request.post(f"{stack.url}/api/jobs/bulk", data={"task": "sum_numbers", "args": args})
    until(lambda: len(told([page])) == 30, "30 ends")
    assert page.locator("job-toasts .toast").count() <= 3


def allowed(new_context: NewContext) -> BrowserContext:
    """A browser whose person has allowed notifications."""
    context = new_context()
    context.grant_permissions(["notifications"])
    # the push services of browsers are out of reach here, and are not what these tests are about
    context.add_init_script("PushManager.prototype.subscribe = async () => { throw new Error('no push service'); }")
    return context


class System:
    """What the system shows on behalf of a page: looked at where it is made, in the page's service worker."""

    def __init__(self, page: Page) -> None:
        page.evaluate("navigator.serviceWorker.register('/service-worker.js', { type: 'module' })")
        page.evaluate("async () => void (await navigator.serviceWorker.ready)")
        [self.worker] = until(lambda: page.context.service_workers, "the service worker", SLOW)
        self.worker.evaluate(COUNT_SHOWN)

    def shown(self) -> list[dict[str, Any]]:
        return list(self.worker.evaluate("self.shown"))

    def open(self) -> list[str]:
        """Titles of those that nobody has closed."""
        titles = self.worker.evaluate("async () => (await registration.getNotifications()).map(({ title }) => title)")
        return list(titles)


def test_hidden_tabs_have_the_system_tell_once_and_count_in_every_title(new_context: NewContext, stack: Stack) -> None:
    tabs = open_tabs(allowed(new_context), stack.url, 5)
    system = System(tabs[0])
    for tab in tabs:
        tab.evaluate(NOTE_TOLD)
        hide(tab)
    id = submit(tabs[0], stack, "sum_numbers", text="12345")
    until(system.shown, "a notification", SLOW)
    assert system.shown() == [{"title": "sum_numbers finished", "tag": id}]
    for tab in tabs:
        expect(tab).to_have_title("(1) Headway")
        assert "svg" in str(tab.locator("link[rel=icon]").get_attribute("href"))
    show(tabs[3])
    for tab in tabs:
        expect(tab).to_have_title("Headway")
    for tab in tabs:
        show(tab)
    until(lambda: told(tabs), "the toast")
    assert told(tabs) == [f"{id} 1"] and len(system.shown()) == len(system.open()) == 1


def test_a_click_on_a_notification_opens_the_job_in_the_page_that_told_it(
    new_context: NewContext, stack: Stack
) -> None:
    tabs = open_tabs(allowed(new_context), stack.url, 2)
    system = System(tabs[0])
    for tab in tabs:
        hide(tab)
    id = submit(tabs[0], stack, "sum_numbers", text="12345")
    until(system.shown, "a notification", SLOW)
    # a click made by no person may not focus a window, which is all that is left out
    system.worker.evaluate(
        """async () => {
          WindowClient.prototype.focus = async function () { self.focused = this.id; return this; };
          const [notification] = await registration.getNotifications();
          dispatchEvent(new NotificationEvent("notificationclick", { notification }));
        }"""
    )
    until(lambda: any(tab.locator("job-details dialog[open]").count() for tab in tabs), "the job")
    opened = [tab for tab in tabs if tab.locator("job-details dialog[open]").count()]
    assert len(opened) == 1 and id in str(opened[0].locator("job-details dialog").text_content())
    until(lambda: system.open() == [], "the notification is gone", SLOW)


@pytest.mark.parametrize(
    ("ends", "longer_than", "expected"),
    [("failures", 0, ["count_words failed"]), ("off", 0, []), ("all", 1, ["create_task finished"])],
)
def test_a_browser_tells_what_its_person_wishes(
    ends: str, longer_than: int, expected: list[str], new_context: NewContext, stack: Stack
) -> None:
    page = open_page(new_context(), stack)
    page.get_by_text("Notices").click()
    page.locator("notice-settings select").select_option(ends)
    page.locator("notice-settings input").fill(str(longer_than))
    page.locator("notice-settings input").blur()
    page.reload()
    page.get_by_text("Notices").click()
    page.evaluate(
        """() => {
          document.said = [];
          document.querySelector("job-toasts").addEventListener("told", ({ target }) => {
            document.said.push(target.lastElementChild.querySelector("strong").textContent);
          });
        }"""
    )
    run_task(page, "sum_numbers", text="4")
    run_task(page, "count_words", url="http://127.0.0.1:1/")
    last = run_task(page, "create_task", task_type="1")
    expect(page.locator(f'.job[data-job="{last}"]')).to_have_attribute("data-status", "finished")
    expect(page.locator(".list-summary")).to_have_text("2 finished · 1 failed")
    page.locator("notice-settings select").select_option("all")
    page.locator("notice-settings input").fill("0")
    page.locator("notice-settings input").blur()
    run_task(page, "sum_numbers", text="1")
    until(lambda: page.evaluate("document.said") == [*expected, "sum_numbers finished"], str(expected))


def test_the_browser_is_asked_only_upon_a_click_and_told_why(new_context: NewContext, stack: Stack) -> None:
    context = new_context()
    context.add_init_script(
        """document.asked = 0;
           Notification.requestPermission = async () => ((document.asked += 1), "denied");
           Object.defineProperty(Notification, "permission", { get: () => (document.asked ? "denied" : "default") });"""
    )
    page = open_page(context, stack)
    page.get_by_text("Notices").click()
    expect(page.locator("notice-settings")).to_contain_text("Jobs may end while this page is hidden or closed.")
    assert page.evaluate("document.asked") == 0
    page.get_by_role("button", name="Tell me when I am not here").click()
    expect(page.locator("notice-settings")).to_contain_text("was told not to show notifications")
    expect(page.get_by_role("button", name="Tell me when I am not here")).to_be_hidden()
    assert page.evaluate("document.asked") == 1


def test_a_push_is_shown_unless_a_tab_has_told_it(new_context: NewContext, stack: Stack) -> None:
    page = open_page(allowed(new_context), stack)
    system = System(page)
    page.evaluate("async () => (await import('/js/notifications.js')).notify({ title: 'first', body: '', id: 'x' })")
    until(system.shown, "the first", SLOW)
    told_id = run_task(page, "sum_numbers", text="12345")
    expect(page.locator(".toast")).to_contain_text("sum_numbers finished")
    push = pusher(page)
    for title, id in [("told already", told_id), ("news", "some-other"), ("news again", "some-other")]:
        push({"title": title, "body": "in 5 ms", "id": id, "ended": [[id, 1]], "status": "finished"})
    push({"title": "12 jobs ended", "body": "12 finished", "id": None, "ended": [], "status": None})
    until(lambda: any(one["title"] == "12 jobs ended" for one in system.shown()), "the last", SLOW)
    assert sorted(one["title"] for one in system.shown()) == ["12 jobs ended", "first", "news"]
    assert sorted(system.open()) == ["12 jobs ended", "first", "news"]


def pusher(page: Page) -> Callable[[dict[str, Any]], None]:
    """What delivers a message to the page's service worker, as a push service would."""
    client = page.context.new_cdp_session(page)
    registrations: dict[str, bool] = {}  # id → whether it is of this page and alive
    origin = page.evaluate("location.origin")

    def note(event: dict[str, Any]) -> None:
        for one in event["registrations"]:
            registrations[one["registrationId"]] = one["scopeURL"] == f"{origin}/" and not one["isDeleted"]

    client.on("ServiceWorker.workerRegistrationUpdated", note)
    client.send("ServiceWorker.enable")
    until(lambda: page.evaluate("1") and any(registrations.values()), "the registration")
    [id] = [id for id, alive in registrations.items() if alive]

    def push(news: dict[str, Any]) -> None:
        client.send(
            "ServiceWorker.deliverPushMessage", {"origin": origin, "registrationId": id, "data": json.dumps(news)}
        )

    return push
