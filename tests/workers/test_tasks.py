"""Tasks: found by name, with arguments that are checked before a job is made."""

import math
import signal
import sys
from pathlib import Path
from types import ModuleType
from typing import Annotated, Any

import pytest
from jsonschema import Draft202012Validator
from pydantic import Field

from workers import jobs as jobs_package
from workers.errors import BadArguments, UnknownTask
from workers.fields import shown
from workers.tasks import Task, Tasks, task
from workers.wire import INTERNAL_QUEUES

TASKS = Tasks.collect(jobs_package)


@task(queue="mail", timeout=60)
def send(address: Annotated[str, Field(min_length=3)], copies: int = 1, tags: list[str] | None = None) -> str:
    """Send a letter

    More than the page needs to know.
    """
    return f"{copies} to {address}"


SEND: Task = send.headway_task  # type: ignore[attr-defined]


def test_the_tutorials_tasks_are_registered_by_name() -> None:
    assert {task.name: task.queue for task in TASKS} == {
        "background_work": "default",
        "count_words": "default",
        "create_task": "default",
        "parse_book": "bookInfoParser",
        "sum_numbers": "default",
        "text_length": "default",
    }


def test_tasks_come_in_the_order_of_their_names() -> None:
    names = [task.name for task in TASKS]
    assert names == sorted(names)


def test_an_internal_task_can_be_run_and_is_offered_to_nobody() -> None:
    inner = Task("inner", lambda: None, "default", 60, internal=True)
    tasks = Tasks({"inner": inner, "send": SEND})
    assert list(tasks) == [SEND] and tasks.get("inner") is inner


def test_only_jobs_of_small_tasks_without_a_ceiling_of_memory_share_a_process() -> None:
    one = Task("one", lambda: None, "default", 60, small=True)
    fetching = Task("fetching", lambda: None, "default", 60, small=True, fetches=True)
    tasks = Tasks({"one": one, "fetching": fetching, "send": SEND})
    assert [name for name in ("one", "fetching", "send", "none", 5) if tasks.is_small(name)] == ["one"]


def test_what_reads_strangers_pages_has_a_ceiling_and_nothing_else_has() -> None:
    assert [task.name for task in TASKS if task.fetches] == ["count_words", "parse_book"]


def test_a_marked_function_stays_callable() -> None:
    assert send("me@a.test", copies=2) == "2 to me@a.test"


def test_the_mark_says_name_queue_and_timeout() -> None:
    assert (SEND.name, SEND.queue, SEND.timeout) == ("send", "mail", 60)

    @task(name="other")
    def unnamed() -> None: ...

    plain: Task = unnamed.headway_task  # type: ignore[attr-defined]
    assert (plain.name, plain.queue, plain.timeout, plain.summary) == ("other", "default", 7200, "")


@pytest.mark.parametrize("name", ["no_such", "", "os.system", "workers.jobs.text.sum_numbers", None, 5, [], {}])
def test_an_unknown_name_is_refused(name: Any) -> None:
    with pytest.raises(UnknownTask, match="registered task"):
        TASKS.get(name)


@pytest.mark.parametrize(
    ("args", "expected"),
    [
        ({"address": "abc"}, {"address": "abc", "copies": 1, "tags": None}),
        ({"address": "abc", "copies": 2, "tags": ["a"]}, {"address": "abc", "copies": 2, "tags": ["a"]}),
    ],
)
def test_arguments_come_back_as_the_function_takes_them(args: dict[str, Any], expected: dict[str, Any]) -> None:
    assert SEND.parse(args) == expected


@pytest.mark.parametrize(
    ("args", "fields"),
    [
        ({}, {"address": {"expected": "a value", "got": "nothing"}}),
        ({"address": 5}, {"address": {"expected": "a valid string", "got": "5"}}),
        ({"address": "abc", "cc": "x"}, {"cc": {"expected": "no field of this name", "got": '"x"'}}),
        ({"address": "abc", "copies": "many"}, {"copies": {"got": '"many"'}}),
        ({"address": "abc", "tags": ["a", None]}, {"tags.1": {"expected": "a valid string", "got": "null"}}),
        ({"cc": 1, "copies": "many"}, {"address": {"got": "nothing"}, "copies": {"got": '"many"'}, "cc": {"got": "1"}}),
        (["abc"], {"args": {"expected": "an object", "got": "list"}}),
        ("abc", {"args": {"expected": "an object", "got": "str"}}),
        (None, {"args": {"expected": "an object", "got": "NoneType"}}),
    ],
)
def test_wrong_arguments_are_named_with_what_was_expected_and_what_came(
    args: Any, fields: dict[str, dict[str, str]]
) -> None:
    with pytest.raises(BadArguments, match=r"^send: ") as refused:
        SEND.parse(args)
    found = refused.value.fields
    assert set(found) == set(fields)
    for name, said in fields.items():
        assert set(found[name]) == {"expected", "got"}
        assert found[name].items() >= said.items()


def test_a_long_wrong_value_is_cut_in_the_error() -> None:
    with pytest.raises(BadArguments) as refused:
        SEND.parse({"address": "abc", "copies": "x" * 10_000})
    assert len(refused.value.fields["copies"]["got"]) <= 80


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, "null"),
        ("a", '"a"'),
        ("é", '"é"'),
        ([1, {"a": True}], '[1, {"a": true}]'),
        (math.inf, "Infinity"),
        ("x" * 78, '"' + "x" * 78 + '"'),
        ("x" * 79, '"' + "x" * 78 + "…"),
        ({1, 2}, '"{1, 2}"'),
    ],
)
def test_a_value_is_shown_as_json_and_cut(value: Any, expected: str) -> None:
    assert shown(value) == expected


def test_a_description_holds_what_a_form_needs() -> None:
    found = SEND.describe()
    assert set(found) == {"name", "summary", "queue", "timeout", "arguments"}
    assert (found["name"], found["summary"], found["queue"], found["timeout"]) == ("send", "Send a letter", "mail", 60)
    schema = found["arguments"]
    assert list(schema["properties"]) == ["address", "copies", "tags"]
    assert schema["required"] == ["address"]
    validator = Draft202012Validator(schema)
    assert validator.is_valid({"address": "abc", "copies": 2})
    for wrong in ({}, {"address": "ab"}, {"address": "abc", "copies": "x"}, {"address": "abc", "cc": 1}):
        assert not validator.is_valid(wrong)


@pytest.mark.parametrize("registered", list(TASKS), ids=lambda registered: registered.name)
def test_every_task_says_what_it_does(registered: Task) -> None:
    assert registered.summary
    Draft202012Validator.check_schema(registered.describe()["arguments"])


# -- collecting


def package_of(folder: Path, monkeypatch: pytest.MonkeyPatch, **modules: str) -> ModuleType:
    """A package with these modules, each given as its text."""
    name = f"package_of_{folder.name}"
    for module, text in modules.items():
        (folder / f"{module}.py").write_text("from workers.tasks import task\n" + text)
        # as it was before, so that the test leaves nothing behind
        monkeypatch.setitem(sys.modules, f"{name}.{module}", ModuleType("unused"))
        monkeypatch.delitem(sys.modules, f"{name}.{module}")
    package = ModuleType(name)
    package.__path__ = [str(folder)]
    monkeypatch.setitem(sys.modules, name, package)
    return package


def test_only_marked_functions_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = "@task()\ndef one(): ...\n\ndef helper(): ...\n\nclass Other: ...\n"
    package = package_of(tmp_path, monkeypatch, a=text, b="@task(name='two')\ndef one(): ...\n")
    assert [task.name for task in Tasks.collect(package)] == ["one", "two"]


def test_a_task_imported_into_another_module_is_found_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    imports = f"from package_of_{tmp_path.name}.a import one\n"
    package = package_of(tmp_path, monkeypatch, a="@task()\ndef one(): ...\n", b=imports)
    assert [task.name for task in Tasks.collect(package)] == ["one"]


GOOD = """
class Odd: ...
class Model(BaseModel):
    at: datetime
@task
def bare(x: int) -> int: return x
@task()
def unannotated(a, b=1): return [a, b]
@task()
def placed(x: int, /, y: "int" = 2) -> "Nowhere": return [x, y]
@task()
def named(model_config: str, _x: int, json: Model, self: str, copy: int, schema: "list[Model]", dict: date = None):
    return repr([model_config, _x, json, self, copy, schema, dict])
@task()
def unkept(a: object = Odd, b: int = float("nan"), c: str = 5): return [a is Odd, b != b, c]
@task()
def fields(x: int = Field(default=3, ge=1), y: Annotated[int, Field(default=4)] = 5): return [x, y]
@task(timeout=-1)
def forever(): return None
alias = forever
"""
BAD = """
class Plain: ...
@task()
def stars(*args): ...
@task()
def more(**kwargs: int): ...
@task()
def plain(x: Plain): ...
@task()
def called(f: Callable[[], None]): ...
@task()
def hidden(x: SecretStr): ...
@task()
def lost(x: "Nowhere"): ...
@task(timeout=0)
def never(): ...
@task(timeout=1.5)
def partly(): ...
@task(queue="mail")
def elsewhere(): ...
@task(name="bare")
def second(): ...
@task(timeout=10**30)
def longest(): ...
@task(name=5)
def numbered(): ...
@task(name=[5])
def listed(): ...
@task()
def yielding(): yield 1
@task()
async def streaming(): yield 1
"""
RAISING = {
    "g": "raise KeyboardInterrupt\n",
    "h": "import asyncio\nraise asyncio.CancelledError\n",
    "i": "class Odd(BaseException):\n    def __str__(self):\n        raise self\nraise Odd\n",
}
IMPORTS = """
from collections.abc import Callable
from datetime import date, datetime
from typing import Annotated
from pydantic import BaseModel, Field, SecretStr
"""


@pytest.fixture
def mixed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Tasks:
    texts = {"a": IMPORTS + GOOD, "b": IMPORTS + BAD, "c": "x = 1 +\n", "d": "import no_such_module\n"}
    package = package_of(tmp_path, monkeypatch, **texts, e="import sys\nsys.exit(7)\n", f="task(5)\n", **RAISING)
    return Tasks.collect(package, ["default", *INTERNAL_QUEUES])


def test_a_bad_task_is_left_out_with_its_reason_and_takes_nothing_from_the_others(
    mixed: Tasks, caplog: pytest.LogCaptureFixture
) -> None:
    assert [one.name for one in mixed] == ["bare", "fields", "forever", "named", "placed", "unannotated", "unkept"]
    found = {one.name: (Path(one.file).name, one.reason) for one in mixed.broken}
    right = {
        "stars": ("b.py", "*args: a task's arguments need a name each"),
        "more": ("b.py", "**kwargs: a task's arguments need a name each"),
        "plain": ("b.py", "x: pydantic can't describe this type"),
        "called": ("b.py", "f: no JSON can be of this type"),
        "hidden": ("b.py", "x: a secret can't be an argument"),
        "lost": ("b.py", "x: its type 'Nowhere' can't be read"),
        "never": ("b.py", "timeout: expected a whole number of seconds from 1 to 2,147,483,647, or -1 for none, got 0"),
        "partly": ("b.py", "got 1.5"),
        "elsewhere": ("b.py", 'queue: expected one of default (HEADWAY_QUEUES), got "mail"'),
        "longest": ("b.py", "to 2,147,483,647, or -1 for none, got 1000000000000000000000000000000"),
        "numbered": ("b.py", "name: expected a text, got 5"),
        "listed": ("b.py", "name: expected a text, got [5]"),
        "yielding": ("b.py", "it has `yield`: none of it would run"),
        "streaming": ("b.py", "it has `yield`: none of it would run"),
        "bare": ("b.py", "another task of this name is in "),
    }
    modules = {"c": "SyntaxError", "d": "ModuleNotFoundError", "e": "SystemExit: 7", "f": "AttributeError"}
    modules |= {"g": "KeyboardInterrupt", "h": "CancelledError", "i": "Odd: (its message can't be shown"}
    for name, (file, reason) in right.items():
        assert found[name][0] == file and reason in found[name][1], found[name]
    by_module = {name.rpartition(".")[2]: reason for name, (_, reason) in found.items() if "." in name}
    assert {name: reason[: len(modules[name])] for name, reason in by_module.items()} == modules
    lines = {one.name.rpartition(".")[2]: one.line for one in mixed.broken}
    assert lines["stars"] == 9 and lines["c"] == lines["d"] == lines["f"] == 2 and lines["e"] == 3
    mixed.warn()
    assert [record.getMessage() for record in caplog.records] == [str(one) for one in mixed.broken]
    assert all(one.file.endswith(f"{Path(one.file).stem}.py") and str(one).startswith(one.file) for one in mixed.broken)


def test_ctrl_c_during_an_import_is_no_fault_of_its_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = package_of(tmp_path, monkeypatch, j="import os\nos.kill(os.getpid(), 2)\n")
    signal.signal(signal.SIGINT, before := signal.default_int_handler)  # the tests themselves may run under nohup
    with pytest.raises(KeyboardInterrupt):
        Tasks.collect(package)
    assert signal.getsignal(signal.SIGINT) is before


def test_what_waits_of_a_task_that_can_not_be_offered_still_runs(mixed: Tasks) -> None:
    assert mixed.get("elsewhere").internal and mixed.get("never").internal and "stars" not in mixed
    with pytest.raises(UnknownTask):
        mixed.offered("elsewhere")


@pytest.mark.parametrize(
    ("name", "args", "kept", "result"),
    [
        ("bare", {"x": "5"}, {"x": 5}, 5),
        ("unannotated", {"a": [None]}, {"a": [None], "b": 1}, [[None], 1]),
        ("placed", {"x": 1}, {"x": 1, "y": 2}, [1, 2]),
        ("unkept", {}, {}, [True, True, 5]),
        ("unkept", {"b": 2, "a": 1}, {"a": 1, "b": 2}, [False, False, 5]),
        ("fields", {}, {"x": 3, "y": 5}, [3, 5]),
        ("forever", {}, {}, None),
        (
            "named",
            {
                "model_config": "m",
                "_x": 1,
                "json": {"at": "1970-01-01T00:00:00+00:00"},
                "self": "s",
                "copy": 2,
                "schema": [],
            },
            {
                "model_config": "m",
                "_x": 1,
                "json": {"at": "1970-01-01T00:00:00Z"},
                "self": "s",
                "copy": 2,
                "schema": [],
                "dict": None,
            },
            "['m', 1, Model(at=datetime.datetime(1970, 1, 1, 0, 0, tzinfo=TzInfo(0))), 's', 2, [], None]",
        ),
    ],
)
def test_any_signature_that_can_be_described_runs(
    mixed: Tasks, name: str, args: dict[str, Any], kept: dict[str, Any], result: Any
) -> None:
    one = mixed.get(name)
    assert one.parse(args) == kept
    assert one.call((), kept) == result
    schema = one.describe()["arguments"]
    Draft202012Validator.check_schema(schema)
    assert Draft202012Validator(schema).is_valid(args) or args == {"x": "5"}
    assert set(schema.get("properties", {})) >= set(kept)


def test_an_internal_task_is_run_and_not_offered() -> None:
    @task(internal=True)
    def ours() -> None:
        """Nobody's"""

    @task()
    def theirs() -> None:
        """Anybody's"""

    tasks = Tasks({mark.headway_task.name: mark.headway_task for mark in (ours, theirs)})  # type: ignore[attr-defined]
    assert [one.name for one in tasks] == ["theirs"]
    assert tasks.get("ours").internal and tasks.offered("theirs").name == "theirs"
    with pytest.raises(UnknownTask) as refused:
        tasks.offered("ours")
    with pytest.raises(UnknownTask) as unknown:
        tasks.offered("none")
    assert str(refused.value).replace("ours", "none") == str(unknown.value)
