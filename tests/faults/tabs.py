"""Real tabs of a real browser, on the page itself."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from playwright.sync_api import Browser as Chromium
from playwright.sync_api import Page

from tests.faults.pages import ends_of
from tests.faults.view import View

# what the page's own connection holds; what its rows say beside it
LISTEN = """async () => {
  const { connection, onEnd, watch } = await import("/js/client.js");
  const seen = (document.seen = { jobs: new Map(), ends: {}, connection });
  watch("mine", ({ jobs }) => (seen.jobs = jobs));
  onEnd(({ id, attempt }) => (seen.ends[`${id} ${attempt}`] = (seen.ends[`${id} ${attempt}`] ?? 0) + 1));
}"""
LOOK = """() => {
  const { jobs, ends, connection } = document.seen;
  const versions = Object.fromEntries([...jobs].map(([id, state]) => [id, state.version]));
  const rows = [...document.querySelectorAll(".job")].map(({ dataset }) => [dataset.job, dataset.status]);
  const wrong = rows.filter(([id, status]) => jobs.get(id)?.status !== status);
  const drawnLive = document.querySelector("connection-status[state=live]") !== null;
  return { live: connection.state === "live", drawn_live: drawnLive, versions, ends, wrong };
}"""


class Tabs:
    """`count` tabs of one browser profile."""

    def __init__(self, chromium: Chromium, url: str, cookies: Mapping[str, str], owner: str, count: int) -> None:
        self.owner = owner
        self._context = chromium.new_context()
        self._context.add_cookies([{"name": name, "value": value, "url": url} for name, value in cookies.items()])
        self._tabs = [self._open(url) for _ in range(count)]

    def _open(self, url: str) -> Page:
        page = self._context.new_page()
        page.goto(url)
        page.evaluate(LISTEN)
        return page

    def look(self) -> list[View]:
        views = []
        for number, seen in enumerate(self._looks(), 1):
            # a browser draws what is in front, and the others when it likes
            in_front = number == len(self._tabs)
            # a row that says otherwise than the state it is drawn from is as wrong as an old state
            wrong = {id: 0 for id, _ in seen["wrong"]} if in_front else {}
            live = seen["live"] and (seen["drawn_live"] or not in_front)
            views.append(View(live, seen["versions"] | wrong, f"tab {number}{' (rows)' if wrong else ''}"))
        return views

    def told(self) -> Counter[tuple[str, int]]:
        told: Counter[tuple[str, int]] = Counter()
        for seen in self._looks():
            told += ends_of(seen["ends"])
        return told

    def lies(self) -> list[str]:
        return []  # the hub and the store are those of `Pages`, which looks at each change

    def close(self) -> None:
        self._context.close()

    def _looks(self) -> list[dict[str, Any]]:
        return [tab.evaluate(LOOK) for tab in self._tabs]
