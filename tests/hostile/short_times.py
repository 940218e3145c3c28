"""The web process with deadlines of a second or two, and at most so many open files: `python -m … [files]`."""

import resource
import sys

from realtime import body, lobby, server, stream

if __name__ == "__main__":
    lobby.HEAD_TIME, lobby.IDLE_TIME, lobby.LEAVE_TIME = 1.0, 3.0, 0.5
    body.TIME, stream.GRACE = 2.0, 2.0
    if len(sys.argv) > 1:
        resource.setrlimit(resource.RLIMIT_NOFILE, (int(sys.argv[1]), int(sys.argv[1])))
        del sys.argv[1:]
    sys.exit(server.main())
