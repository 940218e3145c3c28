"""What a reader sees in the paragraphs of an HTML page, told while its tokens come: no tree is built.

Where a <p> ends is decided as in browsers (html.spec.whatwg.org, 13.2.6). Each piece of text counts once, however many
paragraphs it lies in.
"""

import re
from bisect import bisect_left
from collections.abc import Callable
from typing import Final

from workers.elements import BLOCKS, BREAKS, GROUPS, HEADINGS, HIDDEN, HTML_WITHIN, LINES, MATH_TEXT, OpenElements
from workers.markup import Kind, Markup, as_text
from workers.ordinary import OrdinaryElements

BEGINS: Final = re.compile(r"<p[\t\n\f\r />]", re.IGNORECASE)
RAW: Final = frozenset("iframe noembed noframes noscript script style textarea title xmp plaintext".split())
SHOWN_RAW: Final = ("xmp", "plaintext")
HIDDEN_RAW: Final = RAW.difference(SHOWN_RAW)
ROWS: Final = frozenset(("caption", "col", "colgroup", *GROUPS, "tr", "td", "th"))
BOUNDS: Final = ("applet", "marquee", "object", "select")
LISTED: Final = {"li": ("li",), "dd": ("dd", "dt"), "dt": ("dd", "dt")}
BREAK_ENDS: Final = ("br", "p")  # the ends of others, where they end something
IMPLIED: Final = ("p", "li", "dd", "dt", "optgroup", "option")  # closed without an end tag where a form ends
VOID: Final = frozenset(
    "area base basefont bgsound embed img image input keygen link meta param source track wbr".split()
)
# HTML in SVG or MathML: it ends there (13.2.6.5)
BREAKOUTS: Final = frozenset(
    "b big blockquote body br center code dd div dl dt em embed h1 h2 h3 h4 h5 h6 head hr i img li listing menu meta "
    "nobr ol p pre ruby s small span strong strike sub sup table tt u ul var".split()
)
# after these a <frameset> is ignored
NO_FRAMES: Final = frozenset(
    "applet area body br button dd dt embed hr iframe img input keygen li listing marquee object pre select table "
    "textarea wbr xmp".split()
)
# doctypes of which browsers leave a table within a <p> ("quirks mode", 13.2.6.4.1)
QUIRKS: Final = re.compile(
    r"""(?!\s*html\b)|\s*html\s+(?:
    public\s+["'](?:-//w3o//dtd\ w3\ html\ strict\ 3\.0//en//|-/w3c/dtd\ html\ 4\.0\ transitional/en|html)["']
    |system\s+["']http://www\.ibm\.com/data/dtd/v11/ibmxhtml1-transitional\.dtd["']
    |public\s+["'](?:\+//silmaril//|-//as//|-//advasoft\ |-//ietf//|-//metrius//|-//microsoft//|-//netscape\ comm
        |-//o'reilly\ |-//spyglass//|-//sq//|-//softquad|-//sun\ micro|-//webtechs//|-//w3o//
        |-//w3c//dtd\ html\ (?:3|4\.0\ (?:frameset|transitional)//|experimental\ )|-//w3c//dtd\ w3\ html)
    |public\s+(?:"-//w3c//dtd\ html\ 4\.01\ (?:frameset|transitional)//[^">]*"
        |'-//w3c//dtd\ html\ 4\.01\ (?:frameset|transitional)//[^'>]*')\s*$)""",
    re.IGNORECASE | re.VERBOSE,
)


class Paragraphs:
    """Reads a page: `text` gets each piece that is seen in a <p>; `apart` is called where markup ends a word.

    `begun` is called at the start of each <p>. After `read()`, `title` is the page's.
    """

    def __init__(self, text: Callable[[str], None], apart: Callable[[], None], begun: Callable[[], None]) -> None:
        self._text, self._apart, self._begun = text, apart, begun
        self.title: str | None = None
        self._open = OpenElements()
        self._ordinary = OrdinaryElements(self._open)
        self._quirks = True  # until a doctype says otherwise
        self._blank = True  # nothing but white space came yet, so that a <frameset> may take the place of all
        self._form = -1  # how many elements were open when the form began; -1: there is none
        self._inline = 0  # ordinary elements that are open in the innermost special one, more or less

    def read(self, html: str) -> None:
        self._markup = markup = Markup(html)
        opened, text = self._open, self._text
        is_text, is_start, is_doctype = Kind.TEXT, Kind.START, Kind.DOCTYPE
        before_all = True
        for kind, value in markup:
            if kind is is_text:
                if self._blank and value.strip("\t\n\f\r \0"):
                    self._blank = before_all = False
                if opened.shown:
                    text(value.replace("\0", "") if "\0" in value else value)
                continue
            if kind is is_doctype:
                if before_all:
                    self._quirks = QUIRKS.match(value) is not None
                continue
            before_all = False
            seen = opened.hidden[-1] < 0
            breaks = len(opened.breaks) if seen else bisect_left(opened.breaks, opened.hidden[1])
            if kind is is_start:
                if value == "frameset" and self._blank:
                    return  # all that comes is frames
                parts = self._start(value)
            else:
                self._end(value)
                parts = value in BREAK_ENDS
            if (seen or opened.hidden[-1] < 0) and (parts or len(opened.breaks) < breaks):
                self._apart()
            top = opened.top
            markup.cdata = top is not None and top.foreign

    # -- start tags

    def _start(self, name: str) -> bool:
        """Whether it ends a word; what the parser ignores, and what is SVG's or MathML's, ends none."""
        top = self._open.top
        if top is not None and top.foreign and not self._is_html(top.name, name):
            if name not in BREAKOUTS and not (name == "font" and {"color", "face", "size"} & self._attributes()):
                if not self._markup.closes_itself():
                    self._open.push(f"{top.name.split()[0]} {name}")
                return False
            self._open.leave_foreign()
        ignored = (name in ROWS and self._open.table is None) or (name == "form" and self._form >= 0)
        self._html_start(name)
        return name in BREAKS and not ignored

    def _is_html(self, top: str, name: str) -> bool:
        if top in MATH_TEXT:
            return name not in ("mglyph", "malignmark")
        return (
            top in HTML_WITHIN or top == "math annotation-xml html" or (top == "math annotation-xml" and name == "svg")
        )

    def _attributes(self) -> set[str]:
        return set(self._markup.attributes())

    def _html_start(self, name: str) -> None:
        opened = self._open
        if self._blank and name in NO_FRAMES:
            self._blank = False
        if name == "p":
            if opened.top is not None and opened.top.name == "p":
                opened.begin_again()
            else:
                opened.close_paragraph()
                opened.push("p")
            if opened.shown:
                self._begun()
        elif name in BLOCKS:
            opened.close_paragraph()
            opened.push(name)
        elif name in RAW:
            self._raw(name)
        elif name in LISTED:
            opened.close_item(*LISTED[name])
            opened.close_paragraph()
            opened.push(name)
        elif name in HEADINGS:
            self._heading(name)
        elif name in ROWS:
            self._row(name)
        elif name == "table":
            self._table()
        elif name == "form":
            self._begin_form()
        elif name in LINES:
            self._line(name)
        else:
            self._within_line(name)
            return
        self._inline = 0

    def _within_line(self, name: str) -> None:
        """What stands among the words of a line, more or less."""
        opened = self._open
        if name == "button":
            opened.close("button", opened.scope)
            opened.push(name)
        elif name in ("select", "input") and opened.close("select", opened.scope):
            pass  # it ends there
        elif name in BOUNDS or name in HIDDEN:
            opened.push(name)
        elif name in ("svg", "math"):
            if not self._markup.closes_itself():
                opened.push(f"{name} {name}")
        elif name == "hr":
            opened.close_paragraph()
        elif name in ("rb", "rt", "rtc"):
            opened.close_ordinary("rp")
        elif name not in VOID:
            if name in ("a", "nobr"):
                self._end_ordinary(name)  # it may be in none of its kind
            self._ordinary.begin(name)
            self._inline += 1
            return
        self._inline = 0

    def _heading(self, name: str) -> None:
        opened = self._open
        opened.close_paragraph()
        if opened.top is not None and opened.top.name in HEADINGS:
            opened.cut(len(opened) - 1)
        opened.push(name)

    def _line(self, name: str) -> None:
        opened = self._open
        if name != "legend" and opened.top is not None and opened.top.name == "option":
            opened.cut(len(opened) - 1)
        opened.push(name)

    def _begin_form(self) -> None:
        """A form is on no stack here: its end tag takes it out, wherever it is, and leaves what is in it open."""
        if self._form < 0:
            if not self._open.in_rows:
                self._open.close_paragraph()
            self._form = len(self._open)

    def _raw(self, name: str) -> None:
        if name in SHOWN_RAW:
            self._open.close_paragraph()
        text = self._markup.raw_text(name)
        if name == "title" and self.title is None and self._open.last("template") < 0:
            self.title = as_text(text)
        elif name in SHOWN_RAW and self._open.shown:
            self._apart()
            self._text(text)

    def _table(self) -> None:
        opened = self._open
        if opened.in_rows:  # a table between the cells of another one ends that
            opened.cut(opened.table or 0)
        if not self._quirks:
            opened.close_paragraph()
        opened.push("table")

    def _row(self, name: str) -> None:
        """A part of a table: it closes what is open down to where it may stand, and begins what it needs."""
        opened, table = self._open, self._open.table
        if table is None:
            return
        if name in ("td", "th"):
            if opened.last("tr") < table:
                self._row("tr")
            opened.cut(opened.last("tr") + 1)
        elif name == "tr":
            group = max(opened.last(group) for group in GROUPS)
            opened.cut(max(group, table) + 1)
            if group < table:
                opened.push("tbody")
        else:
            opened.cut(table + 1)
        if name not in ("col", "colgroup"):
            opened.push(name)

    # -- end tags

    def _end(self, name: str) -> None:
        opened, top = self._open, self._open.top
        if top is not None and top.foreign:
            if name in ("p", "br"):
                opened.leave_foreign()
            elif opened.close_foreign(name):
                return
        if name == "p":
            opened.close_paragraph()
        elif name in BLOCKS or name in BOUNDS or name in ("button", "dd", "dt"):
            opened.close(name, opened.scope)
        elif name == "li":
            opened.close(name, opened.list_scope)
        elif name in HEADINGS:
            opened.close_heading()
        elif name in ROWS or name == "table":
            if opened.table is not None and opened.last(name) >= opened.table:
                opened.cut(opened.last(name))
        elif name == "template":
            if opened.last(name) >= 0:
                opened.cut(opened.last(name))
        elif name in HIDDEN or name in LINES:
            opened.close_ordinary(name)
        elif name == "form":
            self._end_form()
        else:
            self._end_ordinary(name)
            return
        self._inline = 0

    def _end_ordinary(self, name: str) -> None:
        began, opened = self._ordinary.end(name), self._open
        if began is None:
            return
        self._inline = max(0, self._inline - 1)
        # what lies in it ends, as in <ruby>… <rp>)</ruby>
        while (top := opened.top) is not None and opened.serial(len(opened) - 1) > began:
            if top.name not in LINES and (top.name not in HIDDEN or top.name == "template"):
                break
            opened.cut(len(opened) - 1)
            self._inline = 0

    def _end_form(self) -> None:
        opened = self._open
        while 0 <= self._form < len(opened) and not self._inline and (top := opened.top) and top.name in IMPLIED:
            opened.cut(len(opened) - 1)
        self._form = -1
