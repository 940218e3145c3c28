"""The arguments of a job, ready to be kept."""

import json
import zlib

import pytest

from workers import jobs as jobs_package
from workers.arguments import Arguments, each
from workers.errors import BadArguments
from workers.tasks import Task, Tasks, task

TASKS = Tasks.collect(jobs_package)


def test_they_are_what_rq_keeps_what_can_be_searched_and_what_is_compared() -> None:
    found = Arguments.of(TASKS.get("create_task"), {"task_type": "2"})
    assert json.loads(zlib.decompress(found.data)) == ["create_task", None, [], {"task_type": 2}]
    assert found.words == "create_task 2" and found.text == '{"task_type":2}'


def test_a_submit_is_named_by_all_that_it_asks_for() -> None:
    one = Arguments.of(TASKS.get("text_length"), {"text": "a"})
    assert one.digest("text_length", "default") == one.digest("text_length", "default")
    others = [one.digest("sum_numbers", "default"), one.digest("text_length", "other")]
    others.append(one.digest("text_length", "default", {"email": "me@a.test"}))
    others.append(Arguments.of(TASKS.get("text_length"), {"text": "b"}).digest("text_length", "default"))
    assert len({one.digest("text_length", "default"), *others}) == 5


def test_of_many_the_first_that_is_wrong_is_named_by_its_number() -> None:
    task = TASKS.get("text_length")
    assert [one.text for one in each(task, [{"text": "a"}, {"text": "b"}])] == ['{"text":"a"}', '{"text":"b"}']
    with pytest.raises(BadArguments, match=r"^args\[8\]: text_length") as refused:
        each(task, [{"text": "a"}, {}, {}], start=7)
    assert set(refused.value.fields) == {"args.8.text"}


def test_what_json_can_not_hold_is_refused_before_it_is_kept() -> None:
    """RQ would write Infinity, and no browser could read the page of such a job."""

    @task()
    def wait(seconds: float) -> None: ...

    made: Task = wait.headway_task  # type: ignore[attr-defined]
    assert Arguments.of(made, {"seconds": 1.5}).text == '{"seconds":1.5}'
    for seconds in ("1e999", '"nan"', '"inf"', '"-Infinity"'):
        with pytest.raises(BadArguments) as refused:
            Arguments.of(made, json.loads(f'{{"seconds": {seconds}}}'))
        assert refused.value.fields["seconds"]["expected"] == "a finite number"
