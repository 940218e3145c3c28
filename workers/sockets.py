"""Where the embedded server's Unix socket is, and its address as redis-py reads it."""

import hashlib
import os
import re
import tempfile
from pathlib import Path
from typing import Final
from urllib.parse import unquote

LIMIT: Final = 100  # bytes of a path; sun_path holds 108 on Linux and 104 on macOS
SCHEME: Final = "unix://"
CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")
SPECIAL: Final = re.compile(r"[\x00-\x20%#?;]")  # what means something in a URL, or is dropped from one


def socket_path(home: Path, runtime: str = "") -> Path:
    """Where the embedded server listens: in `home`, or, where that path can't be one of a socket, near by.

    It is too long, or holds what breaks the lines of CLIENT LIST, which RQ reads. Near by is in `runtime`
    (XDG_RUNTIME_DIR: a folder of this user alone), else among the temporary files.
    """
    path = home / "redis.sock"
    if len(os.fsencode(path)) <= LIMIT and not CONTROL.search(str(path)):
        return path
    digest = hashlib.sha256(os.fsencode(home)).hexdigest()[:12]
    name = f"headway-{os.getuid()}-{digest}"
    path = Path(runtime) / name / "redis.sock"
    if path.is_absolute() and len(os.fsencode(path)) <= LIMIT and _is_mine(Path(runtime)):
        return path
    return Path(tempfile.gettempdir()) / name / "redis.sock"


def url_of(path: Path) -> str:
    """The address of a socket. Bytes that are no UTF-8 stay as Python has them: behind a percent sign redis-py would
    take them for other ones."""
    return SCHEME + SPECIAL.sub(lambda found: f"%{ord(found[0]):02X}", str(path))


def path_of(url: str) -> Path:
    """The socket that `url_of` gave this address."""
    return Path(unquote(url.removeprefix(SCHEME)))


def _is_mine(folder: Path) -> bool:
    try:
        return folder.stat().st_uid == os.getuid()
    except OSError:
        return False
