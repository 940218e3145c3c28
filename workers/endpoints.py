"""Where browsers have their pushes sent: whether anybody can be there at all.

What can't be known just now counts as fine: it is looked at again when something is sent.
"""

import socket
import threading
from collections.abc import Callable
from typing import Final

from workers.public import is_public

LIMIT: Final = 3.0  # seconds for a look-up
# the push services of browsers: there, whatever the web server's own resolver knows
SERVICES: Final = (
    "fcm.googleapis.com",
    "push.services.mozilla.com",
    "push.apple.com",
    "notify.windows.com",
)
# never on the internet (RFC 6761); a browser whose service has gone says permanently-removed.invalid
NOWHERE: Final = ("invalid",)
HERE: Final = ("localhost",)
NO_NAME: Final = {socket.EAI_NONAME, socket.EAI_NODATA}


def is_nowhere(host: str, *, allow_private: bool) -> bool:
    """Whether the name alone says that nobody is there, or a host that is not on the internet."""
    return _is_below(host, NOWHERE if allow_private else (*NOWHERE, *HERE))


def is_service(host: str) -> bool:
    """Whether `host` is of a push service that browsers are known to have."""
    return _is_below(host, SERVICES)


def _is_below(host: str, names: tuple[str, ...]) -> bool:
    name = host.lower().removesuffix(".")
    return any(name == one or name.endswith(f".{one}") for one in names)


def look_up(host: str, port: int) -> bool:
    """As `is_out_there`, in the time that the resolver takes."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except UnicodeError:  # no name, by IDNA
        return False
    except socket.gaierror as error:
        return error.errno not in NO_NAME
    except OSError:
        return True
    return all(is_public(str(address[0])) for *_, address in found)


def is_out_there(host: str, port: int, limit: float = LIMIT, look_up: Callable[[str, int], bool] = look_up) -> bool:
    """False where there is no such name, or one with an address that is not public; `limit` in seconds.

    True, too, where no answer came in time, or the resolver had none just now.
    """
    answers: list[bool] = []
    looking = threading.Thread(target=lambda: answers.append(look_up(host, port)), daemon=True)
    looking.start()
    looking.join(limit)  # the resolver has time-outs of its own, which are longer
    return answers != [False]
