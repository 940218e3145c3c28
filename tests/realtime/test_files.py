"""realtime/files.py: what pages load, made small."""

import gzip
import os
from pathlib import Path

import pytest
from flask import Flask, Response
from werkzeug.exceptions import NotFound

from realtime import files

SCRIPT = "// What it is for.\n\n/** Says one. */\nexport function one() {\n  return `1\n 2`; // why\n}\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "js").mkdir()
    (tmp_path / "js/one.js").write_text(SCRIPT)
    (tmp_path / "secret.txt").write_text("a secret")
    return tmp_path / "js"


def get(folder: Path, name: str, **headers: str) -> Response:
    with Flask("a test").test_request_context(headers=headers):
        return files.send(folder, name)


def test_a_script_is_sent_without_comments_and_its_texts_as_they_are(folder: Path) -> None:
    answer = get(folder, "one.js")
    assert answer.mimetype == "text/javascript"
    text = answer.get_data(as_text=True)
    assert "why" not in text and "`1\n 2`" in text


def test_who_takes_gzip_gets_it(folder: Path) -> None:
    plain = get(folder, "one.js")
    small = get(folder, "one.js", **{"Accept-Encoding": "br, gzip"})
    assert small.headers["Content-Encoding"] == "gzip" and gzip.decompress(small.data) == plain.data
    assert "Accept-Encoding" in small.headers["Vary"] and small.headers["ETag"] != plain.headers["ETag"]
    assert "Content-Encoding" not in get(folder, "one.js", **{"Accept-Encoding": "gzip;q=0"}).headers


def test_what_is_known_is_not_sent_again_until_it_changes(folder: Path) -> None:
    tag = get(folder, "one.js").headers["ETag"]
    assert get(folder, "one.js", **{"If-None-Match": tag}).status_code == 304
    (folder / "one.js").write_text("export const one = 1;")
    os.utime(folder / "one.js", ns=(1, 1))
    answer = get(folder, "one.js", **{"If-None-Match": tag})
    assert (answer.status_code, answer.get_data(as_text=True)) == (200, "export const one=1;")


@pytest.mark.parametrize(
    "name", ["../secret.txt", "..%2fsecret.txt", "/etc/passwd", "none.js", ".", "", "one.js/x", "a\0b.js"]
)
def test_nothing_else_is_sent(name: str, folder: Path) -> None:
    with pytest.raises(NotFound):
        get(folder, name)


def test_no_other_kind_of_file_is_sent(folder: Path) -> None:
    with pytest.raises(NotFound):
        get(folder.parent, "secret.txt")


def test_what_has_the_release_in_its_address_is_kept(folder: Path) -> None:
    assert get(folder, "one.js").headers["Cache-Control"] == "no-cache"
    with Flask("a test").test_request_context():
        fresh = files.send(folder, "one.js", keep=True)
        os.utime(folder / "one.js", ns=(1, 1))
        kept = files.send(folder, "one.js", keep=True)
    assert fresh.headers["Cache-Control"] == "no-cache", "it may be of the next release"
    assert "immutable" in kept.headers["Cache-Control"] and "max-age=31536000" in kept.headers["Cache-Control"]


def test_a_release_has_the_name_of_its_content(tmp_path: Path, folder: Path) -> None:
    (tmp_path / "css").mkdir()
    library = tmp_path / "library.js"
    first = files.release(tmp_path, [library])  # which is not installed
    os.utime(folder / "one.js", ns=(1, 1))
    (folder / ".#one.js").symlink_to("an editor's mark, which leads nowhere")
    assert files.release(tmp_path, [library]) == first, "of the same content, made at another time"
    names = {first}
    for number, name in enumerate(["js/one.js", "js/two.js", "css/one.css", "library.js"], 2):
        (tmp_path / name).write_text("{} ")
        os.utime(tmp_path / name, ns=(number, number))
        names.add(files.release(tmp_path, [library]))
    assert len(names) == 5
