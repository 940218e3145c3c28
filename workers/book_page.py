"""What a book's page says of it, wherever that stands: in two layouts, JSON-LD, Next.js' data and meta tags."""

import html as entities
import json
import math
import re
from collections.abc import Iterator
from typing import Any, Final

from bs4 import BeautifulSoup, Tag

from workers.errors import HeadwayError

FIELDS: Final = ("title", "author", "rating", "description")
NESTED: Final = 4  # times that some sites escape a text
VALUES: Final = 200_000  # of the data in a page, that are looked at
MOST: Final = 1e9  # of a rating
MARKUP: Final = re.compile(r"</?[A-Za-z][^<>]*>")
BOOK: Final = re.compile(r"(?:https?://schema\.org/|schema:)?(?:Book|Audiobook)")
WHOLE: Final = ("", "@graph", "mainEntity", "mainEntityOfPage")
# three digits behind a comma are thousands, others are decimals
THOUSANDS: Final = r"[1-9][0-9]{0,2}(?:,[0-9]{3}){1,20}(?:\.[0-9]{1,20})?(?![0-9,])"
NUMBER: Final = re.compile(rf"(?<![\w.-])(?:({THOUSANDS})|[0-9]{{1,9}}(?:[.,][0-9]{{1,20}})?)")
METAS: Final = {
    "title": ("og:title", "twitter:title"),
    "author": ("book:author", "books:author", "author"),
    "rating": ("books:rating:value", "book:rating:value", "og:rating", "rating", "ratingvalue"),
    "description": ("og:description", "twitter:description", "description"),
}


class NotABook(HeadwayError):
    """The page says of no book what it is called."""


def read_book_page(html: str) -> dict[str, Any]:
    """{title, author, rating, description} of a book's page; a field that the page doesn't have is None.

    Each is taken from the first place that has it: what a reader sees, then data, then meta tags.
    Raises `NotABook` where there is no title.
    """
    soup = BeautifulSoup(html, "lxml")
    book: dict[str, Any] = dict.fromkeys(FIELDS)
    for found in (*_layout(soup), *_linked(soup), *_next_data(soup)):
        _fill(book, found)
    _fill(book, _metas(soup, book))
    if book["title"] is None:
        raise NotABook("expected the page of a book, got one without a book's title")
    return book


def _fill(book: dict[str, Any], found: dict[str, Any]) -> None:
    for field, value in found.items():
        if book[field] is None:
            book[field] = _rating(value) if field == "rating" else _string(value, field)


def _layout(soup: BeautifulSoup) -> list[dict[str, Any]]:
    """That of the tutorials' days (ids and microdata), and today's (test ids)."""
    ratings = ("[itemprop=ratingValue]", "[data-testid=ratingValue]", ".RatingStatistics__rating")
    texts = {
        "title": _seen(soup, "h1#bookTitle", "[data-testid=bookTitle]"),
        "author": _seen(soup, "a.authorName span", "a.authorName", "[data-testid=name]", "[data-testid=authorName]"),
        "description": _old_description(soup) or _seen(soup, "[data-testid=description]"),
    }
    return [texts, *({"rating": _seen(soup, rating)} for rating in ratings)]


def _seen(soup: BeautifulSoup, *selectors: str) -> str | None:
    for selector in selectors:
        for element in soup.select(selector, limit=10):
            if text := _text(element) or element.get("content"):
                return str(text)
    return None


def _old_description(soup: BeautifulSoup) -> str | None:
    old = soup.select_one("#description")
    if old is None:
        return None
    # that layout cuts the text in a first span and hides the whole in a second one
    spans = old.find_all("span", recursive=False)
    return _text(spans[-1] if spans else old)


def _text(element: Tag) -> str | None:
    # a line break parts words, other markup doesn't: "He <i>said</i>, <br>yes"
    for part in element.find_all(["br", "p", "div", "li"]):
        part.insert_before(" ")
        part.insert_after(" ")
    return " ".join(element.get_text().split()) or None


def _string(value: Any, field: str) -> str | None:
    """The text of it, with its entities undone however often they were made, and a description's markup too."""
    if not isinstance(value, str):
        return None
    for _ in range(NESTED):
        value, before = entities.unescape(value), value
        if value == before:
            break
    if field == "description" and MARKUP.search(value):
        return _text(BeautifulSoup(value, "lxml"))
    return " ".join(value.split()) or None


def _rating(value: Any) -> float | None:
    if isinstance(value, str):
        found = NUMBER.search(value)
        value = float(found[0].replace(",", "" if found[1] else ".")) if found else None
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return float(value) if math.isfinite(value) and abs(value) < MOST else None  # JSON has no NaN


# -- data


def _data(soup: BeautifulSoup, selector: str) -> Iterator[Any]:
    for script in soup.select(selector):
        try:
            yield json.loads(_bare(script.get_text()), strict=False)  # some sites leave line ends in their strings
        except (ValueError, RecursionError):
            continue  # broken data in the page: the next script, or another place, may know more


def _bare(text: str) -> str:
    """JSON without the comment or the CDATA section that some sites put it in, for browsers of long ago."""
    for _ in range(NESTED):
        text, before = text.strip(" \t\r\n/*"), text
        text = text.removeprefix("<![CDATA[").removeprefix("<!--").removesuffix("]]>").removesuffix("-->")
        if text == before:
            break
    return text


def _objects(data: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every object in it, those further out first, and the name that it has there."""
    queue: list[tuple[str, Any]] = [("", data)]
    for name, value in queue:
        if isinstance(value, dict):
            yield name, value
        inner = value.items() if isinstance(value, dict) else ((name, item) for item in value)
        queue += [(str(key), one) for key, one in inner if isinstance(one, (dict, list))][: VALUES - len(queue)]


def _linked(soup: BeautifulSoup) -> list[dict[str, Any]]:
    """The JSON-LD Books of the page (https://schema.org/Book)."""
    found = []
    for data in _data(soup, 'script[type*="ld+json" i]'):
        objects = list(_objects(data)) if isinstance(data, (dict, list)) else []
        ids = [item for _, item in reversed(objects) if isinstance(item.get("@id"), str) and len(item) > 1]
        named = {item["@id"]: item for item in ids}
        for name, item in objects:
            # elsewhere stand its editions, and other books that are like it
            if name in WHOLE and any(BOOK.fullmatch(one) for one in _strings(item.get("@type"))):
                found.append(
                    {
                        "title": _literal(item.get("name")),
                        "author": _name(item.get("author"), "@id", named),
                        "rating": _value(item.get("aggregateRating"), "ratingValue", "@id", named),
                        "description": _literal(item.get("description")),
                    }
                )
    title = next((book["title"] for book in found if book["title"]), None)
    return [book for book in found if book["title"] in (title, None)]


def _next_data(soup: BeautifulSoup) -> list[dict[str, Any]]:
    """The book of Next.js' data: one in Apollo's cache, the one that was queried first, or any "book"."""
    found = []
    for data in _data(soup, "script#__NEXT_DATA__"):
        objects = list(_objects(data)) if isinstance(data, (dict, list)) else []
        named = {name: item for name, item in reversed(objects) if ":" in name}
        queried = [item.get("__ref") for name, item in objects if name.lower().startswith("getbook")]
        books = [named[ref] for ref in queried if isinstance(ref, str) and ref in named]
        books += [item for _, item in objects if item.get("__typename") == "Book" and not books]
        books += [item for name, item in objects if name == "book"]
        for item in [book for book in books if book][:1]:  # the others are those that the page recommends
            stats = _one(_one(item.get("work"), "__ref", named).get("stats"), "__ref", named)
            edge = _one(item.get("primaryContributorEdge"), "__ref", named)
            ratings = (stats.get("averageRating"), item.get("averageRating"), item.get("rating"))
            authors = (edge.get("node"), item.get("author"), item.get("authors"))
            texts = [value for key, value in item.items() if key.partition("(")[0] == "description"]
            found += [
                *({"title": item.get(key)} for key in ("title", "titleComplete", "name")),
                *({"description": text} for text in texts),
                *({"author": _name(author, "__ref", named)} for author in authors),
                *({"rating": _value(rating, "averageRating", "__ref", named)} for rating in ratings),
            ]
    return found


def _literal(value: Any) -> str | None:
    """The first text of what may be one, {"@value": one}, or a list of them."""
    for one in value if isinstance(value, list) else [value]:
        text = one.get("@value") if isinstance(one, dict) else one
        if isinstance(text, str) and text.strip():
            return text
    return None


def _strings(value: Any) -> list[str]:
    return [one for one in (value if isinstance(value, list) else [value]) if isinstance(one, str)]


def _one(value: Any, key: str, named: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """The first object of what may be one, a reference to one, or a list of them; {} where there is none."""
    for one in value if isinstance(value, list) else [value]:
        if isinstance(one, dict):
            ref = one.get(key)
            return {**named.get(ref, {}), **one} if isinstance(ref, str) else one
    return {}


def _name(value: Any, key: str, named: dict[str, dict[str, Any]]) -> str | None:
    """The first name among authors, each an object, a reference to one, or a text."""
    for one in value if isinstance(value, list) else [value]:
        found = _one(one, key, named) if isinstance(one, dict) else {}
        if name := _literal(found.get("name")) or _literal(one):
            return name
    return None


def _value(value: Any, field: str, key: str, named: dict[str, dict[str, Any]]) -> Any:
    found = _one(value, key, named).get(field) if isinstance(value, (dict, list)) else value
    return found.get("@value") if isinstance(found, dict) else found


def _metas(soup: BeautifulSoup, book: dict[str, Any]) -> dict[str, Any]:
    contents: dict[str, str] = {}
    for meta in soup.select("meta[content]"):
        name = meta.get("property") or meta.get("name") or meta.get("itemprop")
        if (content := str(meta["content"]).strip()) and name:
            contents.setdefault(str(name).lower(), content)
    found: dict[str, Any] = {
        field: next((contents[name] for name in names if name in contents), None) for field, names in METAS.items()
    }
    if re.match("https?:", found["author"] or ""):
        found["author"] = contents.get("author")  # Open Graph has the address of a profile there
    about = contents.get("og:type", "book").lower()
    if "book" not in about and not any(book.values()):
        del found["title"]  # of a page that is about something else
    return found
