"""Settings: what the environment says, what it may not say, and the secrets that are made up."""

import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT
from workers.addresses import networks
from workers.errors import SettingsError
from workers.senders import MailServer
from workers.settings import QueueSetting, Secrets, Settings
from workers.wire import INTERNAL_QUEUES

OURS = tuple(QueueSetting(name, 1) for name in INTERNAL_QUEUES)  # which are always there
SECRET = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3"


def settings_of(**environ: str) -> Settings:
    return Settings.from_environment(environ, Path("/srv/headway"))


def test_an_empty_environment_gives_the_documented_settings() -> None:
    assert settings_of() == Settings(
        home=Path("/srv/headway/.headway"),
        redis_url="unix:///srv/headway/.headway/redis.sock",
        embedded=True,
        host="127.0.0.1",
        port=5000,
        processes=1,
        queues=(QueueSetting("default", 2), QueueSetting("bookInfoParser", 1), *OURS),
        origins=(),
        environment="",
        allow_private_fetch=False,
        books_url="https://www.goodreads.com/book/show/",
        verdict=30,
        grace=8,
        direct=True,
        conflate=True,
        contact="https://example.com/",
        webhook_secrets=(),
        mail_server=None,
        mail_from="",
    )


def test_a_variable_that_is_set_to_nothing_counts_as_not_set() -> None:
    names = (
        "HEADWAY_HOME REDIS_URL HOST PORT HEADWAY_PROCESSES HEADWAY_QUEUES HEADWAY_ORIGINS HEADWAY_ENV"
        " HEADWAY_ALLOW_PRIVATE_FETCH HEADWAY_BOOKS_URL HEADWAY_CONTACT HEADWAY_WEBHOOK_SECRET HEADWAY_SMTP_URL"
        " HEADWAY_MAIL_FROM HEADWAY_HOSTS"
    )
    assert settings_of(**dict.fromkeys(names.split(), "")) == settings_of()


@pytest.mark.parametrize(
    ("name", "text", "field", "expected"),
    [
        ("HEADWAY_HOME", "/data", "home", Path("/data")),
        ("REDIS_URL", "redis://cache:6379/3", "redis_url", "redis://cache:6379/3"),
        ("REDIS_URL", "rediss://cache", "redis_url", "rediss://cache"),
        ("REDIS_URL", "unix:///run/redis.sock", "redis_url", "unix:///run/redis.sock"),
        ("REDIS_URL", "redis://cache", "embedded", False),
        ("HOST", "0.0.0.0", "host", "0.0.0.0"),
        ("HOST", " [::1] ", "host", "::1"),
        ("PORT", "8080", "port", 8080),
        ("PORT", " 8080 ", "port", 8080),
        ("PORT", "0", "port", 0),
        ("PORT", "65535", "port", 65535),
        ("HEADWAY_PROCESSES", "4", "processes", 4),
        ("HEADWAY_PREFIX", "/deep/jobs/", "prefix", "/deep/jobs"),
        ("HEADWAY_PREFIX", "/", "prefix", ""),
        ("HEADWAY_CRON", "/etc/headway/cron.py", "cron", Path("/etc/headway/cron.py")),
        ("HEADWAY_CRON", "cron.py", "cron", Path.cwd() / "cron.py"),
        ("HEADWAY_CRON", " ", "cron", None),
        ("HEADWAY_TRUSTED_PROXIES", "10.0.0.5, ::1/128", "trusted_proxies", networks("10.0.0.5,::1")),
        ("HEADWAY_MAXMEMORY", "512mb", "maxmemory", 512 * 1024 * 1024),
        ("HEADWAY_MAXMEMORY", "", "maxmemory", None),
        ("HEADWAY_RETENTION", "36h", "retention", 36 * 3600),
        ("HEADWAY_RETENTION", "", "retention", 7 * 24 * 3600),
        ("HEADWAY_NOTICES", "webhook, email,", "notices", ("email", "webhook")),
        ("HEADWAY_NOTICES", ",", "notices", ()),
        ("HEADWAY_WEBHOOK_SECRET", SECRET, "notices", ("webhook",)),
        ("HEADWAY_SMTP_URL", "smtp://mail.test", "notices", ()),  # and no sender
        ("HEADWAY_JOB_MEMORY", "", "job_memory", 1024**3),
        ("HEADWAY_JOB_MEMORY", "512mb", "job_memory", 512 * 1024**2),
        ("HEADWAY_JOB_MEMORY", " 2G ", "job_memory", 2 * 1024**3),
        ("HEADWAY_JOB_MEMORY", "0", "job_memory", 0),
        ("HEADWAY_MAX_CONNECTIONS", "500", "max_connections", 500),
        ("HEADWAY_MAX_PER_ADDRESS", "50", "max_per_address", 50),
        ("HEADWAY_MAX_UNFINISHED", "5", "max_unfinished", 5),
        ("HEADWAY_READ_ONLY", "1", "read_only", True),
        ("HEADWAY_READ_ONLY", "yes", "read_only", True),  # whoever sets it wants to be safe
        ("HEADWAY_READ_ONLY", "0", "read_only", False),
        ("HEADWAY_QUEUES", "mail", "queues", (QueueSetting("mail", 1), *OURS)),
        ("HEADWAY_QUEUES", " a:3 , b.c-d_e:1", "queues", (QueueSetting("a", 3), QueueSetting("b.c-d_e", 1), *OURS)),
        ("HEADWAY_QUEUES", "a:3,b", "queue_names", ("a", "b", *INTERNAL_QUEUES)),
        ("HEADWAY_QUEUES", "headway:4,a", "queues", (QueueSetting("headway", 4), QueueSetting("a", 1), *OURS[1:])),
        ("HEADWAY_ORIGINS", "https://a.test, http://b.test:81/,", "origins", ("https://a.test", "http://b.test:81")),
        # as browsers write them, or a page's own word would not be the same
        (
            "HEADWAY_ORIGINS",
            "https://A.test:443,http://ß.test:80",
            "origins",
            ("https://a.test", "http://xn--zca.test"),
        ),
        ("HEADWAY_HOSTS", "Shop.example., *.a.test,.b.test,", "hosts", ("shop.example", "*.a.test", ".b.test")),
        ("HEADWAY_HOSTS", "*", "hosts", ("*",)),
        ("HEADWAY_HOSTS", "*.Bücher.example,8080.example", "hosts", ("*.xn--bcher-kva.example", "8080.example")),
        ("HEADWAY_HOSTS", "10.0.0.7,[::1],web", "hosts", ("10.0.0.7", "::1", "web")),
        ("HEADWAY_ENV", "production", "environment", "production"),
        ("HEADWAY_ALLOW_PRIVATE_FETCH", "1", "allow_private_fetch", True),
        # only a clear yes opens the inner network
        ("HEADWAY_ALLOW_PRIVATE_FETCH", "0", "allow_private_fetch", False),
        ("HEADWAY_ALLOW_PRIVATE_FETCH", "false", "allow_private_fetch", False),
        ("HEADWAY_BOOKS_URL", "http://127.0.0.1:1/b/", "books_url", "http://127.0.0.1:1/b/"),
        ("HEADWAY_CONTACT", "mailto:me@shop.example", "contact", "mailto:me@shop.example"),
        ("HEADWAY_CONTACT", "https://shop.example/jobs", "contact", "https://shop.example/jobs"),
        ("HEADWAY_WEBHOOK_SECRET", SECRET, "webhook_secrets", (b"0123456789abcdef01234567",)),
        ("HEADWAY_SMTP_URL", "smtp://mail.test", "mail_server", MailServer("smtp", "mail.test", 25)),
        ("HEADWAY_SMTP_URL", "smtps://mail.test/", "mail_server", MailServer("smtps", "mail.test", 465)),
        (
            "HEADWAY_SMTP_URL",
            "smtp+starttls://me%40shop.example:a%2Fb@mail.test:2525",
            "mail_server",
            MailServer("smtp+starttls", "mail.test", 2525, "me@shop.example", "a/b"),
        ),
        ("HEADWAY_MAIL_FROM", "jobs@shop.example", "mail_from", "jobs@shop.example"),
    ],
)
def test_a_variable_sets_its_field(name: str, text: str, field: str, expected: Any) -> None:
    assert getattr(settings_of(**{name: text}), field) == expected


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("REDIS_URL", "http://cache"),
        ("REDIS_URL", "cache"),
        ("PORT", "65536"),
        ("PORT", "-1"),
        ("PORT", "5000.0"),
        ("PORT", "http"),
        ("PORT", "５０００"),
        ("PORT", "9" * 5000),
        ("HEADWAY_NOTICES", "sms"),
        ("HEADWAY_JOB_MEMORY", "1"),
        ("HEADWAY_JOB_MEMORY", "255mb"),
        ("HEADWAY_JOB_MEMORY", "1.5gb"),
        ("HEADWAY_JOB_MEMORY", "-1gb"),
        ("HEADWAY_JOB_MEMORY", "much"),
        ("HEADWAY_PROCESSES", "0"),
        ("HEADWAY_PROCESSES", "65"),
        ("HEADWAY_QUEUES", "a:0"),
        ("HEADWAY_QUEUES", "a:00"),
        ("HEADWAY_QUEUES", "a:-1"),
        ("HEADWAY_QUEUES", "a:many"),
        ("HEADWAY_QUEUES", "a b"),
        ("HEADWAY_QUEUES", "a,,b"),
        ("HEADWAY_QUEUES", "a,a:2"),
        ("HEADWAY_QUEUES", ","),
        ("HEADWAY_QUEUES", "a" * 65),
        ("HEADWAY_ORIGINS", "*"),
        ("HEADWAY_ORIGINS", "a.test"),
        ("HEADWAY_ORIGINS", "ftp://a.test"),
        ("HEADWAY_HOSTS", "shop.example:5000"),
        ("HEADWAY_HOSTS", "https://shop.example"),
        ("HEADWAY_HOSTS", "shop.example/jobs"),
        ("HEADWAY_HOSTS", "*shop.example"),
        ("HEADWAY_HOSTS", "a..b"),
        ("HEADWAY_HOSTS", "shop example"),
        ("HEADWAY_TRUSTED_PROXIES", "proxy.example"),
        ("HEADWAY_TRUSTED_PROXIES", "10.0.0.1/8"),
        ("HEADWAY_MAXMEMORY", "much"),
        ("HEADWAY_RETENTION", "a week"),
        ("HEADWAY_RETENTION", "59m"),
        ("HEADWAY_MAXMEMORY", "63mb"),
        ("HEADWAY_MAX_CONNECTIONS", "15"),
        ("HEADWAY_MAX_PER_ADDRESS", "0"),
        ("HEADWAY_MAX_UNFINISHED", "many"),
        ("HEADWAY_TRUSTED_PROXIES", "proxy.example"),
        ("HEADWAY_TRUSTED_PROXIES", "10.0.0.1/8"),
        ("HEADWAY_PREFIX", "jobs"),
        ("HEADWAY_PREFIX", "/a b"),
        ("HEADWAY_PREFIX", "//jobs"),
        ("HEADWAY_ORIGINS", "https://"),
        ("HEADWAY_ORIGINS", "https://a.test/page"),
        ("HEADWAY_ORIGINS", "https://[half"),
        ("HEADWAY_CONTACT", "me@shop.example"),
        ("HEADWAY_CONTACT", "mailto:"),
        ("HEADWAY_CONTACT", "http://shop.example"),
        ("HEADWAY_CONTACT", "https://"),
        ("HEADWAY_WEBHOOK_SECRET", SECRET.removeprefix("whsec_")),
        ("HEADWAY_WEBHOOK_SECRET", "whsec_c2hvcnQ="),
        ("HEADWAY_WEBHOOK_SECRET", "whsec_no base64 at all, but long enough"),
        ("HEADWAY_SMTP_URL", "mail.test"),
        ("HEADWAY_SMTP_URL", "http://mail.test"),
        ("HEADWAY_SMTP_URL", "smtp://"),
        ("HEADWAY_SMTP_URL", "smtp://mail.test:port"),
        ("HEADWAY_SMTP_URL", "smtp://mail.test/inbox"),
        ("HEADWAY_MAIL_FROM", "Jobs <jobs@shop.example>"),
        ("HEADWAY_MAIL_FROM", "jobs@shop.example\nBcc: all@shop.example"),
    ],
)
def test_a_variable_that_says_nonsense_is_named_with_what_was_expected(name: str, text: str) -> None:
    with pytest.raises(SettingsError, match=f"^{name}: expected .+, got "):
        settings_of(**{name: text})


@pytest.mark.parametrize("url", ["http://me:hunter2@cache", "redis://:hunter2/@cache", "me:hunter2@cache"])
def test_a_password_in_a_wrong_redis_url_is_not_repeated(url: str) -> None:
    with pytest.raises(SettingsError) as refused:
        settings_of(REDIS_URL=url)
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("HEADWAY_WEBHOOK_SECRET", "hunter2"),
        ("HEADWAY_WEBHOOK_SECRET", "whsec_hunter2!"),
        ("HEADWAY_SMTP_URL", "http://me:hunter2@mail.test"),
        ("HEADWAY_SMTP_URL", "smtp://me:hunter2/@mail.test"),
    ],
)
def test_a_secret_in_a_wrong_setting_is_not_repeated(name: str, text: str) -> None:
    with pytest.raises(SettingsError) as refused:
        settings_of(**{name: text})
    assert name in str(refused.value) and "hunter2" not in str(refused.value)


def test_settings_show_no_secret() -> None:
    shown = repr(settings_of(HEADWAY_WEBHOOK_SECRET=SECRET, HEADWAY_SMTP_URL="smtp://me:hunter2@mail.test"))
    assert "0123456789" not in shown and "hunter2" not in shown and "mail.test" in shown


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("naïve:2", "A-Z a-z 0-9 . _ - and no others; 'naïve' has not"),
        ("a,team mail", "'team mail' has not"),
        ("a" * 65, "1 to 64"),
        ("a:0", "1 to 999 workers; a has '0'"),
        ("a:many", "a has 'many'"),
    ],
)
def test_a_refused_queue_says_which_characters_and_numbers_there_are(text: str, said: str) -> None:
    with pytest.raises(SettingsError) as refused:
        settings_of(HEADWAY_QUEUES=text)
    assert said in str(refused.value)


def test_a_password_in_an_origin_is_not_repeated() -> None:
    with pytest.raises(SettingsError, match=r"^HEADWAY_ORIGINS: .*has no user or password") as refused:
        settings_of(HEADWAY_ORIGINS="https://me:hunter2@shop.example")
    assert "hunter2" not in str(refused.value)


# -- secrets


def test_given_secrets_are_used_and_none_are_written(tmp_path: Path) -> None:
    given = Secrets.from_environment({"SECRET_KEY": "key", "HEADWAY_OPERATOR_TOKEN": "token"}, tmp_path)
    assert (given.secret_key, given.operator_token, given.made_up) == ("key", "token", False)
    assert list(tmp_path.iterdir()) == []


def test_secrets_are_made_once_and_readable_by_their_owner_alone(tmp_path: Path) -> None:
    home = tmp_path / "deep" / "home"
    made = Secrets.from_environment({}, home)
    assert made.made_up
    assert len(made.secret_key) >= 32 and len(made.operator_token) >= 32
    assert Secrets.from_environment({}, home) == made
    assert [path.name for path in home.iterdir()] == ["secrets"]
    assert stat.S_IMODE((home / "secrets").stat().st_mode) == 0o600
    assert stat.S_IMODE(home.stat().st_mode) == 0o700


def test_two_homes_have_two_secrets(tmp_path: Path) -> None:
    one, other = (Secrets.from_environment({}, tmp_path / name) for name in "ab")
    assert one.secret_key != other.secret_key and one.operator_token != other.operator_token


@pytest.mark.parametrize("name", ["SECRET_KEY", "HEADWAY_OPERATOR_TOKEN"])
def test_one_given_secret_leaves_the_other_to_be_made(name: str, tmp_path: Path) -> None:
    made = Secrets.from_environment({name: "given"}, tmp_path)
    assert (made.secret_key == "given", made.operator_token == "given") == (
        name == "SECRET_KEY",
        name == "HEADWAY_OPERATOR_TOKEN",
    )
    assert made.secret_key and made.operator_token
    assert made.made_up == (name == "SECRET_KEY")


def test_where_secrets_can_not_be_kept_those_to_be_set_are_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for home in (tmp_path / "file" / "below", tmp_path / "file"):
        with pytest.raises(SettingsError, match=r"set SECRET_KEY and HEADWAY_OPERATOR_TOKEN, or HEADWAY_HOME"):
            Secrets.from_environment({}, home)
        with pytest.raises(SettingsError, match=r"Not a directory.*: set HEADWAY_OPERATOR_TOKEN, or HEADWAY_HOME"):
            Secrets.from_environment({"SECRET_KEY": "given"}, home)
    full = f"""
import resource
from pathlib import Path
from workers.settings import Secrets
kept = Secrets.from_environment({{}}, Path({str(tmp_path / "kept")!r}))
resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))  # as on a disk that is full
assert kept == Secrets.from_environment({{}}, Path({str(tmp_path / "kept")!r}))
Secrets.from_environment({{}}, Path({str(tmp_path)!r}))
"""
    answer = subprocess.run([sys.executable, "-c", full], cwd=ROOT, capture_output=True, text=True, check=False)
    assert "SettingsError" in answer.stderr and "(File too large): set SECRET_KEY and" in answer.stderr


def test_processes_that_start_at_once_share_one_secret(tmp_path: Path) -> None:
    with ThreadPoolExecutor(16) as pool:
        made = list(pool.map(lambda _: Secrets.from_environment({}, tmp_path), range(64)))
    assert len(set(made)) == 1


@pytest.mark.parametrize("kept", ["", "{", "[]", "5", '{"secret_key": "a"}'])
def test_a_broken_file_of_secrets_is_an_error_that_says_what_to_do(kept: str, tmp_path: Path) -> None:
    (tmp_path / "secrets").touch(0o600)
    (tmp_path / "secrets").write_text(kept)
    with pytest.raises(SettingsError, match="delete the file"):
        Secrets.from_environment({}, tmp_path)


def test_secrets_that_others_can_read_or_may_have_written_are_refused(tmp_path: Path) -> None:
    Secrets.from_environment({}, tmp_path)
    file = tmp_path / "secrets"
    for mode in (0o644, 0o640, 0o602):
        file.chmod(mode)
        with pytest.raises(SettingsError, match=rf"^others can read {file}: .*chmod 600 {file}"):
            Secrets.from_environment({}, tmp_path)
    file.chmod(0o600)
    Secrets.from_environment({}, tmp_path)
    file.rename(tmp_path / "elsewhere")
    file.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(SettingsError, match="symbolic link"):
        Secrets.from_environment({}, tmp_path)


def test_secrets_do_not_show_in_a_log() -> None:
    secrets = Secrets("a secret key", "an operator's token", True)
    assert "secret key" not in f"{secrets} {secrets!r}" and "token" not in f"{secrets} {secrets!r}"


def test_viewers_have_a_token_of_their_own_or_there_are_none(tmp_path: Path) -> None:
    given = {"SECRET_KEY": "key", "HEADWAY_OPERATOR_TOKEN": "token"}
    assert Secrets.from_environment(given, tmp_path).viewer_token == ""
    assert Secrets.from_environment({**given, "HEADWAY_VIEWER_TOKEN": "look"}, tmp_path).viewer_token == "look"
    with pytest.raises(SettingsError, match="HEADWAY_VIEWER_TOKEN") as caught:
        Secrets.from_environment({**given, "HEADWAY_VIEWER_TOKEN": "token"}, tmp_path)
    assert "'token'" not in str(caught.value)


def test_a_queue_that_is_named_in_full_keeps_its_name_in_rq() -> None:
    settings = settings_of(HEADWAY_QUEUES="default:2,rq:queue:mail:3,rq:queue:headway.books")
    assert settings.queue_names[:3] == ("default", "mail", "books")
    assert [settings.naming.in_rq(name) for name in settings.queue_names[:3]] == [
        "headway.default",
        "mail",
        "headway.books",
    ]
    with pytest.raises(SettingsError, match="each queue once"):
        settings_of(HEADWAY_QUEUES="mail,rq:queue:mail")
