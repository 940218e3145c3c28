"""A real browser. Each test gets contexts of its own; what the console says against a page fails the test."""

import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests import browsers
from tests.conftest import Stack

TIMEOUT = 15_000  # ms
LogIn = Callable[..., Page]


@pytest.fixture(scope="session")
def launch() -> Iterator[Callable[..., Browser]]:
    path = browsers.find()
    assert path is not None, "no Chrome or Chromium: `make test` installs one"
    expect.set_options(timeout=TIMEOUT)
    with sync_playwright() as playwright:
        yield partial(browsers.launch, playwright, path)


@pytest.fixture(scope="session")
def browser(launch: Callable[..., Browser]) -> Iterator[Browser]:
    with launch() as browser:
        yield browser


@pytest.fixture
def browser_that_keeps_pages(launch: Callable[..., Browser]) -> Iterator[Browser]:
    """One with a cache of whole pages, which Playwright switches off."""
    with launch(ignore_default_args=["--disable-back-forward-cache"]) as browser:
        yield browser


@pytest.fixture
def complaints() -> list[str]:
    """What consoles and pages complained of; a test that expects some clears it."""
    return []


@pytest.fixture
def new_context(browser: Browser, complaints: list[str]) -> Iterator[Callable[..., BrowserContext]]:
    opened: list[BrowserContext] = []

    def listen(page: Page) -> None:
        page.set_default_timeout(TIMEOUT)
        page.on("console", lambda word: complaints.append(word.text) if word.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))

    def make(**options: object) -> BrowserContext:
        context = browser.new_context(**options)  # type: ignore[arg-type]
        context.on("page", listen)
        opened.append(context)
        return context

    yield make
    said = len(complaints)
    for context in opened:
        context.close()
    # tabs are closed one by one: the next in line may just have begun to lead, and lets go of its socket as it connects
    late = [word for word in complaints[said:] if "closed before the connection is established" not in word]
    assert [*complaints[:said], *late] == []


@pytest.fixture
def kill_horse(stack: Stack) -> Callable[[str], None]:
    """Kills, with SIGKILL, the process that runs a job."""

    def kill(id: str) -> None:
        worker = stack.session().get(f"{stack.url}/api/jobs/{id}").json()["worker"]
        pid = worker.split(".")[-2]  # <queue>.<pid>.<random>
        horses = subprocess.run(["pgrep", "-P", pid], capture_output=True, text=True, check=True).stdout.split()
        os.kill(int(horses[0]), signal.SIGKILL)

    return kill


@pytest.fixture
def operator(new_context: Callable[..., BrowserContext], stack: Stack) -> LogIn:
    """Opens a view, as an operator."""

    def open_(path: str, **options: Any) -> Page:
        context = new_context(**options)
        token = stack.operator["Authorization"].removeprefix("Bearer ")
        context.request.post(f"{stack.url}/login", data={"token": token})
        page = context.new_page()
        page.goto(stack.url + path)
        expect(page.locator("connection-status")).to_have_text("Live")
        return page

    return open_
