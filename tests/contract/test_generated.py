"""Clients that generators make of /api/openapi.json: they compile, and do what their callers mean."""

import compileall
import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import requests

from tests.conftest import Stack
from tests.contract.conftest import missing
from tests.frontend.node import MODULES, compile_strictly, find_node

TIMEOUT = 120  # seconds
NAME = "headway_client"


@pytest.fixture(scope="module")
def described(idle: Stack, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("described") / "openapi.json"
    path.write_bytes(requests.get(f"{idle.url}/api/openapi.json").content)
    return path


def run(*command: str, cwd: Path) -> str:
    """What the command says. Fails where it fails."""
    # the generator looks for ruff
    here = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    told = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT, cwd=cwd, env=here)
    assert told.returncode == 0, told.stdout + told.stderr
    return told.stdout + told.stderr


@pytest.fixture(scope="module")
def client(described: Path) -> Path:
    """The folder of a client in Python."""
    if importlib.util.find_spec("openapi_python_client") is None:
        missing("openapi-python-client")
    folder = described.parent / NAME
    command = (sys.executable, "-m", "openapi_python_client", "generate", "--path", str(described))
    said = run(*command, "--meta", "none", "--fail-on-warning", "--output-path", str(folder), cwd=described.parent)
    assert "WARNING" not in said.upper(), said
    return folder


def test_a_client_in_python_does_what_it_is_called_for(
    client: Path, idle: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert compileall.compile_dir(client, quiet=1)
    monkeypatch.syspath_prepend(str(client.parent))

    def module(name: str) -> ModuleType:
        return importlib.import_module(f"{NAME}.{name}")

    models = module("models")
    token = idle.operator["Authorization"].removeprefix("Bearer ")
    server = module("client").AuthenticatedClient(base_url=idle.url, token=token)

    def call(name: str, *args: Any, **given: Any) -> Any:
        return module(f"api.default.{name}").sync(*args, client=server, **given)

    job = call("submit_job", body=models.Submission(task="background_work"))
    assert isinstance(job, models.State) and job.status == models.StatusShown.QUEUED
    assert call("read_job", job.id).to_dict()["args"] == {}
    listed = call("list_jobs", status=models.Status.QUEUED, limit=200).jobs
    assert job.id in [one.id for one in listed] and type(listed[0]) is models.State
    assert call("count_jobs", verb=models.Verb.CANCEL).by_status.queued > 0
    assert call("read_log", job.id).lines == []
    again = call("submit_again", job.id)
    assert again.id != job.id and again.task == job.task
    assert call("cancel_job", job.id).status == models.StatusShown.CANCELED
    twice = call("cancel_job", job.id)
    assert isinstance(twice, models.ErrorAnswer) and twice.error.code == models.ErrorAnswerErrorCode.CONFLICT
    action = models.ActionOnIds(verb=models.Verb.DELETE, ids=[job.id, again.id])
    assert call("begin_action", body=action).total == 2
    assert call("make_token", body=models.TokenToNotify(notify=True)).token
    assert {"sum_numbers"} < {task.name for task in call("list_tasks").tasks}
    assert call("list_workers").workers == [] and call("list_queues").queues[0].name
    assert call("health").ok is True
    server.get_httpx_client().close()


@pytest.mark.long
def test_a_client_in_python_has_sound_types(client: Path) -> None:
    command = [sys.executable, "-m", "mypy", "--config-file", "/dev/null", NAME]
    told = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT, cwd=client.parent).stdout
    # of what is the same in all clients that the generator makes, the generator may think as it likes
    wrong = [line for line in told.splitlines() if ": error:" in line and f"{NAME}/client.py" not in line]
    assert not wrong and "checked" in told, told


def test_a_client_in_typescript_compiles_strictly_and_does_what_it_is_called_for(
    described: Path, idle: Stack, tmp_path: Path
) -> None:
    generator = MODULES / "openapi-typescript/bin/cli.js"
    if not generator.exists() or not (MODULES / "openapi-fetch").exists():
        missing("openapi-typescript, or openapi-fetch,")
    run(find_node(), str(generator), str(described), "-o", str(tmp_path / "api.ts"), cwd=tmp_path)
    (tmp_path / "node_modules").symlink_to(MODULES, target_is_directory=True)
    (tmp_path / "package.json").write_text('{"type": "module"}')
    (tmp_path / "uses_api.ts").write_text(Path(__file__).with_name("uses_api.ts").read_text())
    assert compile_strictly(tmp_path, "--outDir", "made", "--skipLibCheck", "uses_api.ts") == ""
    token = idle.operator["Authorization"].removeprefix("Bearer ")
    run(find_node(), str(tmp_path / "made/uses_api.js"), idle.url, token, cwd=tmp_path)
