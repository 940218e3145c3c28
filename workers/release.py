"""Which release this is: its version, and a digest of its code, since two checkouts may have one version."""

import functools
import hashlib
from pathlib import Path
from typing import Final

VERSION: Final = "0.1.0"
ROOT: Final = Path(__file__).resolve().parent.parent
CODE: Final = ("workers", "realtime")  # the folders whose files are digested; not the tasks below workers/jobs


@functools.cache
def release() -> str:
    """Such as "0.1.0+1f2e3d4c". Files that are replaced while a process runs don't change what it says of itself."""
    digest = hashlib.sha256()
    for folder in CODE:
        for path in sorted((ROOT / folder).glob("*.py")):
            digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return f"{VERSION}+{digest.hexdigest()[:8]}"
