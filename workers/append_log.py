"""The embedded server's append-only files: what a power loss leaves at their end. Opens none while a server runs."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Final

FOLDER: Final = "appendonlydir"
MANIFEST: Final = "appendonly.aof.manifest"
NEWEST: Final = re.compile(r"file ([A-Za-z0-9_.-]+) seq [0-9]+ type i\b")
CHUNK: Final = 1024 * 1024  # bytes read at once
CHECKED_WITHIN: Final = 600  # seconds for the server's own checker


def trim(data: Path) -> str:
    """Cut zero bytes off behind the last command of the server whose folder is `data`; the sentence that says so.

    A file system may have made the file longer before the power went, and not yet written what it was to hold. Each
    command ends with a line break, so nothing that was ever written is lost. '': there are none. Raises OSError.
    """
    path = _newest(data)
    if path is None:
        return ""
    with open(path, "r+b") as file:
        size = end = file.seek(0, os.SEEK_END)
        while end > 0:
            start = max(0, end - CHUNK)
            file.seek(start)
            rest = file.read(end - start).rstrip(b"\0")
            end = start + len(rest)
            if rest:
                break
        if end == size:
            return ""
        file.truncate(end)
        os.fsync(file.fileno())
    return f"{path}: {size - end} zero bytes behind the last command, as a power loss leaves them, are cut off"


def damage(data: Path, binary: str) -> str:
    """What to do where the newest of these files can't be loaded by the server `binary`; '' where it can.

    The server is its own checker where it is started under that name. It is shown that one file: not the manifest,
    since Valkey's does not know the head of its own base file, and would cut that off.
    """
    path = _newest(data)
    if path is None:
        return ""
    name = Path(binary).name.replace("server", "check-aof")
    command = [name, str(path)]
    found = subprocess.run(command, executable=binary, capture_output=True, timeout=CHECKED_WITHIN, check=False)
    if found.returncode == 0:
        return ""
    program = f"import os; os.execv({binary!r}, [{name!r}, '--fix', {str(path)!r}])"
    remedy = shlex.join([sys.executable, "-c", program])
    return f"{path} is damaged. Copy its folder; then this drops what follows the damage: {remedy}"


def _newest(data: Path) -> Path | None:
    """The file that the server appends to; None where it has none yet."""
    try:
        found = NEWEST.findall((data / FOLDER / MANIFEST).read_text(errors="replace"))
    except FileNotFoundError:
        return None
    path = data / FOLDER / found[-1] if found else None
    return path if path is not None and path.is_file() else None
