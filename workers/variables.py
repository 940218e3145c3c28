"""What the parsers of environment variables share, and which variables there are."""

import difflib
from collections.abc import Iterable
from typing import Final
from urllib.parse import urlsplit

OURS: Final = "HEADWAY_"
PLAIN: Final = ("HOST", "PORT", "REDIS_URL", "SECRET_KEY")
KNOWN: Final = (
    "ALLOW_PRIVATE_FETCH BOOKS_URL CONFLATE CONTACT CRON DIRECT ENV GRACE HOME HOSTS JOB_MEMORY MAIL_FROM MAXMEMORY"
    " MAX_CONNECTIONS MAX_PER_ADDRESS MAX_UNFINISHED NOTICES OPERATOR_TOKEN ORIGINS PREFIX PROCESSES QUEUES READ_ONLY"
    " RETENTION SMTP_URL TRUSTED_PROXIES VERDICT VIEWER_TOKEN WEBHOOK_SECRET"
).split()
NAMES: Final = {**{name: OURS + name for name in KNOWN}, **{name: name for name in PLAIN}}
ALIKE: Final = 0.7  # difflib's ratio, from which a name may be meant


def misspelt(names: Iterable[str]) -> list[str]:
    """A sentence for each name that looks like a setting of ours and is none, with the one that it may stand for."""
    warnings = []
    for name in sorted(names):
        if name.upper().startswith(OURS) and name not in NAMES.values():
            close = difflib.get_close_matches(name.upper().removeprefix(OURS), NAMES, 1, ALIKE)
            hint = f"; did you mean {NAMES[close[0]]}?" if close else ""
            warnings.append(f"{name} is not a setting of Headway and changes nothing{hint}")
    return warnings


def expected(name: str, expected: str, got: str) -> str:
    return f"{name}: expected {expected}, got {got!r}"


def scheme(url: str) -> str:
    """What kind of URL this is; "" where it is none, or has a port that is no number."""
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018  it raises where it is no number
    except ValueError:
        return ""
    return parts.scheme
