"""The open elements of a page, as far as they decide what lies within a <p>.

Of the standard's tree construction (html.spec.whatwg.org, 13.2.4 and 13.2.6) this is what "special" and foreign
elements do. Formatting elements (<b>, <font>, …) are left out: neither the adoption agency nor their reconstruction
ever takes a special element off the stack, or moves text into or out of a <p>; and they make a tree quadratic.
"""

from array import array
from typing import Final

GROUPS: Final = ("tbody", "thead", "tfoot")
HEADINGS: Final = ("h1", "h2", "h3", "h4", "h5", "h6")
# what ends a <p> and is open until its own end tag
BLOCKS: Final = frozenset(
    "address article aside blockquote center details dialog dir div dl fieldset figcaption figure footer header hgroup "
    "listing main menu nav ol pre search section summary ul".split()
)
# what a reader sees in a line of its own, or in a cell; words end there
BREAKS: Final = BLOCKS | frozenset(
    "p br hr li dd dt h1 h2 h3 h4 h5 h6 form legend optgroup option plaintext select xmp "
    "table caption colgroup col tbody thead tfoot tr td th".split()
)
# of these, those that are no "special" elements
LINES: Final = ("legend", "optgroup", "option")
# what is shown in place of the text within
HIDDEN: Final = frozenset("audio canvas datalist meter progress rp template video".split())
BOUNDS: Final = ("applet", "caption", "marquee", "object", "select", "table", "td", "template", "th")
# those of SVG and MathML have a name with a blank, which no tag's name has
MATH_TEXT: Final = frozenset(f"math {name}" for name in ("mi", "mo", "mn", "ms", "mtext"))
HTML_WITHIN: Final = frozenset(("svg foreignobject", "svg desc", "svg title"))
HIDDEN_SVG: Final = frozenset(f"svg {name}" for name in ("desc", "metadata", "script", "style", "title"))
# "scope", "button scope" and "list item scope": 13.2.4.2
SCOPE: Final = frozenset(BOUNDS) | MATH_TEXT | HTML_WITHIN | {"math annotation-xml"}
STRUCTURE: Final = frozenset(("table", "caption", *GROUPS, "tr", "td", "th", "template"))


class Element:
    """What is the same of all elements of one name: the lists of positions in which each of them stands."""

    __slots__ = ("foreign", "name", "positions")

    def __init__(self, name: str, foreign: bool, positions: "tuple[array[int], ...]") -> None:
        self.name = name
        self.foreign = foreign
        self.positions = positions


def _positions() -> "array[int]":
    return array("i", [-1])  # -1 in the first place: nothing is open


class OpenElements:
    """A stack with, for each name and each kind of scope, the positions on it: every question is answered at once."""

    def __init__(self) -> None:
        self._stack: list[Element] = []
        self._serials = array("q")  # of each on the stack
        self._last_serial = 0
        self._elements: dict[str, Element] = {}
        self._named: dict[str, array[int]] = {}
        self.paragraphs = self._of("p")
        self.hidden = _positions()
        self.breaks = _positions()
        self.scope = _positions()
        self.button_scope = _positions()
        self.list_scope = _positions()
        self.special = _positions()  # an end tag of none of these reaches beyond them
        self._stops = _positions()  # a new <li> closes no <li> beyond them
        self._headings = _positions()
        self._html = _positions()
        self._tables = _positions()  # "table scope"
        self._structure = _positions()

    def __len__(self) -> int:
        return len(self._stack)

    @property
    def top(self) -> Element | None:
        return self._stack[-1] if self._stack else None

    @property
    def shown(self) -> bool:
        """Whether text that comes now is seen in a <p>."""
        return self.paragraphs[-1] >= 0 and self.hidden[-1] < 0

    @property
    def in_rows(self) -> bool:
        """Whether the innermost part of a table is open between cells."""
        at = self._structure[-1]
        return at >= 0 and self._stack[at].name in ("table", *GROUPS, "tr")

    @property
    def table(self) -> int | None:
        """Where the innermost table is; None outside of tables."""
        at = self._tables[-1]
        return at if at >= 0 and self._stack[at].name == "table" else None

    def last(self, name: str) -> int:
        """Where the innermost element of that name is; -1 where none is open."""
        named = self._named.get(name)
        return named[-1] if named is not None else -1

    def push(self, name: str) -> None:
        element = self._elements.get(name)
        if element is None:
            element = self._elements[name] = Element(name, " " in name, self._lists(name))
        at = len(self._stack)
        self._stack.append(element)
        self._last_serial += 1
        self._serials.append(self._last_serial)
        for positions in element.positions:
            positions.append(at)

    def cut(self, length: int) -> None:
        """Close the innermost elements until `length` are left."""
        stack = self._stack
        while len(stack) > length:
            for positions in stack.pop().positions:
                positions.pop()
        del self._serials[length:]

    def serial(self, at: int) -> int:
        """The number of the element there, which no other one has; 0 of the page itself, at -1."""
        return self._serials[at] if at >= 0 else 0

    def begin_again(self) -> None:
        """Close the innermost element, and open another one of its name."""
        self._last_serial += 1
        self._serials[-1] = self._last_serial

    def close(self, name: str, scope: "array[int]") -> bool:
        """Close the innermost `name`, and all within it, where it is in this scope; whether it was."""
        at = self.last(name)
        if at < 0 or at < scope[-1]:
            return False
        self.cut(at)
        return True

    def close_paragraph(self) -> None:
        if self.paragraphs[-1] > self.button_scope[-1]:
            self.cut(self.paragraphs[-1])

    def close_heading(self) -> None:
        if self._headings[-1] > self.scope[-1]:
            self.cut(self._headings[-1])

    def close_ordinary(self, name: str) -> None:
        """Close an element that is not special; beyond a special one its end tag does nothing."""
        if self.last(name) > self.special[-1]:
            self.cut(self.last(name))

    def close_item(self, *names: str) -> None:
        """Close the <li>, or the <dt> or <dd>, that the next one ends."""
        at = self._stops[-1]
        if at >= 0 and self._stack[at].name in names:
            self.cut(at)

    def close_foreign(self, name: str) -> bool:
        """Close the innermost foreign `name` that no HTML element is in; whether there was one."""
        at = max(self.last(f"svg {name}"), self.last(f"math {name}"))
        if at <= self._html[-1]:
            return False
        self.cut(at)
        return True

    def leave_foreign(self) -> None:
        """Close foreign elements until HTML may stand here."""
        while (top := self.top) and top.foreign and top.name not in HTML_WITHIN and top.name not in MATH_TEXT:
            self.cut(len(self._stack) - 1)

    def _of(self, name: str) -> "array[int]":
        return self._named.setdefault(name, _positions())

    def _lists(self, name: str) -> "tuple[array[int], ...]":
        foreign = " " in name
        ordinary = foreign or (name in HIDDEN and name != "template") or name in LINES
        kept = [
            (self._of(name), True),
            (self.hidden, name in HIDDEN or name in HIDDEN_SVG),
            (self.breaks, name in BREAKS),
            (self.scope, name in SCOPE),
            (self.button_scope, name in SCOPE or name == "button"),
            (self.list_scope, name in SCOPE or name in ("ol", "ul")),
            (self.special, not ordinary or name in SCOPE),
            (self._stops, (not ordinary or name in SCOPE) and name not in ("address", "div", "p")),
            (self._headings, name in HEADINGS),
            (self._html, not foreign),
            (self._tables, name in ("table", "template")),
            (self._structure, name in STRUCTURE),
        ]
        return tuple(positions for positions, wanted in kept if wanted)
