"""What bodies ask for."""

import json
from typing import Any

import pytest

from realtime.intake import Order, read
from workers import jobs as jobs_package
from workers.errors import BadArguments
from workers.queue import BULK_LIMIT
from workers.tasks import Tasks

TASKS = Tasks.collect(jobs_package)
BOOKS = "https://books.test/"


def taken(order: Order, body: Any) -> Any:
    return read(order, json.dumps(body).encode(), TASKS)


def test_a_submit_says_task_arguments_queue_and_who_is_told() -> None:
    found = taken(
        Order("one"),
        {"task": "text_length", "args": {"text": "a"}, "queue": "q", "notify": {"email": "me@a.test"}},
    )
    assert (found.task, found.queue, found.notify.email) == ("text_length", "q", "me@a.test")
    assert [one.text for one in found.arguments] == ['{"text":"a"}']


def test_a_bulk_submit_says_the_arguments_of_each() -> None:
    found = taken(Order("many"), {"task": "text_length", "args": [{"text": "a"}, {"text": "b"}]})
    assert [one.text for one in found.arguments] == ['{"text":"a"}', '{"text":"b"}'] and found.queue is None


def test_another_submit_of_a_job_may_say_other_arguments() -> None:
    assert [one.text for one in taken(Order("again", "text_length"), {"args": {"text": "b"}}).arguments] == [
        '{"text":"b"}'
    ]
    assert taken(Order("again", "text_length"), {}).arguments == []


def test_of_a_list_of_links_those_of_books_are_taken_once() -> None:
    found = taken(Order("books", BOOKS), [f"{BOOKS}1", f"{BOOKS}1", "x", None, f"{BOOKS}2"])
    assert [one.text for one in found.arguments] == [f'{{"url":"{BOOKS}1"}}', f'{{"url":"{BOOKS}2"}}']


@pytest.mark.parametrize(
    "text",
    [
        '{"task": "text_length", "task": "text_length", "args": {"text": "a"}}',
        '{"task": "text_length", "args": {"text": "a", "text": "b"}}',
        '{"task": "text_length", "args": {"text": NaN}}',
        '{"task": "text_length", "args": {"text": ' + "1" * 5000 + "}}",
    ],
)
def test_what_is_no_strict_json_is_refused(text: str) -> None:
    with pytest.raises(BadArguments, match="expected a JSON body") as refused:
        read(Order("one"), text.encode(), TASKS)
    assert set(refused.value.fields) == {"body"}


@pytest.mark.parametrize(
    ("order", "body", "names"),
    [
        (Order("one"), {"task": "no_such"}, {"task"}),
        (Order("one"), {"task": "text_length"}, {"text"}),
        (Order("one"), {"args": {}}, {"task"}),
        (Order("one"), [], {"body"}),
        (Order("many"), {"task": "text_length", "args": []}, {"args"}),
        (Order("many"), {"task": "text_length", "args": [{}] * (BULK_LIMIT + 1)}, {"args"}),
        (Order("many"), {"task": "text_length", "args": [{}] * BULK_LIMIT}, {"args.0.text"}),
        (Order("many"), {"task": "act_on_jobs", "args": [{}]}, {"task"}),
        (Order("again", "text_length"), {"args": {"text": 1}}, {"text"}),
        (Order("books", BOOKS), {}, set()),
        (Order("books", BOOKS), ["x"], set()),
    ],
)
def test_what_is_wrong_is_named(order: Order, body: Any, names: set[str]) -> None:
    with pytest.raises(BadArguments) as refused:
        taken(order, body)
    assert set(refused.value.fields) == names
