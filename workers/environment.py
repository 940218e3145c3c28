"""Which variables each kind of process gets: what holds a secret goes only to those that need it."""

import os
from collections.abc import Mapping
from pathlib import Path

from workers.wire import INTERNAL_QUEUES

WEB_SECRETS = ("SECRET_KEY", "HEADWAY_OPERATOR_TOKEN", "HEADWAY_VIEWER_TOKEN")
NEWS_SECRETS = ("HEADWAY_WEBHOOK_SECRET", "HEADWAY_SMTP_URL")
SERVER = ("HOME", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "PATH", "TMPDIR", "TZ")


def of_parts(given: Mapping[str, str], root: Path) -> dict[str, str]:
    """What all parts get that are Python's, beside `given`: they print at once, in UTF-8 whatever the terminal has, and
    find their modules in `root` where Python does not look into the present folder."""
    parts = {**given, "PYTHONUNBUFFERED": "1", "PYTHONIOENCODING": "utf-8:backslashreplace"}
    if given.get("PYTHONSAFEPATH"):
        parts["PYTHONPATH"] = os.pathsep.join(filter(None, (str(root), given.get("PYTHONPATH"))))
    return parts


def of_web(given: Mapping[str, str], notices: tuple[str, ...]) -> dict[str, str]:
    """A web process sends no news itself: of `notices` it only knows which kinds are set up."""
    return {**_without(given, NEWS_SECRETS), "HEADWAY_NOTICES": ",".join(notices)}


def of_worker(given: Mapping[str, str], queue: str = "") -> dict[str, str]:
    """A worker of this queue, or another process on the workers' side. Tasks may need whatever else there is."""
    return _without(given, secrets_kept_from(queue))


def of_server(given: Mapping[str, str]) -> dict[str, str]:
    """The embedded server: its command line says all that it needs to know."""
    return {name: given[name] for name in SERVER if name in given}


def secrets_kept_from(queue: str) -> tuple[str, ...]:
    return WEB_SECRETS if sends_news(queue) else WEB_SECRETS + NEWS_SECRETS


def sends_news(queue: str) -> bool:
    return queue in INTERNAL_QUEUES


def _without(given: Mapping[str, str], names: tuple[str, ...]) -> dict[str, str]:
    return {name: text for name, text in given.items() if name not in names}
