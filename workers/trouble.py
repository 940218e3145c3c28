"""What is wrong with Redis, in one sentence that is true, and repeats nothing of an address or a command."""

import re
from typing import Final

from redis.exceptions import (
    BusyLoadingError,
    ClusterCrossSlotError,
    ClusterDownError,
    MasterDownError,
    MaxConnectionsError,
    MovedError,
    NoPermissionError,
    OutOfMemoryError,
    ReadOnlyError,
    RedisError,
    ResponseError,
    TimeoutError,
)
from redis.exceptions import ConnectionError as RedisConnectionError

NO_WRITES: Final = "Redis takes no writes at present: "
SENTENCES: Final = {
    "READONLY": NO_WRITES + "this server is a replica",
    "UNBLOCKED": NO_WRITES + "this server has become a replica",
    "MASTERDOWN": NO_WRITES + "this server is a replica without its primary",
    "OOM": NO_WRITES + "its memory is full",
    "MISCONF": NO_WRITES + "it can't save its data; its disk may be full",
    "NOREPLICAS": NO_WRITES + "too few replicas are connected to it",
    "CLUSTERDOWN": "Redis can't be used at present: its cluster is down",
    "LOADING": "Redis can't be used at present: it is loading its data",
    "BUSY": "Redis can't be used at present: it is busy with somebody's script",
    "MAXCLIENTS": "Redis can't be used at present: it has as many clients as it takes",
    "NOPERM": "Redis refuses a command: Headway's user lacks a right",
    "NOAUTH": "Redis wants a password",
    "WRONGPASS": "Redis refuses the password",
    "MOVED": "Redis can't be used: it is a cluster",
    "CROSSSLOT": "Redis can't be used: it is a cluster",
}
CLASSES: Final = {  # for which redis-py takes the code off
    ReadOnlyError: "READONLY",
    MasterDownError: "MASTERDOWN",
    OutOfMemoryError: "OOM",
    ClusterDownError: "CLUSTERDOWN",
    BusyLoadingError: "LOADING",
    NoPermissionError: "NOPERM",
    MovedError: "MOVED",
    ClusterCrossSlotError: "CROSSSLOT",
}
# answers after which it is worth while to wait, as for a server that is away
PASSING: Final = frozenset(
    {"READONLY", "UNBLOCKED", "MASTERDOWN", "OOM", "MISCONF", "NOREPLICAS", "CLUSTERDOWN", "LOADING", "BUSY"}
)
OTHER_WORDS: Final = {
    "max number of clients reached": "MAXCLIENTS",
    # in a script, before Redis 7
    "The user executing the script": "NOPERM",
    "ACL failure in script": "NOPERM",
}
# at the beginning, or where an error of a script, or of an older server, quotes the one that caused it
CODE: Final = re.compile(rf"(?:^|[-:] ?)({'|'.join(SENTENCES)})\b")
AWAY: Final = "Redis can't be reached"


def code_of(error: Exception) -> str:
    """The first word of Redis's answer, where it says that Redis can't be used at present; '' where it does not."""
    code = getattr(error, "status_code", None) or CLASSES.get(type(error))
    if code in SENTENCES:
        return str(code)
    text = words_of(error)
    if found := CODE.search(text):
        return found[1]
    return next((code for words, code in OTHER_WORDS.items() if words in text), "")


def words_of(error: Exception) -> str:
    """What Redis said. In a pipeline redis-py puts the command before it, which has the arguments of somebody's job."""
    text = str(error)
    return text.rpartition(" of pipeline caused error: ")[2] if text.startswith("Command #") else text


def sentence(error: Exception) -> str | None:
    """Why Redis can't be used at present; None where the error says nothing of that."""
    if code := code_of(error):
        return SENTENCES[code]
    if isinstance(error, MaxConnectionsError):
        return "Redis can't be asked: all connections to it are in use"
    return AWAY if isinstance(error, RedisConnectionError | TimeoutError) else None


def is_passing(error: Exception) -> bool:
    """Whether Redis has answered, and will do what it refused once its trouble is over."""
    return isinstance(error, ResponseError | BusyLoadingError) and code_of(error) in PASSING


def refusal(error: RedisError) -> str:
    """The sentence for an answer by which Redis refuses to work; '' where it has not answered, or for a reason that
    lies in the command."""
    return "" if isinstance(error, TimeoutError) else SENTENCES.get(code_of(error), "")
