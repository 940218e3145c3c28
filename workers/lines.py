"""Makes lines of what a process prints: piece by piece, in linear time, whatever it prints."""

from typing import Final

LINE_LIMIT: Final = 64 * 1024  # bytes of a line, after which its end is not waited for
TAKEN_BACK: Final = 4.0  # lines a second that are shown of those that a carriage return takes back: bars of tqdm


class Lines:
    """Takes the output of one process and gives back its lines as they end.

    A line feed ends a line. A carriage return takes it back: of lines that come so, one after the other, the newest
    few of each second are given back, and the last always.
    """

    def __init__(self) -> None:
        self._begun: list[bytes] = []  # of the line that has no end yet
        self._size = 0  # bytes of it
        self._returned = False  # whether a carriage return came last: with a line feed it is one end
        self._room = TAKEN_BACK
        self._fed_at = 0.0

    def feed(self, chunk: bytes, now: float) -> list[str]:
        """What has come to its end, pieces of a very long line included. `now`: seconds, by any clock."""
        self._room = min(TAKEN_BACK, self._room + (now - self._fed_at) * TAKEN_BACK)
        self._fed_at = now
        found: list[bytes] = []
        *ended, rest = chunk.split(b"\n")
        for piece in ended:
            found += self._add(piece)
            found.append(self._take())
            self._returned = False
        found += self._add(rest)
        if self._size > LINE_LIMIT:
            found += self._cut()
        return [line.decode(errors="replace") for line in found]

    def end(self) -> list[str]:
        """What is left: a line without its end."""
        return [self._take().decode(errors="replace")] if self._size else []

    def _add(self, piece: bytes) -> list[bytes]:
        """Go on with the line; returns which of those are shown that `piece`, without line feeds, takes back."""
        if not piece:
            return []
        text = piece.rstrip(b"\r")
        over = [self._take()] if self._returned and text else []
        *more, last = text.split(b"\r")
        if more:
            self._keep(more[0])
            over += [self._take(), *more[1:]]
        self._keep(last)
        self._returned = len(text) < len(piece) or (self._returned and not text)
        shown = [line for line in over if line][-int(self._room) :] if self._room >= 1 else []
        self._room -= len(shown)
        return shown

    def _keep(self, piece: bytes) -> None:
        if piece:
            self._begun.append(piece)
            self._size += len(piece)

    def _take(self) -> bytes:
        line = b"".join(self._begun)
        self._begun, self._size = [], 0
        return line

    def _cut(self) -> list[bytes]:
        """The line but for its end, in pieces; no character of UTF-8 is cut in two."""
        line, pieces, start = self._take(), [], 0
        while len(line) - start > LINE_LIMIT:
            end = start + LINE_LIMIT
            while end > start + LINE_LIMIT - 4 and line[end] & 0xC0 == 0x80:  # in the midst of one: 10xxxxxx
                end -= 1
            pieces.append(line[start:end])
            start = end
        self._keep(line[start:])
        return pieces
