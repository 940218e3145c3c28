"""What a supervisor has said, in a file."""

from pathlib import Path

from workers.output import Output


class Said:
    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = open(path, "wb")
        self.out = Output(self._file.fileno())

    @property
    def text(self) -> str:
        return self._path.read_text()

    def lines(self, name: str) -> list[str]:
        """Those of the part `name`, once all is written."""
        self.out.close()
        return [line.split("| ", 1)[1] for line in self.text.splitlines() if line.startswith(name)]

    def close(self) -> None:
        self.out.close()
        self._file.close()
