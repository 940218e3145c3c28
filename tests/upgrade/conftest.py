"""Releases before, as git has them, to be started beside this one with the same libraries."""

import functools
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.conftest import ROOT, Processes


@dataclass(frozen=True)
class Before:
    """A release before."""

    commit: str  # the last one of it
    queues: str  # HEADWAY_QUEUES of the installation before its upgrade
    news: str  # the queue of what tells of ends


LAST = Before("a3fe958", "default:2,mail:1,rq:queue:shop:1", "headway-news")
# its queues had no names of their own in RQ, its cookie one for all of a host, and its folder was open
FIRST = Before("01aa552", "default:2,mail:1,shop:1", "headway")


@pytest.fixture(scope="session")
def root_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Before], Path]:
    """Where the files of a release are."""

    @functools.cache
    def unpack(release: Before) -> Path:
        root = tmp_path_factory.mktemp("before")
        archive = subprocess.run(["git", "archive", release.commit], cwd=ROOT, capture_output=True, check=True).stdout
        subprocess.run(["tar", "-x", "-C", str(root)], input=archive, check=True)
        (root / "frontend/node_modules").symlink_to((ROOT / "frontend/node_modules").resolve())
        return root

    return unpack


@pytest.fixture(
    scope="module", params=[LAST, pytest.param(FIRST, marks=pytest.mark.long)], ids=lambda release: release.commit
)
def before(request: pytest.FixtureRequest) -> Before:
    assert isinstance(request.param, Before)
    return request.param


@pytest.fixture
def processes_of(
    processes: Processes, root_of: Callable[[Before], Path], tmp_path: Path
) -> Iterator[Callable[[Before], Processes]]:
    """Starts processes of a release before, on the Redis and with the environment of `processes`."""
    started: list[Processes] = []

    def begin(release: Before) -> Processes:
        logs = tmp_path / f"before-{len(started)}"
        logs.mkdir()
        started.append(Processes(processes.environment, logs, root_of(release)))
        return started[-1]

    yield begin
    for one in started:
        one.stop()


@pytest.fixture
def old_processes(processes_of: Callable[[Before], Processes]) -> Processes:
    """Of the first release."""
    return processes_of(FIRST)
