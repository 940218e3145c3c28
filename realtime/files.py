"""The files that pages load: scripts without their comments and indents, text compressed, each made ready once."""

import gzip
import hashlib
import time
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import rjsmin
from flask import Response, abort, request
from werkzeug.security import safe_join

TYPES = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}
KEPT = 200  # files
YEAR = 365 * 24 * 3600  # seconds
NEW = 3_000_000_000  # ns since a file was written


@dataclass(frozen=True, slots=True)
class File:
    """One file, ready to be sent."""

    type: str
    plain: bytes
    compressed: bytes
    digest: str


def release(frontend: Path, libraries: Iterable[Path]) -> str:
    """Names all that pages load as it stands there: the same on every machine, another one once a file has changed."""
    own = (path for kind in ("js", "css") for path in (frontend / kind).rglob("*") if path.suffix in TYPES)
    paths = sorted(path for path in (*own, *libraries) if path.is_file())
    stats = [path.stat() for path in paths]
    return _digest(
        frontend, tuple((path, one.st_mtime_ns, one.st_size) for path, one in zip(paths, stats, strict=True))
    )


@lru_cache(1)
def _digest(frontend: Path, files: tuple[tuple[Path, int, int], ...]) -> str:
    digest = hashlib.sha256()
    for path, _, size in files:
        digest.update(f"{path.relative_to(frontend)} {size}\n".encode() + path.read_bytes())
    return digest.hexdigest()[:16]


def send(folder: Path, name: str, *, keep: bool = False) -> Response:
    """The file `name` of `folder`; 404 where there is none, or none of a kind that pages load.

    `keep`: its address names the release, so that a browser need not ask for it again; but a file that was written
    just now may be of the next one.
    """
    path = find(folder, name)
    file = _ready(path, path.stat().st_mtime_ns)
    compresses = request.accept_encodings["gzip"] > 0
    response = Response(file.compressed if compresses else file.plain, mimetype=file.type)
    if compresses:
        response.headers["Content-Encoding"] = "gzip"
    response.vary.add("Accept-Encoding")
    # else asked for again each time, and mostly answered 304
    keep = keep and time.time_ns() - path.stat().st_mtime_ns > NEW
    response.headers["Cache-Control"] = f"public, max-age={YEAR}, immutable" if keep else "no-cache"
    response.set_etag(f"{file.digest}{'-gzip' if compresses else ''}")
    response.make_conditional(request)
    return response


def find(folder: Path, name: str) -> Path:
    """The file `name` of `folder`; 404 as `send` has it."""
    path = safe_join(str(folder), name)
    if path is None or Path(path).suffix not in TYPES or not Path(path).is_file():
        abort(404)
    return Path(path)


@lru_cache(KEPT)
def _ready(path: Path, changed_at: int) -> File:
    """`changed_at`: its time in ns, so that a file that was changed is read again."""
    plain = path.read_bytes()
    if path.suffix == ".js" and ".min." not in path.name:
        plain = str(rjsmin.jsmin(plain.decode())).encode()
    # without a time in it, so that equal files are equal everywhere
    return File(TYPES[path.suffix], plain, gzip.compress(plain, 9, mtime=0), hashlib.sha256(plain).hexdigest()[:20])
