"""Stages for trouble."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.stage import Stage


@pytest.fixture
def stage(base_environment: dict[str, str], tmp_path: Path) -> Iterator[Stage]:
    made = Stage(tmp_path, base_environment)
    yield made
    made.end()
