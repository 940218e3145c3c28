"""The folders and files of an installation: ours, closed to others and no symbolic links, or they are refused."""

import logging
import os
import re
import stat
from contextlib import suppress
from pathlib import Path

from workers.errors import SettingsError

OTHERS = 0o077  # the mode's bits of group and others
OWN = re.compile(r"data|lock|redis\.sock|secrets(-.*)?")  # what Headway keeps in HEADWAY_HOME

log = logging.getLogger("headway.folders")


class Unusable(SettingsError):
    """A folder can't be made, or opened."""


def private(path: Path, own: re.Pattern[str] = OWN) -> Path:
    """Make this folder, or check that it belongs to us alone, and close one of ours that others can look into.

    One that holds more than names like `own` is not closed but refused: others may need the rest.
    Raises `SettingsError` saying what to do.
    """
    try:
        _make(path)
        # what is looked at is what is closed, whatever becomes of the name meanwhile
        folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError as error:
        if path.is_symlink():
            raise SettingsError(f"{path} is a symbolic link: set HEADWAY_HOME to the folder itself") from None
        raise Unusable(f"{path} can't be used as a folder: {error.strerror}") from None
    try:
        check_owner(path, os.fstat(folder))
        if os.fstat(folder).st_mode & OTHERS:
            _close(path, folder, own)
    finally:
        os.close(folder)
    return path


def private_in(parent: Path, name: str) -> Path:
    """The same of `name` in a folder of temporary files, which must not let others replace what is ours."""
    mode = parent.stat().st_mode
    if mode & (stat.S_IWGRP | stat.S_IWOTH) and not mode & stat.S_ISVTX:
        raise SettingsError(f"others can replace what is in {parent}: chmod +t {parent}, or shorten HEADWAY_HOME")
    return private(parent / name)


def opened(path: Path, flags: int) -> int:
    """The descriptor of a file that belongs to us; where `flags` have O_CREAT it is made. Raises `SettingsError`."""
    try:
        # O_NONBLOCK: a pipe would wait for its other end
        file = os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK, 0o600)
    except FileNotFoundError:
        raise
    except OSError as error:
        why = "it is a symbolic link" if path.is_symlink() else error.strerror
        raise SettingsError(f"{path} can't be opened: {why}") from None
    try:
        found = os.fstat(file)
        check_owner(path, found)
        if not stat.S_ISREG(found.st_mode):
            raise SettingsError(f"{path} is no file: remove it, and Headway makes one")
    except SettingsError:
        os.close(file)
        raise
    return file


def read_secret(path: Path) -> str:
    """The text of a file that nobody else can have read. Raises `FileNotFoundError`, `SettingsError`."""
    with open(opened(path, os.O_RDONLY)) as file:
        if os.fstat(file.fileno()).st_mode & OTHERS:
            raise SettingsError(
                f"others can read {path}: delete it to have new secrets made,"
                f" or run chmod 600 {path} if nobody else has read it"
            )
        try:
            return file.read()
        except UnicodeDecodeError:
            return ""  # no JSON either


def _make(path: Path) -> None:
    """Make `path` and what is missing above it, closed to others."""
    with suppress(FileExistsError):  # of several processes one makes it
        try:
            os.mkdir(path, 0o700)
        except FileNotFoundError:
            _make(path.parent)
            os.mkdir(path, 0o700)


def check_owner(path: Path, found: os.stat_result) -> None:
    """Raises `SettingsError` where `found`, which is at `path`, does not belong to us."""
    me = os.geteuid()
    if found.st_uid != me:
        raise SettingsError(
            f"{path} belongs to user {found.st_uid}, but Headway runs as user {me}. Run it as user {found.st_uid}, set"
            f" HEADWAY_HOME to another folder, or, if you trust what is there (a Docker volume, say), run"
            f" chown -R {me} {path}"
        )


def _close(path: Path, folder: int, own: re.Pattern[str]) -> None:
    mode = os.fstat(folder).st_mode
    strange = [name for name in os.listdir(folder) if not own.fullmatch(name)]
    if strange:
        raise SettingsError(
            f"others can look into {path}, and it holds more than Headway's own ({strange[0]!r}):"
            f" run chmod 700 {path}, or set HEADWAY_HOME to a folder that is Headway's alone"
        )
    os.fchmod(folder, stat.S_IMODE(mode) & ~OTHERS)
    if os.fstat(folder).st_mode & OTHERS:
        raise SettingsError(f"{path} can't be closed to others: set HEADWAY_HOME to a folder on another disk")
    log.warning("%s was open to others (mode %o); it is closed to them now", path, stat.S_IMODE(mode))
