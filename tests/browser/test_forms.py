"""The forms of tasks, whatever their arguments are: filled in, left alone, filled in wrongly."""

import re
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.test_elements import violations
from tests.browser.test_page import NewContext, open_page
from tests.conftest import ROOT, Processes, Stack, free_port, is_ready, start_redis, until

BIG = "1269943055849660418"  # beyond what JavaScript's numbers hold


@pytest.fixture(scope="module")
def forms(base_environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """An installation with README's example among its tasks, and others of all types."""
    folder = tmp_path_factory.mktemp("tasks")
    for path in (ROOT / "examples/resize.py", Path(__file__).parent / "tasks/every_type.py"):
        (folder / path.name).symlink_to(path)
    server, redis_url = start_redis(tmp_path_factory.mktemp("forms-redis"))
    port = free_port()
    environment = {**base_environment, "REDIS_URL": redis_url, "PORT": str(port), "TEST_TASKS": str(folder)}
    started = Processes(environment, tmp_path_factory.mktemp("forms-logs"))
    started.start("-m", "tests.faults.part", "realtime.server")
    started.start("-m", "tests.faults.part", "workers.main", "worker", "--queue", "default")
    url = f"http://127.0.0.1:{port}"
    until(lambda: is_ready(url), f"the web server ({started.log()})", within=60)
    yield Stack(url, redis_url, started, environment["HEADWAY_OPERATOR_TOKEN"])
    started.stop()
    server.terminate()
    server.wait()


def open_form(page: Page, task: str) -> Locator:
    box = page.locator("details.task", has=page.locator("summary", has_text=re.compile(f"^{task}$")))
    if box.get_attribute("open") is None:
        box.locator("summary").click()
    return box


def run(box: Locator, stack: Stack) -> dict[str, Any]:
    """Submit the form; the arguments of the job that is made."""
    with box.page.expect_response("**/api/jobs") as answer:
        box.get_by_role("button", name="Run").click()
    assert answer.value.status == 202, answer.value.text()
    id = answer.value.json()["id"]
    args = box.page.context.request.get(f"{stack.url}/api/jobs/{id}").json()["args"]
    assert isinstance(args, dict)
    return args


def wrong(box: Locator, name: str) -> Locator:
    return box.locator(".field", has=box.page.locator(f"[name={name}]")).locator(".wrong")


def test_the_example_of_readme_runs_from_its_form(forms: Stack, new_context: NewContext) -> None:
    page = open_page(new_context(), forms)
    box = open_form(page, "resize")
    expect(box.get_by_label("Width")).to_have_value("800")
    box.get_by_label("Pictures").fill("a.jpg\nb.jpg")
    assert run(box, forms) == {"pictures": ["a.jpg", "b.jpg"], "width": 800}
    expect(page.locator(".job .progress-text")).to_have_text("2")


def test_what_is_left_alone_has_its_default(forms: Stack, new_context: NewContext) -> None:
    page = open_page(new_context(), forms)
    box = open_form(page, "with_defaults")
    requests: list[str | None] = []
    page.on("request", lambda request: requests.append(request.post_data) if "/api/jobs" in request.url else None)
    left = run(box, forms)
    assert requests == ['{"task":"with_defaults","args":{}}']
    assert (left["number"], left["flag"], left["color"], left["text"], left["tags"]) == (
        1.5,
        True,
        "blue",
        "hello",
        ["x"],
    )
    for name, value in {"number": "2", "maybe": "3", "some": "", "text": "", "tags": "", "anything": "[1]"}.items():
        box.locator(f"[name={name}]").fill(value)
    box.locator("[name=flag]").uncheck()
    box.locator("[name=choice]").select_option("b")
    box.locator("[name=counts]").fill('{"a": 1}')
    box.locator("[name=order]").fill('{"name": "second", "sizes": [2]}')
    box.locator("[name=day]").fill("2026-02-28")
    box.locator("[name=pause]").fill("1:30:00")
    box.locator("[name=price]").fill("19.90")
    changed = run(box, forms)
    expected: dict[str, Any] = {
        "number": 2.0,
        "maybe": 3,
        "some": None,
        "text": "",
        "tags": [],
        "anything": [1],
        "flag": False,
    }
    expected |= {"choice": "b", "counts": {"a": 1}, "order": {"name": "second", "sizes": [2]}, "day": "2026-02-28"}
    expected |= {"pause": "PT1H30M", "price": "19.90"}
    assert {name: changed[name] for name in expected} == expected
    assert not violations(page)


def test_choices_that_look_alike_and_large_numbers_are_sent_as_they_are(forms: Stack, new_context: NewContext) -> None:
    page = open_page(new_context(), forms)
    box = open_form(page, "beyond_floats")
    expect(box.locator("[name=number]")).to_have_value("9007199254740993")
    expect(box.locator(".hint").first).to_have_text(
        "Whole number -9223372036854775808 or more, less than 9223372036854775808"
    )
    expect(box.locator("[name=alike] option")).to_have_text(["1", '"1"'])
    box.locator("[name=alike]").select_option(label='"1"')
    box.locator("[name=large]").select_option(label="9007199254740993")
    box.locator("[name=number]").fill("9007199254740995")
    assert run(box, forms) == {"number": 2**53 + 3, "alike": "1", "large": 2**53 + 1}


def test_what_is_required_is_asked_for_and_wrong_values_are_named(
    forms: Stack, new_context: NewContext, complaints: list[str]
) -> None:
    page = open_page(new_context(timezone_id="Europe/Berlin", color_scheme="dark"), forms)
    box = open_form(page, "all_required")
    button = box.get_by_role("button", name="Run")
    button.click()
    expect(wrong(box, "big")).to_have_text("This is required.")
    expect(box.locator("[name=big]")).to_be_focused()
    expect(box.locator("[aria-invalid]")).not_to_have_count(0)
    for name in ("choice", "color", "sure", "note", "numbers", "pair", "at", "raw"):
        expect(wrong(box, name)).to_have_text("This is required.")
    values = {"big": BIG, "few": "11", "name": "x", "note": "so", "numbers": "1\nno\n3", "pair": '[1, "a"]'}
    values |= {"order": '{"sizes": [1]}', "day": "2026-11-30", "at": "2026-07-01T18:30:00", "hour": "06:00"}
    values |= {"price": "1.10", "id": "7", "either": "12", "raw": "ab"}
    for name, value in values.items():
        box.locator(f"[name={name}]").fill(value)
    box.locator("[name=choice]").select_option(label="1")
    box.locator("[name=color]").select_option("red")
    box.locator("[name=sure]").select_option("No value")
    button.click()
    expect(wrong(box, "few")).to_have_text("Enter 10 or less, not 11.")
    expect(box.locator("[name=few]")).to_be_focused()
    expect(box.locator("[name=few]")).to_have_accessible_description(
        "Whole number from 1 to 10 Enter 10 or less, not 11."
    )
    expect(wrong(box, "name")).to_have_text('Enter at least 2 characters, not "x".')
    expect(wrong(box, "numbers")).to_contain_text("Line 2: Enter a whole number")
    expect(wrong(box, "order")).to_have_text("name is missing.")
    expect(wrong(box, "id")).to_contain_text("Enter a UUID")
    expect(wrong(box, "big")).to_be_empty()
    assert not violations(page)
    box.locator("[name=order]").fill("{name: 1}")
    button.click()
    expect(wrong(box, "order")).to_contain_text("This isn’t JSON")
    fixed = {
        "few": "10",
        "name": "xy",
        "numbers": BIG,
        "order": '{"name": "n"}',
        "id": "12345678123456781234567812345678",
    }
    for name, value in fixed.items():
        box.locator(f"[name={name}]").fill(value)
    sent: list[str | None] = []
    page.on("request", lambda request: sent.append(request.post_data) if "/api/jobs" in request.url else None)
    args = run(box, forms)
    assert f'"big":{BIG}' in (sent[0] or "") and f'"numbers":[{BIG}]' in (sent[0] or "")
    assert args["big"] == int(BIG) and args["few"] == 10 and args["flag"] is False and args["sure"] is None
    assert (args["choice"], args["color"], args["note"], args["pair"]) == (1, "red", "so", [1, "a"])
    assert datetime.fromisoformat(args["at"]) == datetime.fromisoformat("2026-07-01T16:30:00+00:00")
    assert (args["either"], args["price"], args["hour"]) == (12, "1.10", "06:00:00")
    assert all("400" in complaint for complaint in complaints)  # the browser itself notes each answer of 400
    complaints.clear()
