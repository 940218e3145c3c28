"""The release before, as git has it, to be started beside this one with the same libraries."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import ROOT, Processes

BEFORE = "01aa552"  # the last commit of the release before


@pytest.fixture(scope="session")
def old_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where its files are."""
    root = tmp_path_factory.mktemp("before")
    archive = subprocess.run(["git", "archive", BEFORE], cwd=ROOT, capture_output=True, check=True).stdout
    subprocess.run(["tar", "-x", "-C", str(root)], input=archive, check=True)
    (root / "frontend/node_modules").symlink_to((ROOT / "frontend/node_modules").resolve())
    return root


@pytest.fixture
def old_processes(processes: Processes, old_root: Path, tmp_path: Path) -> Iterator[Processes]:
    """Starts processes of the release before, on the Redis and with the environment of `processes`."""
    logs = tmp_path / "before"
    logs.mkdir()
    started = Processes(processes.environment, logs, old_root)
    yield started
    started.stop()
