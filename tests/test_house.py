"""The rules of the house: who imports whom, what happens at import, one test file per module."""

import ast
import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PYTHON = sorted([ROOT / "run.py", *(ROOT / "workers").rglob("*.py"), *(ROOT / "realtime").rglob("*.py")])
SCRIPTS = sorted((ROOT / "frontend/js").rglob("*.js"))
ALLOWED = {  # package or module → what it must not import
    "run": ("eventlet", "redis", "rq", "flask", "realtime", "workers.store", "workers.lifecycle"),
    "workers": ("flask", "flask_socketio", "socketio", "engineio", "eventlet", "realtime"),
    "workers.embedded": ("redis", "rq"),
    "workers.settings": ("redis", "rq"),
    "workers.senders": ("redis", "rq", "workers.settings"),
    "workers.variables": ("redis", "rq", "workers"),
    "workers.environment": ("redis", "rq", "workers.settings"),
    "workers.folders": ("redis", "rq", "workers.settings"),
    "workers.ceiling": ("redis", "rq", "workers.settings"),
    "workers.wire": ("redis", "rq", "workers.store", "workers.settings"),
    "workers.script": ("redis", "rq"),
    "workers.shape": ("redis", "rq", "workers"),
    "workers.records": ("rq", "workers"),
    "workers.tally": ("redis", "rq", "workers.store", "workers.settings"),
    "workers.store": ("rq", "workers.progress", "workers.lifecycle", "workers.queue", "workers.settings"),
    "workers.news": ("redis", "rq", "workers.store", "workers.settings"),
    "workers.guard": ("redis", "rq", "workers.store", "workers.settings"),
    "workers.public": ("redis", "rq", "requests", "urllib3", "workers"),
    "workers.channel": ("rq", "workers.store", "workers.progress", "workers.lifecycle", "workers.queue"),
    "workers.progress": ("rq", "workers.lifecycle", "workers.queue", "workers.jobs"),
    "workers.jobs": ("rq", "workers.lifecycle", "workers.queue", "workers.store"),
    "realtime.topics": ("redis", "flask", "flask_socketio", "workers.store"),
    "realtime.frames": ("redis", "flask", "flask_socketio", "workers.store"),
    "realtime.access": ("redis", "flask", "flask_socketio"),
    "realtime.relay": ("flask", "flask_socketio", "socketio", "engineio"),
}
LINES_A_FILE = 300
LINES_A_FUNCTION = 45
MONKEY_PATCHER = "realtime.server"
GREEN = "realtime.green"  # what else knows eventlet; imported by the server alone


def name_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(), str(path))


def imports(tree: ast.AST) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative imports hide where an arrow points"
            found |= {node.module or "", *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


def within(name: str, package: str) -> bool:
    return name == package or name.startswith(f"{package}.")


@pytest.mark.parametrize("path", PYTHON, ids=name_of)
def test_arrows_point_one_way(path: Path) -> None:
    name, found = name_of(path), imports(tree_of(path))
    for package, forbidden in ALLOWED.items():
        if within(name, package):
            wrong = {one for one in found for other in forbidden if within(one, other)}
            assert not wrong, f"{name} must not import {wrong}"


@pytest.mark.parametrize("path", PYTHON, ids=name_of)
def test_only_the_server_knows_eventlet_and_only_it_and_tests_the_factory(path: Path) -> None:
    if name_of(path) in (MONKEY_PATCHER, GREEN):
        return
    found = imports(tree_of(path))
    guarded = {"realtime.app.Services"}  # a type, for the type checker alone
    assert not {one for one in found - guarded if within(one, "eventlet") or one in ("realtime.app.create_app", GREEN)}


@pytest.mark.parametrize("path", PYTHON, ids=name_of)
def test_no_import_hides_in_a_function(path: Path) -> None:
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            hidden = [inner.lineno for inner in ast.walk(node) if isinstance(inner, ast.Import | ast.ImportFrom)]
            assert not hidden, f"{name_of(path)}:{hidden}"


@pytest.mark.parametrize("path", PYTHON, ids=name_of)
def test_nothing_is_done_at_import(path: Path) -> None:
    """Calls that stand alone at the top of a module; definitions of constants are no work."""
    tree = tree_of(path)
    alone = [node for node in tree.body if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)]
    allowed = 2 if name_of(path) == MONKEY_PATCHER else 0  # the filter of its warning, and the patch itself
    assert len(alone) == allowed, [ast.unparse(node) for node in alone]
    assert "environ" not in "".join(ast.unparse(node) for node in tree.body if isinstance(node, ast.Assign))


@pytest.mark.parametrize("path", PYTHON, ids=name_of)
def test_a_file_is_one_noun_and_says_its_duty(path: Path) -> None:
    text = path.read_text()
    tree = tree_of(path)
    assert not text.strip() or ast.get_docstring(tree), f"{name_of(path)} has no first line"
    assert len(text.splitlines()) <= LINES_A_FILE
    assert not {"utils", "helpers", "common", "misc", "manager"} & set(path.with_suffix("").parts)
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            length = (node.end_lineno or 0) - node.lineno + 1
            assert length <= LINES_A_FUNCTION or node.name == "register", f"{name_of(path)}.{node.name}: {length} lines"


@pytest.mark.parametrize("path", [path for path in PYTHON if path.read_text().strip()], ids=name_of)
def test_each_module_has_a_test_file(path: Path) -> None:
    if path.name == "__init__.py":
        return
    relative = path.relative_to(ROOT)
    assert (ROOT / "tests" / relative.parent / f"test_{relative.name}").exists()


def test_swallowed_errors_say_why() -> None:
    for path in PYTHON:
        lines = path.read_text().splitlines()
        for number, line in enumerate(lines):
            if re.fullmatch(r"\s*(pass|continue)", line) and "except" in lines[number - 1]:
                pytest.fail(f"{name_of(path)}:{number + 1} swallows an error and does not say why")


LAYERS = {  # a script may import what stands in its list, and nothing else
    "home.js": set(),
    "exact.js": set(),
    "wire.js": {"exact.js"},
    "store.js": {"wire.js"},
    "watched.js": {"store.js"},
    "watches.js": {"watched.js"},
    "lateness.js": set(),
    "link.js": {"wire.js"},
    "server-clock.js": set(),
    "hub.js": {"lateness.js", "link.js", "server-clock.js", "watches.js"},
    "serving.js": set(),
    "worker.js": {"home.js", "hub.js", "serving.js", "socket.io.js"},
    "leader.js": {"serving.js"},
    "ways.js": {
        "home.js",
        "leader.js",
        "serving.js",
    },  # and, where a page needs a hub of its own, hub.js and socket.io.js
    "pause.js": set(),
    "fallback.js": set(),
    "over-http.js": {"wire.js"},
    "remote-hub.js": {"pause.js", "watches.js"},
    "ends.js": set(),
    "told.js": set(),
    "client.js": {"ends.js", "exact.js", "home.js", "remote-hub.js", "told.js", "ways.js"},
    "rate.js": set(),
    "format.js": set(),
    "throughput.js": set(),
    "chart.js": {"progress-view.js"},
    "progress-view.js": {"format.js", "rate.js", "wire.js"},
}
NO_DOM = {
    "home.js",
    "exact.js",
    "wire.js",
    "store.js",
    "watched.js",
    "watches.js",
    "lateness.js",
    "server-clock.js",
    "link.js",
    "hub.js",
    "serving.js",
    "ends.js",
    "pause.js",
}
NO_DOM |= {"fallback.js", "over-http.js", "remote-hub.js", "leader.js", "rate.js", "format.js", "throughput.js"}


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_scripts_keep_their_layers(path: Path) -> None:
    text = path.read_text()
    found = {name.rsplit("/", 1)[1] for name in re.findall(r'from "([^"]+)"', text)}
    if path.name in LAYERS:
        assert found <= LAYERS[path.name]
    else:
        assert not found & {"hub.js", "store.js", "socket.io.js"}, "pages and elements go through client.js"
    assert len(text.splitlines()) <= LINES_A_FILE
    assert text.startswith("// "), "the first line says what it is for"
    assert "innerHTML" not in text and "insertAdjacentHTML" not in text and "document.write" not in text
    if path.name in NO_DOM:
        assert not re.search(r"\b(document|window)\b", text.split("export", 1)[1]), "this layer knows no DOM"


OWN_CLOCK = {  # scripts that time their own doings, or a person's calendar; the times of jobs are by the server's clock
    "server-clock.js",
    "link.js",
    "lateness.js",
    "fallback.js",
    "hub.js",
    "serving.js",
    "remote-hub.js",
    "notifications.js",
    "format.js",
}


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_what_is_said_of_jobs_goes_by_the_servers_clock(path: Path) -> None:
    assert path.name in OWN_CLOCK or "Date.now(" not in path.read_text()


def test_nothing_committed_names_an_index_or_a_registry() -> None:
    lock = json.loads((ROOT / "frontend/package-lock.json").read_text())
    assert not [name for name, package in lock["packages"].items() if "resolved" in package]
    for path in sorted((ROOT / "requirements").glob("*.txt")):
        text = path.read_text()
        assert (
            "://" not in text
            and "--index" not in text
            and "--find-links" not in text.split("pip-compile", 1)[1].split("\n", 1)[1]
        )
        pins = re.findall(r"^[a-z0-9._-]+==", text, re.MULTILINE | re.IGNORECASE)
        assert pins and text.count("--hash=sha256:") >= len(pins)
