"""docker-compose.yml says to all services what an installation's .env says."""

import re

from tests.conftest import ROOT

COMPOSE = (ROOT / "docker-compose.yml").read_text()
# one folder that can be written to, and what compose itself knows of the news
FIXED = {"HEADWAY_HOME", "HEADWAY_NOTICES"}


def test_no_setting_of_env_is_ignored() -> None:
    files = [(ROOT / "workers" / name).read_text() for name in ("settings.py", "senders.py")]
    settings = set(re.findall(r"HEADWAY_[A-Z_]+", "".join(files))) - FIXED
    assert len(settings) > 20
    assert {name for name in settings if f"${{{name}:" not in COMPOSE} == set()


def test_what_holds_secrets_gets_into_no_image_and_no_repository() -> None:
    for name in (".gitignore", ".dockerignore"):
        assert {".env", "/.env"} & set((ROOT / name).read_text().splitlines()), name


def test_a_part_of_it_stays_what_it_was_made_for() -> None:
    assert "init: true" in COMPOSE and "stream-node-max-bytes" in COMPOSE and "max-size" in COMPOSE
    [health] = re.findall(r"import os, urllib.request\n(?: +.*\n)+?(?= +interval)", COMPOSE)
    assert "HEADWAY_PREFIX" in health and "/readyz" in health
