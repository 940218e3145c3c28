"""The web process with a heartbeat so short that a test can wait for it."""

import sys

from realtime import server

if __name__ == "__main__":
    server.PING_INTERVAL, server.PING_TIMEOUT = 1, 1
    sys.exit(server.main())
