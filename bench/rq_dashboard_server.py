"""rq-dashboard in a virtual environment of its own: what it needs is nothing that Headway needs."""

import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

from bench.machine import ROOT

VERSION = "0.9.0"
# it imports six, and does not say so; RQ and redis-py as we have them, so that both send the same commands
PINNED = (f"rq-dashboard=={VERSION}", "six==1.17.0", f"rq=={version('rq')}", f"redis=={version('redis')}")
FOLDER = ROOT / ".venv" / f"rq-dashboard-{VERSION}"
PROBE = "import rq_dashboard.cli, rq; print(rq.VERSION)"


def python() -> str:
    """The interpreter that has it; it is installed where it is not yet. Ends the measurement where it can't be."""
    found = FOLDER / "bin" / "python"
    if not _has_it(found):
        print(f"installing {', '.join(PINNED)} into {FOLDER.relative_to(ROOT)}", file=sys.stderr)
        for command in (
            [sys.executable, "-m", "venv", "--clear", str(FOLDER)],
            [str(found), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *PINNED],
        ):
            if subprocess.call(command) != 0:
                raise SystemExit(f"rq-dashboard could not be installed, and nothing was measured: {' '.join(command)}")
    if not _has_it(found):
        raise SystemExit(f"rq-dashboard was installed into {FOLDER}, and can't be imported there: nothing was measured")
    return str(found)


def command(port: int, redis_url: str) -> list[str]:
    """Its own command line, as its users start it. `--json`, or it could read no job of Headway's."""
    return ["rq_dashboard", "--bind", "127.0.0.1", "--port", str(port), "--redis-url", redis_url, "--json"]


def _has_it(found: Path) -> bool:
    if not found.exists():
        return False
    told = subprocess.run([str(found), "-c", PROBE], capture_output=True, text=True, cwd=FOLDER)
    return told.returncode == 0 and told.stdout.strip() == version("rq")
