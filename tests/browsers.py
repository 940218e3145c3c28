"""Finds a Chrome or Chromium for the browser tests, or installs one. Run by `make test`."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Playwright, sync_playwright

WITHOUT_BAR = Path(__file__).with_name("chromium.sh")
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
APPLICATIONS = ("/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",)
# the first for a root user, the others for silence: nothing of ours needs Google's services
FLAGS = [
    "--no-sandbox",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


def find() -> str | None:
    """The path of a browser: one of the system, or Playwright's own."""
    for name in NAMES:
        if path := shutil.which(name):
            return path
    with sync_playwright() as playwright:
        own = playwright.chromium.executable_path
    return next((path for path in (*APPLICATIONS, own) if Path(path).exists()), None)


def launch(playwright: Playwright, path: str, *flags: str, **options: Any) -> Browser:
    """The browser of `path`."""
    return playwright.chromium.launch(
        executable_path=WITHOUT_BAR, args=[*FLAGS, *flags], env={**os.environ, "CHROMIUM": path}, **options
    )


def install() -> None:
    """Playwright's browser where that can be fetched, else the distribution's package."""
    if subprocess.call([sys.executable, "-m", "playwright", "install", "--with-deps", "chromium"]) == 0:
        return
    apt = shutil.which("apt-get")
    if apt is None:
        return
    prefix = [] if os.geteuid() == 0 else ["sudo"]
    subprocess.call([*prefix, apt, "update", "-qq"])
    subprocess.call([*prefix, apt, "install", "-y", "-qq", "chromium"])


def main() -> int:
    if find() is None:
        install()
    if find() is None:
        print(
            "No Chrome or Chromium was found and none could be installed: install one and try again.", file=sys.stderr
        )
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
