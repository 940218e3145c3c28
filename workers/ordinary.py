"""The open elements that are not special (<b>, <span>, <ruby>, …): whether an end tag has an element to end.

They are on no stack: of each name the last few are known, by where they began.
"""

from collections import deque
from typing import Final

from workers.elements import OpenElements

# opened again behind a paragraph that they were not closed in (13.2.4.3)
FORMATTING: Final = frozenset("a b big code em font i nobr s small strike strong tt u".split())
NAMES: Final = 1000  # that are known at a time: a sane page has a tenth of that
KEPT: Final = 16  # of one name


class OrdinaryElements:
    """Those that began, and where; `opened` are the special and hidden ones that they stand among."""

    def __init__(self, opened: OpenElements) -> None:
        self._opened = opened
        # for each: where the element that bounds it is, that one's serial number, and that of the innermost one
        self._begun: dict[str, deque[tuple[int, int, int]]] = {}

    def begin(self, name: str) -> None:
        begun, opened = self._begun.get(name), self._opened
        if begun is None:
            if len(self._begun) >= NAMES:
                return
            begun = self._begun[name] = deque(maxlen=KEPT)
        innermost = len(opened) - 1
        at = opened.scope[-1] if name in FORMATTING else innermost
        begun.append((at, opened.serial(at), opened.serial(innermost)))

    def end(self, name: str) -> int | None:
        """End the last one of that name.

        The serial number of the element that was the innermost where it began; None where none can end.
        """
        begun, opened = self._begun.get(name), self._opened
        bound = opened.scope[-1] if name in FORMATTING else opened.special[-1]
        while begun:
            at, serial, innermost = begun[-1]
            is_there = at < len(opened) and opened.serial(at) == serial
            if is_there and at < bound:
                return None  # beyond a special element
            begun.pop()
            if is_there:
                return innermost
        return None
