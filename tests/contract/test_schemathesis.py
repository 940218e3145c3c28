"""The API against its own description, by schemathesis: what it generates is answered as the document says."""

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import Stack
from tests.contract.conftest import missing

CONFIG = Path(__file__).with_name("schemathesis.toml")
TIMEOUT = 600  # seconds
ROLES = ("stranger", "session", "operator")
LITTLE = ("--phases", "fuzzing", "--max-examples", "1")
# beside a token that is good it makes up a cookie, and takes the answer for that of the cookie. As a
# stranger it has neither, and there the check is on
NO_PROBES = ["--exclude-checks", "ignored_auth"]
MUCH = ("--max-examples", "40")


@pytest.mark.parametrize(
    ("role", "bounds"),
    [
        pytest.param("stranger", LITTLE, id="stranger, a little"),
        pytest.param("operator", LITTLE, id="operator, a little"),
        *(pytest.param(role, MUCH, id=f"{role}, much", marks=pytest.mark.long) for role in ROLES),
    ],
)
def test_nothing_is_answered_but_as_described(role: str, bounds: tuple[str, ...], idle: Stack, tmp_path: Path) -> None:
    if importlib.util.find_spec("schemathesis") is None:
        missing("schemathesis")
    session = idle.session()
    headers = {
        "stranger": {},
        "session": {"Cookie": "; ".join(f"{cookie.name}={cookie.value}" for cookie in session.cookies)},
        "operator": idle.operator,
    }[role]
    ids = [idle.submit(session, "background_work")["id"] for _ in range(8)]
    config = tmp_path / "schemathesis.toml"
    config.write_text(f"{CONFIG.read_text()}\n[dictionaries.jobs]\nvalues = {json.dumps(ids)}\n")
    given = [] if role == "stranger" else NO_PROBES
    given += [part for name, value in headers.items() for part in ("--header", f"{name}: {value}")]
    told = subprocess.run(
        [
            *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(config), "run"),
            *(f"{idle.url}/api/openapi.json", "--continue-on-failure", "--no-color", "--request-timeout", "60"),
            *(*bounds, "--warnings", "off", "--suppress-health-check", "all", *given),
        ],
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        cwd=tmp_path,
    )
    assert told.returncode == 0, told.stdout[-8000:] + told.stderr[-2000:]
    assert "Tested: " in told.stdout and "Traceback" not in idle.processes.log()
