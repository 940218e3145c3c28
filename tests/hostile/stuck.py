"""The web process with a switch: SIGUSR1 keeps its hub busy for ever, so that it is there and answers nobody."""

import signal
import sys

from realtime import server


def stuck(*_: object) -> None:
    while True:
        sum(range(1000))


if __name__ == "__main__":
    signal.signal(signal.SIGUSR1, stuck)
    sys.exit(server.main())
