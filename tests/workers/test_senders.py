"""What news is sent with. Wrong variables are in test_settings.py, with all others."""

import base64

import pytest

from workers.errors import SettingsError
from workers.senders import CONTACT, MailServer, contact, mail_from, mail_server, notices, webhook_secrets

SECRET = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3"


def test_what_is_right_is_taken() -> None:
    assert contact("mailto:me@shop.example") == "mailto:me@shop.example" and contact(CONTACT) == CONTACT
    assert (webhook_secrets(SECRET), webhook_secrets("")) == ((b"0123456789abcdef01234567",), ())
    assert mail_server("smtps://me:p%40ss@mail.test") == MailServer("smtps", "mail.test", 465, "me", "p@ss")
    assert (mail_server(""), mail_from(""), mail_from("me@a.test")) == (None, "", "me@a.test")


def test_no_error_repeats_a_secret() -> None:
    for parse, text in (
        (webhook_secrets, "hunter2"),
        (webhook_secrets, f"{SECRET} hunter2"),
        (mail_server, "http://me:hunter2@mail.test"),
    ):
        with pytest.raises(SettingsError) as refused:
            parse(text)
        assert "hunter2" not in str(refused.value)


OTHER = "whsec_" + base64.b64encode(b"fedcba9876543210fedcba98").decode()


@pytest.mark.parametrize("between", [" ", ",", ", ", "\n", " , "])
def test_two_secrets_stand_beside_each_other_the_new_one_first(between: str) -> None:
    assert webhook_secrets(OTHER + between + SECRET) == (b"fedcba9876543210fedcba98", b"0123456789abcdef01234567")
    with pytest.raises(SettingsError, match=r"or two of them, the new one first"):
        webhook_secrets(between.join([SECRET] * 3))


def test_kinds_of_news_are_those_set_up_here_and_elsewhere() -> None:
    mail = {"HEADWAY_SMTP_URL": "smtp://mail.test", "HEADWAY_MAIL_FROM": "me@a.test"}
    assert notices({}) == ()
    assert notices({"HEADWAY_SMTP_URL": "smtp://mail.test"}) == (), "and no sender"
    assert notices({"HEADWAY_WEBHOOK_SECRET": " "}) == (), "and no secret"
    assert notices({"HEADWAY_WEBHOOK_SECRET": SECRET, **mail}) == ("email", "webhook")
    assert notices({"HEADWAY_NOTICES": "webhook", **mail}) == ("email", "webhook")
    with pytest.raises(SettingsError, match=r"^HEADWAY_NOTICES: expected webhook, email or both"):
        notices({"HEADWAY_NOTICES": "sms"})
