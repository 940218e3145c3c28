"""Which modules a page comes to need: its scripts' own, and what those import, at any depth."""

import re
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

KEPT = 200  # files


def preload(html: str, folder: Path, release: str = "") -> str:
    """The page with links that let a browser fetch all its modules of `folder` (`…/js/`) at once.

    They are looked for once in a `release`; without one, each time.

    Without them it learns of each when it has read the one that imports it: up to seven round trips in a row.
    """
    scripts = re.findall(r'<script type="module" src="([^"]*/js/)([^"]+)"', html)
    if not scripts:
        return html
    root = scripts[0][0]
    given = tuple(name for _, name in scripts)
    names = _imported_in(release, given, folder) if release else imported(given, folder)
    links = "".join(f'<link rel="modulepreload" href="{root}{name}">' for name in names)
    return html.replace("</head>", f"{links}</head>", 1)


@lru_cache(KEPT)
def _imported_in(release: str, names: tuple[str, ...], folder: Path) -> list[str]:
    return imported(names, folder)


def imported(names: Iterable[str], folder: Path) -> list[str]:
    """What these import, and so on, but what lies outside of `folder`; nearest first."""
    given = list(names)
    found = dict.fromkeys(given)
    for name in (waiting := list(given)):
        path = folder / name
        for other in _imports(path, path.stat().st_mtime_ns):
            target = (path.parent / other).resolve()
            if target.is_relative_to(folder.resolve()) and target.is_file():
                at = target.relative_to(folder.resolve()).as_posix()
                if at not in found:
                    found[at] = None
                    waiting.append(at)
    return [name for name in found if name not in given]


@lru_cache(KEPT)
def _imports(path: Path, changed_at: int) -> tuple[str, ...]:
    """As they stand there; what is imported later, by `import()`, is not meant. `changed_at`: its time in ns."""
    return tuple(re.findall(r'^(?:import|export|\})[^"\n]*from "(\.[^"]+)"', path.read_text(), re.MULTILINE))
