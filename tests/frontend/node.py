"""Node, which runs the tests of the browser's modules."""

import shutil
import subprocess
import sys
from pathlib import Path

TIMEOUT = 60  # seconds; none takes more than one
MODULES = Path(__file__).parents[2] / "frontend/node_modules"
COMPILER = MODULES / "typescript/lib/tsc.js"
COMPILER_TIMEOUT = 120  # seconds
OPTIONS = "--strict --target es2022 --module esnext --moduleResolution bundler --lib es2023,dom,dom.iterable"


def find_node() -> str:
    """The machine's own, else the one that a wheel put into the virtual environment."""
    return shutil.which("node") or str(Path(sys.executable).with_name("node"))


def run_node(*arguments: str) -> subprocess.CompletedProcess[str]:
    """`node <arguments>`."""
    return subprocess.run([find_node(), *arguments], capture_output=True, text=True, encoding="utf-8", timeout=TIMEOUT)


def compile_strictly(folder: Path, *arguments: str) -> str:
    """What TypeScript's compiler complains of."""
    run = subprocess.run(
        [find_node(), str(COMPILER), *OPTIONS.split(), *arguments],
        capture_output=True,
        text=True,
        timeout=COMPILER_TIMEOUT,
        cwd=folder,
    )
    return run.stdout + run.stderr
