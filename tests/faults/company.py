"""Those who watch: three browsers of three kinds, each with an owner and jobs of its own."""

import random
import re
from collections.abc import Iterator
from contextlib import contextmanager

import requests
from flask import Flask
from flask.sessions import SecureCookieSessionInterface
from playwright.sync_api import Browser as Chromium
from playwright.sync_api import sync_playwright

from realtime.sessions import Sessions
from tests import browsers
from tests.faults.pages import Pages
from tests.faults.tabs import Tabs
from tests.faults.view import Browser
from tests.faults.viewer import Programs
from tests.faults.world import SECRET, World

PROGRAMS, HUBS, TABS = 9, 8, 3


class Company:
    """20 clients of one world."""

    def __init__(self, world: World, chromium: Chromium, seed: int) -> None:
        self.sessions = [world.session() for _ in range(3)]
        programs, pages, tabs = self.sessions
        self.browsers: list[Browser] = [
            Programs(world.url, _cookie(programs), _owner(programs), seed, PROGRAMS),
            Pages(world.url, _cookie(pages), _owner(pages), HUBS),
            Tabs(chromium, world.url, dict(tabs.cookies), _owner(tabs), TABS),
        ]
        self.ends = 0  # that there were so far
        self.duplicated: list[str] = []  # of those

    def submit(self, world: World, chance: random.Random) -> list[str]:
        """Queue a job or two for each; returns the ids of those that were accepted."""
        ids = []
        for session in self.sessions:
            for _ in range(chance.randint(1, 2)):
                steps = 80 if chance.random() < 0.1 else chance.randint(2, 24)
                args = {"steps": steps, "fails": chance.random() < 0.2}
                try:
                    answer = session.post(
                        f"{world.direct_url}/api/jobs", json={"task": "climb", "args": args}, timeout=3
                    )
                except requests.RequestException:
                    continue  # a fault is under way; nothing was promised
                if answer.status_code == 202:
                    ids.append(answer.json()["id"])
        return ids

    def close(self) -> None:
        for browser in self.browsers:
            browser.close()
        for session in self.sessions:
            session.close()


@contextmanager
def chromium() -> Iterator[Chromium]:
    path = browsers.find()
    assert path is not None, "no Chrome or Chromium: `make test` installs one"
    with sync_playwright() as playwright, browsers.launch(playwright, path) as launched:
        yield launched


def _cookie(session: requests.Session) -> str:
    return "; ".join(f"{cookie.name}={cookie.value}" for cookie in session.cookies)


def _owner(session: requests.Session) -> str:
    app = Flask("owners")
    app.secret_key = SECRET
    signs = SecureCookieSessionInterface()
    signs.salt = Sessions.salt
    serializer = signs.get_signing_serializer(app)
    assert serializer is not None
    [cookie] = [cookie.value for cookie in session.cookies if re.fullmatch("headway_[0-9a-f]{8}", cookie.name)]
    return str(serializer.loads(cookie or "")["owner"])
