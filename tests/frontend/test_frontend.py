"""Runs each `*.test.js` beside it with Node's own test runner."""

import re
from pathlib import Path

import pytest

from tests.frontend.node import run_node

HERE = Path(__file__).parent
FILES = sorted(HERE.glob("*.test.js"))


def failure_of(file: Path) -> str | None:
    """What Node said of a file whose tests did not all pass, or that has none; None where all is well."""
    run = run_node("--test-reporter=tap", str(file))
    # run without --test, which would count the file itself as a test that passes
    counts = {name: int(count) for name, count in re.findall(r"^# (tests|pass) (\d+)$", run.stdout, re.MULTILINE)}
    if run.returncode == 0 and counts.get("tests", 0) > 0 and counts["pass"] == counts["tests"]:
        return None
    return f"{file.name}: node ended with {run.returncode}, {counts or 'no tests'}\n{run.stdout}{run.stderr}"


def test_there_are_files_of_tests() -> None:
    assert FILES


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_the_tests_in_javascript_pass(file: Path) -> None:
    failure = failure_of(file)
    if failure is not None:
        pytest.fail(failure, pytrace=False)


HEAD = 'import assert from "node:assert/strict"; import { test } from "node:test";'


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (f'{HEAD} test("one is two", () => assert.equal(1, 2));', "one is two"),
        (f'{HEAD} test("in time", async () => {{ await null; throw new Error("too late"); }});', "too late"),
        (f'{HEAD} test.skip("left out", () => {{}});', "left out"),
        (HEAD, "no tests"),
        ("", "no tests"),
        ("this is no JavaScript", "SyntaxError"),
        ('import "./nowhere.js";', "nowhere.js"),
    ],
    ids=["fails", "rejects", "skipped", "no test in it", "empty", "no JavaScript", "import of nothing"],
)
def test_a_file_that_proves_nothing_is_a_failure(text: str, said: str, tmp_path: Path) -> None:
    file = tmp_path / "odd.test.js"
    file.write_text(text)
    (tmp_path / "package.json").write_text('{"type": "module"}')
    assert said in (failure_of(file) or "all is well")


def test_a_file_whose_tests_pass_is_none(tmp_path: Path) -> None:
    file = tmp_path / "fine.test.mjs"
    file.write_text(f'{HEAD} test("one is one", () => assert.equal(1, 1));')
    assert failure_of(file) is None
