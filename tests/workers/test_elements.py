"""The stack of open elements."""

from workers.elements import OpenElements


def test_a_paragraph_is_closed_within_its_button_only() -> None:
    opened = OpenElements()
    for name in ("p", "div", "button", "div"):
        opened.push(name)
    opened.close_paragraph()
    assert len(opened) == 4
    assert opened.close("button", opened.scope)
    opened.close_paragraph()
    assert (len(opened), opened.shown) == (0, False)


def test_what_is_closed_is_forgotten_in_every_list() -> None:
    opened = OpenElements()
    for name in ("table", "tr", "td", "p", "svg svg", "svg title"):
        opened.push(name)
    assert (opened.shown, opened.in_rows, opened.table) == (False, False, 0)
    opened.cut(4)
    assert opened.shown
    opened.cut(2)
    assert (opened.in_rows, opened.last("td"), opened.last("nothing")) == (True, -1, -1)
    opened.cut(0)
    assert (opened.table, opened.top, len(opened.scope)) == (None, None, 1)
