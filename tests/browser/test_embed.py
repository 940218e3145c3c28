"""The example of docs/embed.md: somebody else's page, of another site, with a live bar."""

import re
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests
from playwright.sync_api import BrowserContext, expect

from tests.conftest import ROOT, Stack, free_port, is_ready, until

DOCS = ROOT / "docs" / "embed.md"
EXAMPLE = ROOT / "examples" / "shop.py"


@pytest.fixture
def shop(stack: Stack) -> Iterator[str]:
    """Its address, by name where Headway's is by number: another port alone would be the same site."""
    port, headway = free_port(), free_port()
    address = f"http://localhost:{port}"
    operator = stack.operator["Authorization"].partition(" ")[2]
    started = [
        stack.processes.start("-m", "realtime.server", PORT=str(headway), HEADWAY_ORIGINS=address),
        stack.processes.start(
            str(EXAMPLE),
            PORT=str(port),
            HEADWAY_URL=f"http://127.0.0.1:{headway}",
            HEADWAY_OPERATOR_TOKEN=operator,
        ),
    ]
    until(lambda: is_ready(f"http://127.0.0.1:{headway}"), "Headway")
    until(lambda: answers(address), "the shop")
    yield address
    for process in started:
        process.send_signal(signal.SIGKILL)
        process.wait()


def answers(url: str) -> bool:
    try:
        return requests.get(url, timeout=2).status_code == 404
    except requests.RequestException:
        return False


def test_the_page_of_somebody_else_shows_a_live_bar(shop: str, new_context: Callable[..., BrowserContext]) -> None:
    page = new_context().new_page()
    sockets: list[str] = []
    page.on("websocket", lambda socket: sockets.append(socket.url))
    page.goto(f"{shop}/order")
    bar = page.locator("job-progress")
    expect(bar).to_have_attribute("status", "started")
    expect(bar.locator("progress")).to_have_attribute("aria-label", "create_task: started")
    expect(bar).to_have_attribute("status", "finished")
    assert len(sockets) == 1 and urlsplit(sockets[0]).hostname == "127.0.0.1"
    assert page.context.cookies() == [], "it needs no cookie of ours"


def test_a_page_of_an_origin_that_is_not_named_has_no_part_in_it(
    shop: str, new_context: Callable[..., BrowserContext], complaints: list[str]
) -> None:
    page = new_context().new_page()
    page.goto(f"{shop.replace('localhost', '127.0.0.1')}/order")  # the same page, of another origin
    until(lambda: complaints, "the browser's refusal")
    assert all("CORS" in word or "ERR_FAILED" in word for word in complaints)
    assert page.locator("job-progress").text_content() == "The bar needs JavaScript."
    complaints.clear()


def test_the_docs_show_what_the_example_does() -> None:
    shown = re.findall(r"```html\n(.*?)```", DOCS.read_text(), re.DOTALL)
    lines = [line.strip() for line in shown[0].strip().splitlines()]
    assert len(lines) <= 10
    example = Path(EXAMPLE).read_text()
    assert all(
        line in example for line in lines if line.startswith(("import", "JobProgress", "<job-progress", "<script"))
    )
