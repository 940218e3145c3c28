"""What the parsers of environment variables share."""

from urllib.parse import urlsplit


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
