"""Jobs that are being made: of arguments that are ready to be kept, so that nothing is encoded twice."""

from typing import Any

from workers.arguments import Arguments
from workers.lifecycle import TrackedJob, TrackedQueue


class FreshJob(TrackedJob):
    """A job that Redis does not know yet. Nobody reads its arguments from it: they are in `arguments`."""

    arguments: Arguments

    @property
    def words(self) -> str:
        return self.arguments.words

    @property
    def length(self) -> int:
        return self.arguments.length

    def to_dict(self, include_meta: bool = True, include_result: bool = True) -> dict[str, Any]:
        """Called by RQ whenever it saves the job."""
        self._data = b""  # else RQ would encode and compress what is ready
        return {**super().to_dict(include_meta, include_result), "data": self.arguments.data}


class FreshQueue(TrackedQueue):
    """A queue that takes new jobs."""

    job_class = FreshJob
