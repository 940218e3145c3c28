"""Folders and files that must be ours alone."""

import logging
import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from workers.errors import SettingsError
from workers.folders import opened, private, private_in, read_secret


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def somebody_else(monkeypatch: pytest.MonkeyPatch) -> int:
    """The user who runs this, from now on: what there is belongs to another one."""
    monkeypatch.setattr(os, "geteuid", lambda: 54321)
    return 54321


def test_a_folder_is_made_with_all_that_is_missing_above_it_and_closed(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        made = private(tmp_path / "a" / "b")
    finally:
        os.umask(before)
    assert mode(made) == mode(made.parent) == 0o700
    assert private(made) == made


def test_many_make_it_at_once(tmp_path: Path) -> None:
    with ThreadPoolExecutor(16) as pool:
        made = set(pool.map(lambda _: private(tmp_path / "a" / "b" / "c"), range(64)))
    assert len(made) == 1


@pytest.mark.parametrize("wide", [0o755, 0o777, 0o710, 0o701, 0o720])
def test_a_folder_of_ours_that_is_open_is_closed_and_that_is_said(
    wide: int, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    for name in ("data", "lock", "secrets", "secrets-x1", "redis.sock"):
        (home / name).touch()
    home.chmod(wide)
    with caplog.at_level(logging.WARNING):
        private(home)
        private(home)
    assert mode(home) == 0o700
    assert caplog.messages == [f"{home} was open to others (mode {wide:o}); it is closed to them now"]


def test_an_open_folder_that_holds_something_else_is_left_as_it_is(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    (tmp_path / "index.html").touch()
    with pytest.raises(SettingsError, match=rf"'index.html'.*chmod 700 {tmp_path}"):
        private(tmp_path)
    assert mode(tmp_path) == 0o755
    tmp_path.chmod(0o700)
    private(tmp_path)


def test_a_folder_of_somebody_else_is_refused_and_says_what_to_do(tmp_path: Path, somebody_else: int) -> None:
    with pytest.raises(SettingsError, match=f"belongs to user {os.getuid()}, but Headway runs as user {somebody_else}"):
        private(tmp_path)


def test_a_link_to_a_folder_is_refused(tmp_path: Path) -> None:
    private(tmp_path / "folder")
    (tmp_path / "link").symlink_to("folder")
    (tmp_path / "nowhere").symlink_to("missing")
    for name in ("link", "nowhere"):
        with pytest.raises(SettingsError, match="symbolic link"):
            private(tmp_path / name)


def test_what_is_no_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for path in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(SettingsError, match="can't be used as a folder: Not a directory"):
            private(path)


def test_a_shared_folder_must_keep_others_from_replacing_ours(tmp_path: Path) -> None:
    tmp_path.chmod(0o777)
    with pytest.raises(SettingsError, match="others can replace"):
        private_in(tmp_path, "headway")
    tmp_path.chmod(0o1777)
    assert mode(private_in(tmp_path, "headway")) == 0o700


def test_a_file_is_made_for_us_alone_and_never_through_a_link(tmp_path: Path) -> None:
    os.close(opened(tmp_path / "lock", os.O_RDWR | os.O_CREAT))
    assert mode(tmp_path / "lock") == 0o600
    (tmp_path / "precious").write_text("kept")
    (tmp_path / "link").symlink_to("precious")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    for name, why in (("link", "symbolic link"), ("pipe", "no file"), ("folder", "Is a directory")):
        with pytest.raises(SettingsError, match=why):
            opened(tmp_path / name, os.O_RDWR | os.O_CREAT)
    assert (tmp_path / "precious").read_text() == "kept"


def test_a_file_of_somebody_else_is_refused(tmp_path: Path, somebody_else: int) -> None:
    (tmp_path / "lock").touch()
    with pytest.raises(SettingsError, match="belongs to user"):
        opened(tmp_path / "lock", os.O_RDWR)


def test_a_secret_is_read_only_where_nobody_else_can(tmp_path: Path) -> None:
    secret = tmp_path / "secrets"
    with pytest.raises(FileNotFoundError):
        read_secret(secret)
    secret.touch(0o600)
    secret.write_text("hunter2")
    assert read_secret(secret) == "hunter2"
    secret.chmod(0o604)
    with pytest.raises(SettingsError) as refused:
        read_secret(secret)
    assert "hunter2" not in str(refused.value)
