"""Node, which runs the tests of the browser's modules."""

import shutil
import subprocess
import sys
from pathlib import Path

TIMEOUT = 60  # seconds; none takes more than one


def find_node() -> str:
    """The machine's own, else the one that a wheel put into the virtual environment."""
    return shutil.which("node") or str(Path(sys.executable).with_name("node"))


def run_node(*arguments: str) -> subprocess.CompletedProcess[str]:
    """`node <arguments>`."""
    return subprocess.run([find_node(), *arguments], capture_output=True, text=True, encoding="utf-8", timeout=TIMEOUT)
