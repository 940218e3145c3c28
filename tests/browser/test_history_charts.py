"""<history-charts>, given the figures of real jobs, and some that are made up."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.test_elements import AXE, PAGE
from tests.browser.test_page import NewContext
from tests.conftest import Stack, until

OpenCharts = Callable[..., Page]
DEFINE = "async () => (await import('/js/elements/history-charts.js')).HistoryCharts.define()"
GIVE = "(history) => (document.querySelector('history-charts').history = history)"
BLOT = """(canvas) => {
  const copy = new OffscreenCanvas(canvas.width, canvas.height).getContext("2d", { willReadFrequently: true });
  copy.drawImage(canvas, 0, 0);
  const { data } = copy.getImageData(0, 0, canvas.width, canvas.height);
  const near = (at, [r, g, b]) => Math.abs(data[at] - r) + Math.abs(data[at + 1] - g) + Math.abs(data[at + 2] - b) < 12;
  const colours = { light: [4, 120, 87], dark: [52, 211, 153] }; // --finished
  const count = (colour) => data.filter((_, at) => at % 4 === 0 && data[at + 3] > 200 && near(at, colour)).length;
  return Object.fromEntries(Object.entries(colours).map(([name, colour]) => [name, count(colour)]));
}"""


def figures(ended: list[int], failed: list[int], ms: list[int | None]) -> dict[str, Any]:
    return {"ended": ended, "failed": failed, "wait": {"p50": ms, "p95": ms}, "run": {"p50": ms, "p95": ms}}


def history(*names: str, ended: int = 30, span: str = "15m") -> dict[str, Any]:
    """Four slices of 15 s, the last one full."""
    rows = [figures([ended, 0, ended, ended], [0, 0, 3, 0], [70, None, 2500, 200_000]) for _ in range(len(names) + 1)]
    tasks = [{"name": name, "rest": False, **row} for name, row in zip(names, rows[1:], strict=True)]
    at = [1_800_000_000 + 15 * number for number in range(4)]
    made = {"span": span, "step": 15, "until": at[-1] + 15, "at": at, "total": rows[0], "queues": [], "tasks": tasks}
    return {"spans": {span: made}}


@pytest.fixture
def open_charts(new_context: NewContext, stack: Stack) -> OpenCharts:
    def open_(*, first: str = "() => null", **options: Any) -> Page:
        page = new_context(**options).new_page()
        body = '<h1>Overview</h1><history-charts span="15m"></history-charts>'
        page.route("**/somebody", lambda route: route.fulfill(body=PAGE.format(body=body), content_type="text/html"))
        page.goto(f"{stack.url}/somebody")
        page.evaluate(first)
        page.evaluate(DEFINE)
        return page

    return open_


def test_what_real_jobs_took_is_drawn_and_said(open_charts: OpenCharts, stack: Stack) -> None:
    id = stack.submit(session := stack.session(), "sum_numbers", text="1")["id"]
    until(lambda: stack.job(session, id)["status"] == "finished", "the end")
    page = open_charts(extra_http_headers=stack.operator)
    read = page.context.request.get(f"{stack.url}/api/history?span=15m").json()
    page.evaluate(GIVE, {"spans": {"15m": read}})
    expect(page.locator("figure canvas")).to_have_count(4)
    expect(page.locator("history-charts select option")).to_contain_text(["all queues and tasks", "queue default"])
    page.locator("summary").click()
    expect(page.locator(".history-figures tbody tr")).to_have_count(60)
    ended = [int(text) for text in page.locator(".history-figures tbody tr td:nth-of-type(1)").all_text_contents()]
    assert sum(ended) == sum(read["total"]["ended"]) >= 1


def test_uplot_is_loaded_once_there_is_something_to_draw(open_charts: OpenCharts) -> None:
    page = open_charts()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    expect(page.locator(".history-message")).to_have_text("The first figures are on their way.")
    page.evaluate(GIVE, history(ended=0))
    expect(page.locator(".history-message")).to_have_text("None of these jobs ended in the last 15 minutes.")
    assert asked == [] and page.locator("figure:visible").count() == 0
    page.evaluate(GIVE, history())
    expect(page.locator("figure canvas")).to_have_count(4)
    expect(page.locator(".history-message")).to_have_text("")
    assert sorted(url.rsplit("/", 1)[1] for url in asked) == ["uplot.css", "uplot.js"]


def test_the_legend_has_the_newest_values_and_those_under_the_pointer(open_charts: OpenCharts) -> None:
    page = open_charts()
    page.evaluate(GIVE, history())
    values = page.locator("figure:first-child .u-value")
    expect(page.locator("figcaption").first).to_have_text("Jobs ended per second")
    expect(values).to_have_text(["now", "2", "0"])
    expect(page.locator("figure:last-child .u-value")).to_have_text(["now", "3 min 20 s", "3 min 20 s"])
    box = page.locator("figure:first-child .u-over").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] * 2 / 3, box["y"] + box["height"] / 2)
    expect(values.nth(2)).to_have_text("0.2")


def test_one_chooses_a_task_and_keeps_it_and_a_name_is_only_text(open_charts: OpenCharts) -> None:
    page = open_charts()
    hostile = "<img src=x onerror=alert(1)>"
    page.evaluate(GIVE, history("other", hostile))
    page.locator("history-charts select").select_option(label=f"task {hostile}")
    page.locator("summary").click()
    expect(page.locator(".history-figures caption")).to_have_text(f"task {hostile}, the last 15 minutes")
    page.evaluate(GIVE, history(hostile, "first no more", ended=45))
    expect(page.locator(".history-figures caption")).to_have_text(f"task {hostile}, the last 15 minutes")
    expect(page.locator(".history-figures tbody tr").first.locator("td").first).to_have_text("45")
    page.evaluate(GIVE, history("another"))
    expect(page.locator(".history-figures caption")).to_have_text("all queues and tasks, the last 15 minutes")
    assert page.locator("history-charts img").count() == 0


def test_each_span_is_kept_until_a_newer_one_comes(open_charts: OpenCharts) -> None:
    page = open_charts()
    page.evaluate(GIVE, history())
    page.evaluate(GIVE, history(span="24h", ended=60))
    values = page.locator("figure:first-child .u-value")
    expect(values.nth(1)).to_have_text("2")
    page.locator("history-charts").evaluate("(element) => (element.span = '24h')")
    expect(values.nth(1)).to_have_text("4")


def test_it_fits_its_box_and_wears_the_colours_of_the_page(open_charts: OpenCharts) -> None:
    page = open_charts(viewport={"width": 360, "height": 800}, color_scheme="light")
    page.evaluate(GIVE, history())
    canvas = page.locator("figure:first-child canvas")
    expect(canvas).to_have_count(1)
    until(lambda: canvas.evaluate(BLOT)["light"] > 50, "a line in the light colour")
    narrow = page.locator("figure:first-child .uplot").evaluate("(box) => box.clientWidth")
    assert page.evaluate("document.documentElement.scrollWidth") <= 360 and narrow > 300
    page.emulate_media(color_scheme="dark")
    until(lambda: canvas.evaluate(BLOT)["dark"] > 50, "a line in the dark colour")
    assert canvas.evaluate(BLOT)["light"] == 0
    page.evaluate("document.documentElement.style.colorScheme = 'light'")  # as the theme of a page does
    until(lambda: canvas.evaluate(BLOT)["light"] > 50, "a line in the light colour again")
    page.set_viewport_size({"width": 1280, "height": 800})
    until(
        lambda: page.locator("figure:first-child .uplot").evaluate("(box) => box.clientWidth") > narrow, "a wider one"
    )
    page.set_viewport_size({"width": 360, "height": 800})
    until(lambda: page.evaluate("document.documentElement.scrollWidth") <= 360, "a narrow one again")


def test_what_was_given_before_the_definition_counts(open_charts: OpenCharts) -> None:
    page = open_charts(first="() => (document.querySelector('history-charts').history = { spans: {} })")
    expect(page.locator(".history-message")).to_have_text("The first figures are on their way.")
    page.evaluate(GIVE, history())
    expect(page.locator("figure canvas")).to_have_count(4)


def test_moved_elsewhere_it_is_drawn_again(open_charts: OpenCharts) -> None:
    page = open_charts()
    page.evaluate(GIVE, history())
    expect(page.locator("figure canvas")).to_have_count(4)
    page.evaluate("document.body.append(document.querySelector('history-charts'))")
    expect(page.locator("figure canvas")).to_have_count(4)
    expect(page.locator("figure:first-child .u-value").nth(1)).to_have_text("2")


def test_without_uplot_the_table_is_left(open_charts: OpenCharts, complaints: list[str]) -> None:
    page = open_charts()
    page.route("**/vendor/uplot.js", lambda route: route.abort())
    page.evaluate(GIVE, history())
    expect(page.locator(".history-message")).to_contain_text("could not be loaded")
    page.locator("summary").click()
    expect(page.locator(".history-figures tbody tr")).to_have_count(4)
    complaints.clear()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_everybody_can_use_it(open_charts: OpenCharts, scheme: str) -> None:
    page = open_charts(color_scheme=scheme)
    page.evaluate(GIVE, history("one"))
    expect(page.locator("figure canvas")).to_have_count(4)
    page.locator("summary").click()
    page.evaluate(AXE)
    found = page.evaluate("axe.run().then(({ violations }) => violations.map(({ id, nodes }) => [id, nodes[0].html]))")
    assert found == []
