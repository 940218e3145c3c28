"""What of a job can be searched from its beginning: the task and its arguments' values as one short text. Pure."""

import json
from collections.abc import Iterator
from typing import Any, Final

WORDS_LIMIT: Final = 500  # characters kept of a job's arguments


def words_of(arguments: Any) -> str:
    """The values (not the names) in `arguments`, lower case, with a space between two; at most 500 characters.

    Stops as soon as that is full, however much is left.
    """
    words: list[str] = []
    room = WORDS_LIMIT
    for value in _values(arguments):
        word = value[:room] if isinstance(value, str) else json.dumps(value)
        words.append(word)
        room -= len(word) + 1
        if room <= 0:
            break
    return " ".join(words).lower()[:WORDS_LIMIT]


def _values(arguments: Any) -> Iterator[Any]:
    waiting = [iter([arguments])]
    while waiting:
        for value in waiting[-1]:
            if isinstance(value, dict | list | tuple):
                waiting.append(iter(value.values() if isinstance(value, dict) else value))
                break
            if isinstance(value, str | int | float):
                yield value
        else:
            waiting.pop()
