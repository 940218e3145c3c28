"""The files that pages load: scripts without their comments and indents, text compressed, each made ready once."""

import gzip
import hashlib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import rjsmin
from flask import Response, abort, request
from werkzeug.security import safe_join

TYPES = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}
KEPT = 200  # files


@dataclass(frozen=True, slots=True)
class File:
    """One file, ready to be sent."""

    type: str
    plain: bytes
    compressed: bytes
    digest: str


def send(folder: Path, name: str) -> Response:
    """The file `name` of `folder`; 404 where there is none, or none of a kind that pages load."""
    path = safe_join(str(folder), name)
    if path is None or Path(path).suffix not in TYPES or not Path(path).is_file():
        abort(404)
    file = _ready(Path(path), Path(path).stat().st_mtime_ns)
    compresses = request.accept_encodings["gzip"] > 0
    response = Response(file.compressed if compresses else file.plain, mimetype=file.type)
    if compresses:
        response.headers["Content-Encoding"] = "gzip"
    response.vary.add("Accept-Encoding")
    response.headers["Cache-Control"] = "no-cache"  # asked for again each time, and mostly answered 304
    response.set_etag(f"{file.digest}{'-gzip' if compresses else ''}")
    response.make_conditional(request)
    return response


@lru_cache(KEPT)
def _ready(path: Path, changed_at: int) -> File:
    """`changed_at`: its time in ns, so that a file that was changed is read again."""
    plain = path.read_bytes()
    if path.suffix == ".js" and ".min." not in path.name:
        plain = str(rjsmin.jsmin(plain.decode())).encode()
    # without a time in it, so that equal files are equal everywhere
    return File(TYPES[path.suffix], plain, gzip.compress(plain, 9, mtime=0), hashlib.sha256(plain).hexdigest()[:20])
