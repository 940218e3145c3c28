"""Whether an end tag has an element to end. In whole pages: test_paragraphs.py."""

from workers.elements import OpenElements
from workers.ordinary import KEPT, NAMES, OrdinaryElements


def test_an_element_ends_once_and_not_beyond_a_special_one() -> None:
    opened = OpenElements()
    ordinary = OrdinaryElements(opened)
    opened.push("p")
    ordinary.begin("span")
    opened.push("object")
    assert ordinary.end("span") is None
    opened.cut(1)
    assert ordinary.end("span") == opened.serial(0)
    assert ordinary.end("span") is None


def test_formatting_goes_on_behind_its_paragraph_and_others_do_not() -> None:
    opened = OpenElements()
    ordinary = OrdinaryElements(opened)
    opened.push("p")
    for name in ("span", "b"):
        ordinary.begin(name)
    opened.begin_again()
    assert ordinary.end("span") is None
    assert ordinary.end("b") is not None


def test_of_a_page_without_end_a_bounded_part_is_known() -> None:
    ordinary = OrdinaryElements(OpenElements())
    for number in range(NAMES + 1):
        ordinary.begin(f"x{number}")
    for _ in range(100):
        ordinary.begin("x0")
    assert sum(ordinary.end("x0") is not None for _ in range(100)) == KEPT
    assert ordinary.end(f"x{NAMES}") is None
