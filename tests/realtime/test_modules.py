"""realtime/modules.py: a page names all the modules it comes to need."""

import os
import re
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from realtime.modules import imported, preload
from tests.conftest import ROOT


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    files = {
        "js/page.js": 'import { a } from "./a.js";\nconst later = () => import("./later.js");\n',
        "js/a.js": 'import {\n  b,\n} from "./deep/b.js";\nimport io from "../vendor/io.js";\nexport const a = 1;\n',
        "js/deep/b.js": 'export { c } from "../c.js"; // import { no } from "./no.js"\nimport { a } from "../a.js";\n',
        "js/c.js": "export const c = 1;\n",
        "js/later.js": "",
        "vendor/io.js": "",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path / "js"


def test_all_that_is_imported_is_named_once_nearest_first(folder: Path) -> None:
    assert imported(["page.js"], folder) == ["a.js", "deep/b.js", "c.js"]
    assert imported(["page.js", "a.js"], folder) == ["deep/b.js", "c.js"]


def test_a_file_that_was_changed_is_read_again(folder: Path) -> None:
    assert imported(["a.js"], folder) == ["deep/b.js", "c.js"]
    (folder / "a.js").write_text('import { c } from "./c.js";')
    os.utime(folder / "a.js", ns=(1, 1))
    assert imported(["a.js"], folder) == ["c.js"]


def test_a_page_gets_links_below_its_own_root(folder: Path) -> None:
    html = '<head><script type="module" src="/below/js/a.js"></script></head><body></head>'
    links = '<link rel="modulepreload" href="/below/js/deep/b.js"><link rel="modulepreload" href="/below/js/c.js">'
    assert preload(html, folder) == html.replace("</head>", f"{links}</head>", 1)
    assert preload("<head></head>", folder) == "<head></head>"


@pytest.mark.parametrize("path", ["/", "/jobs", "/jobs/x", "/queues", "/workers", "/audit", "/login", "/add-task"])
def test_every_page_names_what_its_scripts_come_to_import(path: str, operator: FlaskClient) -> None:
    html = operator.get(path).text
    scripts = set(re.findall(r'<script type="module" src="/v/[0-9a-f]+/js/([^"]+)"', html))
    named = re.findall(r'<link rel="modulepreload" href="/v/[0-9a-f]+/js/([^"]+)"', html)
    assert scripts and set(named) == set(imported(scripts, ROOT / "frontend/js")) and len(named) == len(set(named))
    for name in named:
        assert operator.get(f"/js/{name}", buffered=True).status_code == 200
