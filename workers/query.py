"""The language of the search box: qualifiers and words become a frozen query. Pure: no I/O, no clock."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final

from workers.errors import BadArguments
from workers.fields import GOT_LIMIT, cut
from workers.wire import Status

LENGTH_LIMIT: Final = 1000  # characters of a query
TERM_LIMIT: Final = 20  # conditions of a query: each is looked at for each job
SHORTEST_ID: Final = 4  # characters of the beginning of an id
FIELDS: Final = ("queue", "task", "owner", "id")
NAMES: Final = ("state", *FIELDS, "before", "after")
UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}  # seconds

_TOKEN = re.compile(r'\s*((?:"[^"]*"|[^\s"])+)')
_QUALIFIER = re.compile(rf"({'|'.join(NAMES)}|status):(.*)", re.DOTALL)
_WHOLE_ID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Term:
    """One condition: that `field` fits one of `values`; where it is negated, none."""

    field: str  # queue and task: the whole name; owner and id: how it begins; text: somewhere in what is searched
    values: tuple[str, ...]
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Query:
    """What a job must be: in one of `statuses`, fit for every term, created in time."""

    statuses: frozenset[Status] = frozenset(Status)
    terms: tuple[Term, ...] = ()
    after: int | None = None  # Unix time in ms; created then or later
    before: int | None = None  # created earlier than that

    @property
    def is_plain(self) -> bool:
        """Whether the indexes alone can answer it."""
        return not self.terms and self.after is None and self.before is None

    @property
    def id_alone(self) -> str | None:
        """How the id must begin, where nothing else but statuses is asked for."""
        return self.only("id") if len(self.terms) == 1 and self.after is None and self.before is None else None

    def within(self, statuses: Iterable[Status]) -> "Query":
        """The same of jobs in these statuses only."""
        return replace(self, statuses=self.statuses & frozenset(statuses))

    def having(self, field: str, value: str | None) -> "Query":
        """The same with one more condition; None is none."""
        return self if value is None else replace(self, terms=(*self.terms, Term(field, (value,))))

    def without(self, field: str) -> "Query":
        """The same without the one value that `field` must have; what else is said of it stays."""
        value = self.only(field)
        one = Term(field, (value,)) if value is not None else None
        return replace(self, terms=tuple(term for term in self.terms if term != one))

    def asks_for(self, field: str) -> bool:
        return any(term.field == field for term in self.terms)

    def only(self, field: str) -> str | None:
        """The one value that `field` must have; None where there are several, or none."""
        found = [
            term.values[0] for term in self.terms if (term.field, term.negated, len(term.values)) == (field, False, 1)
        ]
        return found[0] if len(found) == 1 else None


def parse(text: str, now: int) -> Query:
    """The query that `text` says; '' asks for every job. `now` in ms is what `2h` is counted back from.

    Raises `BadArguments` with the field `q`.
    """
    if len(text) > LENGTH_LIMIT:
        raise _wrong(f"at most {LENGTH_LIMIT} characters", f"{len(text)}")
    query = Query()
    for negated, name, value in _words(text):
        query = _with(query, negated, name, value, now)
        if len(query.terms) > TERM_LIMIT:
            raise _wrong(f"at most {TERM_LIMIT} words and qualifiers", "more")
    return query


def _words(text: str) -> Iterable[tuple[bool, str, str]]:
    """(negated, name of the qualifier or '', what follows) of each word."""
    at = 0
    while match := _TOKEN.match(text, at):
        at = match.end()
        word = match[1]
        negated = word.startswith("-") and len(word) > 1
        if negated:
            word = word[1:]
        qualifier = _QUALIFIER.fullmatch(word)
        if qualifier is None:
            yield negated, "", word.replace('"', "")
        else:
            yield negated, "state" if qualifier[1] == "status" else qualifier[1], qualifier[2]
    if rest := text[at:].strip():
        raise _wrong("a second quotation mark for each first one", rest)


def _with(query: Query, negated: bool, name: str, value: str, now: int) -> Query:
    if not name:
        if _WHOLE_ID.fullmatch(value):
            return replace(query, terms=(*query.terms, Term("id", (value.lower(),), negated)))
        return replace(query, terms=(*query.terms, Term("text", (value,), negated))) if value else query
    values = tuple(part.replace('"', "") for part in re.findall(r'(?:"[^"]*"|[^,"])+', value))
    values = tuple(part for part in values if part)
    if not values:
        raise _wrong(f"a value after {name}:", "nothing")
    if name == "state":
        chosen = frozenset(map(_status, values))
        return query.within(frozenset(Status) - chosen if negated else chosen)
    if name in ("before", "after"):
        if len(values) > 1:
            raise _wrong(f"one time after {name}:", value)
        moment = _moment(name, values[0], now)
        if (name == "before") != negated:
            return replace(query, before=moment if query.before is None else min(moment, query.before))
        return replace(query, after=moment if query.after is None else max(moment, query.after))
    if name == "id" and (short := [part for part in values if len(part) < SHORTEST_ID]):
        raise _wrong(f"at least {SHORTEST_ID} characters after id:", short[0])
    return replace(query, terms=(*query.terms, Term(name, values, negated)))


def _status(word: str) -> Status:
    try:
        return Status(word.lower())
    except ValueError:
        raise _wrong(f"state: one of {', '.join(Status)}", word) from None


def _moment(name: str, text: str, now: int) -> int:
    """A date, a date with a time (UTC where it says no other), or how long ago; in ms."""
    if ago := re.fullmatch(r"([0-9]{1,6})([smhdw])", text):
        return now - int(ago[1]) * UNITS[ago[2]] * 1000
    try:
        moment = datetime.fromisoformat(text)
        return round((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)
    except (ValueError, OverflowError):
        raise _wrong(f"{name}: a date such as 2026-11-21, or how long ago, such as 2h or 3d", text) from None


def _wrong(expected: str, got: str) -> BadArguments:
    got = cut(got, GOT_LIMIT)
    return BadArguments(f"q: expected {expected}, got {got!r}", {"q": {"expected": expected, "got": got}})
