"""The errors of the package: one root, so that an edge can catch them all. And how a process ends by them."""

from typing import Final

# exit codes of our processes; 1 is anything else
WRONG: Final = 2  # a setting or the command line is wrong: starting it again changes nothing
AWAY: Final = 75  # what it needs is not there at the moment: EX_TEMPFAIL of sysexits.h


class HeadwayError(Exception):
    """The root. Its text is fit to be shown to the person who asked."""

    exit_code = 1  # of a process that ends by it


class WireError(HeadwayError):
    """A value that can't travel, or a message that is none of ours."""


class SettingsError(HeadwayError):
    """An environment variable says something that can't be used."""

    exit_code = WRONG


class BadArguments(HeadwayError):
    """A request that can't be understood, or a submit that doesn't fit its task. `fields`: name → {expected, got}.

    `code` is one of the contract's.
    """

    def __init__(self, message: str, fields: dict[str, dict[str, str]], code: str = "bad_request") -> None:
        super().__init__(message)
        self.fields = fields
        self.code = code


class NotFound(HeadwayError):
    """No such job, task or queue."""


class Conflict(HeadwayError):
    """The job's status, or an earlier request, forbids it."""


class Full(HeadwayError):
    """Redis has little memory left: what is there must be able to end, so nothing new is taken."""


class TooMany(HeadwayError):
    """Somebody has reached a limit of workers/limits.py; `retry_after` is in how many seconds to try again."""

    def __init__(self, message: str, retry_after: int) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class TakenBack(HeadwayError):
    """A bulk submit that was given up half-way; nothing of it is left, and it may be sent again."""


class FetchError(HeadwayError):
    """A page that could not, or may not, be fetched."""


class TooMuchMemory(HeadwayError):
    """A job met the ceiling of its memory."""


class UnknownTask(HeadwayError):
    """A job whose function is not a registered task; it is failed, not run."""


class ResultError(HeadwayError):
    """A task returned what JSON can't hold."""


class WorkHorseKilled(HeadwayError):
    """The process that ran the job ended without a word."""
