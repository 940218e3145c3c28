"""Node, which runs the tests of the browser's modules."""

import shutil
import subprocess
import sys
from pathlib import Path

TIMEOUT = 60  # seconds; none takes more than one


def run_node(*arguments: str) -> subprocess.CompletedProcess[str]:
    """`node <arguments>`: the machine's own, else the one that a wheel put into the virtual environment."""
    node = shutil.which("node") or str(Path(sys.executable).with_name("node"))
    return subprocess.run([node, *arguments], capture_output=True, text=True, encoding="utf-8", timeout=TIMEOUT)
