"""What a horse that runs many small jobs is at, in memory that it shares with its parent."""

import mmap
import struct
from dataclasses import dataclass

RECORD = struct.Struct("64s64sqq")  # job, execution, attempt, number
FLAGS = 2  # which record counts, and whether the horse has done enough


@dataclass(frozen=True, slots=True)
class Entry:
    job_id: str = ""  # '' between two jobs
    execution_id: str = ""  # '' before RQ knows that it is begun
    attempt: int = 0  # 0 before it is known
    number: int = 0  # jobs taken so far, this one included


class Ledger:
    """One writer, the horse; its parent reads, at any moment, also after the horse was killed in the middle of a write.

    There are two records. The one that does not count is written, and then counts, by a single byte.
    """

    def __init__(self) -> None:
        self._memory = mmap.mmap(-1, FLAGS + 2 * RECORD.size)

    def write(self, entry: Entry) -> None:
        other = 1 - self._memory[0]
        packed = (entry.job_id.encode(), entry.execution_id.encode(), entry.attempt, entry.number)
        RECORD.pack_into(self._memory, FLAGS + other * RECORD.size, *packed)
        self._memory[0] = other

    def read(self) -> Entry:
        job_id, execution_id, attempt, number = RECORD.unpack_from(self._memory, FLAGS + self._memory[0] * RECORD.size)
        return Entry(job_id.rstrip(b"\0").decode(), execution_id.rstrip(b"\0").decode(), attempt, number)

    @property
    def enough(self) -> bool:
        """Whether the horse is to end after its current job: said by the parent."""
        return bool(self._memory[1])

    def say_enough(self) -> None:
        self._memory[1] = 1
