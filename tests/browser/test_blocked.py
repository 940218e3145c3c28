"""A network that lets no live updates through; addresses and links that are odd."""

from urllib.parse import quote

import pytest
from playwright.sync_api import expect

from tests.browser.test_elements import violations
from tests.browser.test_page import NewContext, open_page, row, run_task
from tests.browser.test_tabs import NO_WORKER
from tests.conftest import Stack, free_port, is_ready, until

STATE = "Your network doesn’t let live updates through; read every 5 s, as of "


def test_a_page_without_a_socket_says_so_and_reads_what_it_shows(new_context: NewContext, stack: Stack) -> None:
    context = new_context(viewport={"width": 360, "height": 800})
    context.add_init_script(NO_WORKER)
    context.route_web_socket("**/socket.io/**", lambda socket: None)  # it opens, and nothing comes through
    page = context.new_page()
    page.goto(stack.url)
    expect(page.locator("connection-status")).to_contain_text(STATE)
    expect(page.locator(".list-empty")).to_be_visible()
    id = run_task(page, "sum_numbers", text="12345")
    expect(row(page, id)).to_have_attribute("data-status", "finished")
    expect(row(page, id).locator(".progress-text")).to_have_text("15")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert not violations(page)
    context.request.post(f"{stack.url}/login", data={"token": stack.operator["Authorization"].removeprefix("Bearer ")})
    page.goto(f"{stack.url}/queues")
    expect(page.locator("table.queues tr", has_text="bookInfoParser")).to_be_visible()
    expect(page.locator(".tile", has_text="workers up").locator("b")).to_have_text("6")


def test_an_address_that_is_no_text_names_no_job(new_context: NewContext, stack: Stack, complaints: list[str]) -> None:
    page = open_page(new_context(), stack, "/jobs/%F0%9F")
    expect(page.locator("main")).to_contain_text("no job has the id")
    assert complaints == []


@pytest.fixture(scope="module")
def odd(stack: Stack) -> tuple[str, str]:
    """A web process whose operator's token has all the characters that addresses use, and ends in a newline."""
    port = free_port()
    token = "a+b/c==&d=%41#é"
    stack.processes.start("-m", "realtime.server", PORT=str(port), HEADWAY_OPERATOR_TOKEN=f"{token}\n")
    url = f"http://127.0.0.1:{port}"
    until(lambda: is_ready(url), "the server", within=60)
    return url, token


@pytest.mark.parametrize("encode", [str, lambda token: quote(token, safe="")], ids=["as it is", "encoded"])
def test_a_login_link_works_whatever_its_token_is_made_of(
    encode: object, odd: tuple[str, str], new_context: NewContext, complaints: list[str]
) -> None:
    url, token = odd
    assert callable(encode)
    page = new_context().new_page()
    page.goto(f"{url}/login#token={encode(token)}")
    expect(page.locator(".badge", has_text="operator")).to_be_visible()
    complaints.clear()  # one way to read it was wrong, and the browser notes the answer of 401


def test_a_token_can_be_put_into_a_field(odd: tuple[str, str], new_context: NewContext, complaints: list[str]) -> None:
    url, token = odd
    page = new_context(color_scheme="dark").new_page()
    page.goto(f"{url}/login")
    field = page.get_by_label("Token")
    expect(field).to_be_focused()
    page.keyboard.type("wrong")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert").first).to_contain_text("not the operator's token")
    assert not violations(page)
    field.fill(f" {token} ")
    page.get_by_role("button", name="Log in").click()
    expect(page.locator(".badge", has_text="operator")).to_be_visible()
    assert all("401" in complaint for complaint in complaints)
    complaints.clear()
