"""Secrets that are too short."""

from pathlib import Path

import pytest

from realtime.access import sign
from workers.errors import SettingsError
from workers.settings import Secrets, Settings
from workers.strength import judge

LONG = "sixteen letters."
NAMES = ("SECRET_KEY", "HEADWAY_OPERATOR_TOKEN", "HEADWAY_VIEWER_TOKEN")


def judged(tmp_path: Path, **environ: str) -> list[str]:
    settings = Settings.from_environment({"HEADWAY_HOME": str(tmp_path), **environ}, tmp_path)
    return judge(settings, Secrets.from_environment(environ, tmp_path))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3", "localhost", "::1", ""])
def test_on_loopback_a_short_one_is_a_warning(name: str, host: str, tmp_path: Path) -> None:
    [warning] = judged(tmp_path, HOST=host, **{name: "fifteen letters"})
    assert name in warning and "token_urlsafe(32)" in warning and "fifteen" not in warning
    assert judged(tmp_path, HOST=host, **{name: LONG}) == []


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "shop.example"])
def test_elsewhere_it_is_refused(name: str, host: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="token_urlsafe") as refused:
        judged(tmp_path, HOST=host, **{name: "fifteen letters"})
    assert "fifteen" not in str(refused.value)
    assert judged(tmp_path, HOST=host, **{name: LONG}) == []


def test_what_is_made_here_is_never_too_short(tmp_path: Path) -> None:
    assert judged(tmp_path, HOST="0.0.0.0") == []


def test_a_host_application_signs_with_whatever_key_it_has(tmp_path: Path) -> None:
    environ = {"SECRET_KEY": "k", "HOST": "0.0.0.0", "HEADWAY_HOME": str(tmp_path)}
    assert sign(["jobs"], 60, environ=environ)
