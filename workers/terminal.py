"""Makes anybody's text safe to show on a terminal."""

import re
from typing import Final

# what moves the cursor, changes colours or turns the line around: C0 but the tab, C1, line and paragraph separators,
# and the marks of writing direction (https://trojansource.codes)
UNSEEN: Final = re.compile(
    "[\x00-\x08\x0a-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff]"
)


def visible(text: str) -> str:
    """`text` in one line, with control characters written as \\u and four digits: in JSON they mean the same."""
    return UNSEEN.sub(lambda match: f"\\u{ord(match[0]):04x}", text)
