"""The TypeScript declarations: that people's code compiles against them, and that they say what the modules are."""

import shutil
from pathlib import Path

from tests.conftest import ROOT
from tests.frontend.node import compile_strictly

HERE = Path(__file__).parent


def test_a_page_in_typescript_compiles_and_what_is_wrong_in_it_does_not() -> None:
    assert compile_strictly(ROOT, "--noEmit", "--allowUnreachableCode", str(HERE / "uses.ts")) == ""


def test_the_declarations_say_what_the_modules_are(tmp_path: Path) -> None:
    scripts, tests = tmp_path / "scripts", tmp_path / "tests/frontend"
    shutil.copytree(ROOT / "frontend/js", scripts, ignore=shutil.ignore_patterns("*.d.ts"))
    said = compile_strictly(
        scripts, "--allowJs", "--declaration", "--emitDeclarationOnly", "--outDir", str(tests / "real"), "client.js"
    )
    assert (tests / "real/client.d.ts").exists(), said
    shutil.copytree(ROOT / "frontend/js", tmp_path / "frontend/js")
    shutil.copy(HERE / "held.ts", tests)
    assert compile_strictly(tmp_path, "--noEmit", str(tests / "held.ts")) == ""
    declared = tmp_path / "frontend/js/client.d.ts"
    declared.write_text(declared.read_text().replace("  tasks(): Promise<Task[]>;\n", ""))
    assert "'tasks'" in compile_strictly(tmp_path, "--noEmit", str(tests / "held.ts")), "this test can fail"
