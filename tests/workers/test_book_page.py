"""Reading the pages of books: in both layouts, in data and meta tags, and in pieces of each."""

import json
import random
from collections.abc import Callable
from typing import Any

import pytest

from workers.book_page import FIELDS, NotABook, read_book_page
from workers.errors import HeadwayError

OLD = """
<h1 id="bookTitle" itemprop="name">
  The Left Hand
  of Darkness
</h1>
<a class="authorName" href="/a/874602"><span itemprop="name">Ursula K. Le Guin</span></a>
<a class="authorName" href="/a/2"><span itemprop="name">A Translator</span></a>
<span itemprop="ratingValue"> 4.12 </span>
<div id="description">{description}</div>
"""
WHOLE = '<span id="freeText1">A lone…</span><span id="freeText2" style="display:none">A lone <i>envoy</i>, sent.</span>'

LINKED = {
    "@context": "https://schema.org",
    "@type": "Book",
    "name": "Cats &amp; Dogs",
    "author": [{"@type": "Person", "name": "A. Writer"}, {"@type": "Person", "name": "B. Writer"}],
    "aggregateRating": {"@type": "AggregateRating", "ratingValue": 4.07, "ratingCount": 3},
}
NEW = """
<h1 data-testid="bookTitle" aria-label="Book title: Cats">Cats &amp; Dogs</h1>
<span class="ContributorLink__name" data-testid="name">A. Writer</span>
<span class="ContributorLink__name" data-testid="name">B. Writer</span>
<div class="RatingStatistics__rating">4.07</div>
<div data-testid="description"><span class="Formatted">First.<br><br>Second <b>bold</b>.</span></div>
"""


def linked(data: Any) -> str:
    text = data if isinstance(data, str) else json.dumps(data)
    return f'<script type="application/ld+json">{text}</script>'


def book(**fields: Any) -> dict[str, Any]:
    return {"title": None, "author": None, "rating": None, "description": None, **fields}


LEFT_HAND = {"title": "The Left Hand of Darkness", "author": "Ursula K. Le Guin", "rating": 4.12}
CATS = {"title": "Cats & Dogs", "author": "A. Writer", "rating": 4.07}


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        (OLD.format(description=WHOLE), book(**LEFT_HAND, description="A lone envoy, sent.")),
        (OLD.format(description="<span>All of it.</span>"), book(**LEFT_HAND, description="All of it.")),
        (OLD.format(description="All of it."), book(**LEFT_HAND, description="All of it.")),
        (OLD.format(description=" <span> </span> "), book(**LEFT_HAND)),
        (NEW, book(**CATS, description="First. Second bold.")),
        (linked(LINKED), book(**CATS)),
        (linked({**LINKED, "description": "Of  both."}), book(**CATS, description="Of both.")),
        (NEW + linked(LINKED), book(**CATS, description="First. Second bold.")),
        (linked([{"@type": "WebPage", "name": "no"}, LINKED]), book(**CATS)),
        (linked({"@graph": [{"@type": "WebPage", "name": "no"}, LINKED]}), book(**CATS)),
        (linked({"@type": "WebPage", "name": "no"}) + linked(LINKED), book(**CATS)),
        (linked({**LINKED, "@type": ["Product", "Book"]}), book(**CATS)),
        (linked({**LINKED, "author": {"name": "A. Writer"}}), book(**CATS)),
        (linked({**LINKED, "author": "A. Writer"}), book(**CATS)),
        (linked({**LINKED, "aggregateRating": {"ratingValue": "4,07"}}), book(**CATS)),
    ],
)
def test_a_book_is_read_in_the_old_layout_and_in_todays(html: str, expected: dict[str, Any]) -> None:
    assert read_book_page(html) == expected


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ('<h1 id="bookTitle">T</h1>', book(title="T")),
        ('<h1 data-testid="bookTitle">T</h1>', book(title="T")),
        (linked({"@type": "Book", "name": "T"}), book(title="T")),
        (linked({"@type": "Book", "name": "T", "author": [], "aggregateRating": []}), book(title="T")),
        (linked({"@type": "Book", "name": "T", "author": 5, "aggregateRating": {}}), book(title="T")),
        ('<h1 id="bookTitle">T</h1><span itemprop="ratingValue">none yet</span>', book(title="T")),
        # JSON, and so the job's result, has no form for it
        ('<h1 id="bookTitle">T</h1><span itemprop="ratingValue">NaN</span>', book(title="T")),
        (linked({"@type": "Book", "name": "T", "aggregateRating": {"ratingValue": "inf"}}), book(title="T")),
    ],
)
def test_a_field_that_the_page_lacks_is_none(html: str, expected: dict[str, Any]) -> None:
    assert read_book_page(html) == expected


def test_a_rating_is_a_float_even_where_it_is_whole() -> None:
    rating = read_book_page(linked({"@type": "Book", "name": "T", "aggregateRating": {"ratingValue": 4}}))["rating"]
    assert (rating, type(rating)) == (4.0, float)


@pytest.mark.parametrize(
    "broken",
    [
        "{",
        "",
        "not JSON",
        "null",
        "5",
        '"Book"',
        "[null, 5, []]",
        '{"@graph": null}',
        '{"@graph": 5}',
        '{"@type": null}',
        '{"@type": "Book", "name": ["T"]}',
        "[" * 100_000,
    ],
)
def test_broken_linked_data_is_survived(broken: str) -> None:
    assert read_book_page(linked(broken) + NEW) == book(**CATS, description="First. Second bold.")


@pytest.mark.parametrize(
    "html",
    [
        "",
        "<h1>Page not found</h1>",
        "<title>Sign in</title><p>Sign in to read on</p>",
        '<h1 id="bookTitle"> </h1>',
        linked({"@type": "Person", "name": "A. Writer"}),
        linked({"@type": "Book", "author": "A. Writer"}),
    ],
)
def test_a_page_that_is_no_book_is_an_error_that_says_so(html: str) -> None:
    with pytest.raises(NotABook, match="book"):
        read_book_page(html)
    assert issubclass(NotABook, HeadwayError)


# each place that has a field of a book, and nothing else of it
PLACES: dict[str, Callable[[dict[str, Any]], str]] = {
    "old layout": lambda book: "".join(
        {
            "title": '<h1 id="bookTitle">{}</h1>',
            "author": '<a class="authorName"><span>{}</span></a>',
            "rating": '<span itemprop="ratingValue">{}</span>',
            "description": '<div id="description"><span>A…</span><span style="display:none">{}</span></div>',
        }[field].format(value)
        for field, value in book.items()
    ),
    "layout": lambda book: "".join(
        {
            "title": '<h1 data-testid="bookTitle">{}</h1>',
            "author": '<span data-testid="name">{}</span>',
            "rating": '<div class="RatingStatistics__rating">{}</div>',
            "description": '<div data-testid="description">{}</div>',
        }[field].format(value)
        for field, value in book.items()
    ),
    "json-ld": lambda book: linked(
        {
            "@type": "Book",
            "isSimilarTo": {"@type": "Book", "name": "no", "author": "no", "description": "no"},
            **{
                {"title": "name", "rating": "aggregateRating"}.get(field, field): {
                    "author": {"@type": "Person", "name": value},
                    "rating": {"ratingValue": value},
                }.get(field, value)
                for field, value in book.items()
            },
        }
    ),
    "next": lambda book: next_data(book),
    "meta": lambda book: "".join(
        {
            "title": '<meta property="og:title" content="{}">',
            "author": '<meta property="book:author" content="{}">',
            "rating": '<meta property="books:rating:value" content="{}">',
            "description": '<meta name="description" content="{}">',
        }[field].format(value)
        for field, value in book.items()
    ),
}


def next_data(book: dict[str, Any]) -> str:
    """As Apollo's cache has it: objects that refer to each other, and other books besides."""
    item = {
        "__typename": "Book",
        **({"title": book["title"]} if "title" in book else {}),
        **({"description": book["description"]} if "description" in book else {}),
        **({"primaryContributorEdge": {"node": {"__ref": "Contributor:1"}}} if "author" in book else {}),
        **({"work": {"__ref": "Work:1"}} if "rating" in book else {}),
    }
    state = {
        "ROOT_QUERY": {'getBookByLegacyId({"legacyId":"1"})': {"__ref": "Book:1"}},
        "Book:2": {"__typename": "Book", "title": "no", "description": "no", "averageRating": 1},
        "Book:1": item,
        "Contributor:1": {"name": book.get("author")},
        "Work:1": {"stats": {"averageRating": book.get("rating")}},
    }
    data = json.dumps({"props": {"pageProps": {"apolloState": state}}})
    return f'<script id="__NEXT_DATA__" type="application/json">{data}</script>'


WANTED = {"title": "Two Towers", "author": "A. Writer", "rating": 4.12, "description": "Of hobbits."}


@pytest.mark.parametrize("place", PLACES)
def test_a_book_is_found_in_each_place_alone(place: str) -> None:
    assert read_book_page(PLACES[place](WANTED)) == WANTED


def test_a_book_is_found_in_any_mixture_of_places() -> None:
    pick = random.Random(3)
    for _ in range(100):
        chosen = {field: pick.choice(list(PLACES)) for field in FIELDS}
        parts = [
            PLACES[place]({field: WANTED[field] for field in FIELDS if chosen[field] == place})
            for place in PLACES
            if place in chosen.values()
        ]
        assert read_book_page("".join(pick.sample(parts, len(parts)))) == WANTED, chosen


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("times", [1, 2, 3])
def test_entities_are_undone_however_often_they_were_made(times: int, place: str) -> None:
    made = 'R&D "Tales"'
    for _ in range(times):
        made = made.replace("&", "&amp;").replace('"', "&quot;")
    assert read_book_page(PLACES[place]({"title": made, "description": made})) == book(
        title='R&D "Tales"', description='R&D "Tales"'
    )


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        (
            linked({"@type": "Book", "name": "T", "description": "A &lt;b&gt;b&lt;/b&gt;<br>c."}),
            book(title="T", description="A b c."),
        ),
        (linked({"@type": "https://schema.org/Book", "name": "T"}), book(title="T")),
        (linked({"@type": "Audiobook", "name": "T"}), book(title="T")),
        (linked({"@type": "Book", "name": "T"}).replace("ld+json", "ld+json; charset=utf-8"), book(title="T")),
        (linked('\n//<![CDATA[\n{"@type": "Book", "name": "T"}\n//]]>\n'), book(title="T")),
        (linked('/* <![CDATA[ */{"@type": "Book", "name": "T"}/* ]]> */'), book(title="T")),
        (linked('<!-- {"@type": "Book", "name": "T"} -->'), book(title="T")),
        (linked('<!--//<![CDATA[\n[{"@type": "Book", "name": "T"}]//]]>-->'), book(title="T")),
        (
            linked({"@type": "Book", "name": [" ", "N1", "N2"], "description": ["D", "E"]}),
            book(title="N1", description="D"),
        ),
        (
            linked(
                {"@type": "Book", "name": {"@value": "T", "@language": "en"}, "author": {"name": [{"@value": "A"}]}}
            ),
            book(title="T", author="A"),
        ),
        (
            linked({"@type": "Book", "name": "T", "aggregateRating": {"ratingValue": {"@value": "4.5"}}}),
            book(title="T", rating=4.5),
        ),
        (linked('{"@type": "Book", "name": "T\nU"}'), book(title="T U")),
        (linked({"mainEntity": {"@type": "Book", "name": "T"}}), book(title="T")),
        (linked([{"@type": "Book", "name": "T"}, {"@type": "Book", "name": "U", "author": "no"}]), book(title="T")),
        (
            linked({"@graph": [{"@type": "Book", "name": "T", "author": {"@id": "#a"}}, {"@id": "#a", "name": "A"}]}),
            book(title="T", author="A"),
        ),
        (
            linked({"@type": "Book", "name": "T", "aggregateRating": {"ratingValue": "4.5 out of 5"}}),
            book(title="T", rating=4.5),
        ),
        (linked({"@type": "Book", "name": "T", "aggregateRating": {"ratingValue": True}}), book(title="T")),
        ('<meta property="og:type" content="books.book"><meta property="og:title" content="T">', book(title="T")),
        (
            '<meta property="og:title" content="T"><meta property="books:author" content="https://a.test/1">'
            '<meta name="author" content="A">',
            book(title="T", author="A"),
        ),
        (
            '<script id="__NEXT_DATA__">{"book": {"name": "T", "author": "A", "rating": 4}}</script>',
            book(title="T", author="A", rating=4.0),
        ),
        ('<h1 id="bookTitle">T</h1><script id="__NEXT_DATA__">{"book": [[[{</script>', book(title="T")),
    ],
)
def test_the_ways_in_which_sites_write_it(html: str, expected: dict[str, Any]) -> None:
    assert read_book_page(html) == expected


def test_the_title_of_a_page_about_something_else_is_no_books() -> None:
    with pytest.raises(NotABook):
        read_book_page('<meta property="og:type" content="website"><meta property="og:title" content="Sign in">')


@pytest.mark.parametrize(
    ("said", "rating"),
    [
        ("4,12", 4.12),
        ("4,5 of 5", 4.5),
        ("4,1234", 4.1234),
        ("0,125", 0.125),
        ("1,234 ratings", 1234.0),
        ("1,234.5", 1234.5),
        ("12,345,678", 12345678.0),
        ("1,234,567,890,123", None),
    ],
)
def test_three_digits_behind_a_comma_are_thousands(said: str, rating: float | None) -> None:
    page = linked({"@type": "Book", "name": "T", "aggregateRating": {"ratingValue": said}})
    assert read_book_page(page) == book(title="T", rating=rating)
