"""What is sent of a script says what its source says: nothing but comments and spaces are taken out."""

from pathlib import Path

import rjsmin

from tests.conftest import ROOT
from tests.frontend.node import run_node

HERE = Path(__file__).parent


def differing(folder: Path, scripts: list[Path]) -> str:
    """The scripts of which the minified form says something else."""
    pairs = []
    for number, script in enumerate(scripts):
        small = folder / f"{number}.js"
        small.write_text(rjsmin.jsmin(script.read_text()))
        pairs += [str(script), str(small)]
    run = run_node(str(HERE / "same.mjs"), *pairs)
    assert run.returncode == 0, run.stderr
    return run.stdout


def test_nothing_but_comments_and_spaces_is_taken_out(tmp_path: Path) -> None:
    scripts = sorted((ROOT / "frontend/js").rglob("*.js"))
    assert len(scripts) > 30
    assert differing(tmp_path, scripts) == ""


def test_a_script_that_is_cut_wrongly_is_noticed(tmp_path: Path) -> None:
    odd = tmp_path / "odd.js"
    odd.write_text("const kind = 1;\nexport const name = `a${kind && ` b  c-${kind}`}`;\n")
    assert str(odd) in differing(tmp_path, [odd])
