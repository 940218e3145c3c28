"""One e-mail, to a server that keeps it."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from tests.conftest import free_port
from tests.mail_box import MailBox
from tests.workers.test_news import state
from workers import mail
from workers.delivery import Delayed, Undeliverable
from workers.senders import MailServer
from workers.wire import Status, is_address


@pytest.fixture
def server() -> MailServer:
    return MailServer("smtp", "127.0.0.1", free_port(), "jobs", "hunter2")


@pytest.fixture
def box(server: MailServer) -> Iterator[MailBox]:
    opened = MailBox(server.port, server.user, server.password)
    yield opened
    opened.close()


def compose(to: str = "me@shop.example", **fields: Any) -> Any:
    return mail.compose(state(**fields), sender="jobs@shop.example", recipient=to)


def test_it_says_what_ended_and_how(server: MailServer, box: MailBox) -> None:
    error = {"type": "ValueError", "message": "first line\nlast line"}
    mail.send(compose(status=Status.FAILED, started_at=1000, ended_at=13_000, error=error, id="an-id"), server)
    [got] = box.mails
    assert (got["From"], got["To"], got["Subject"]) == ("jobs@shop.example", "me@shop.example", "count_words failed")
    assert got["Message-ID"] == "<an-id.1@shop.example>" and got["Auto-Submitted"] == "auto-generated" and got["Date"]
    assert got.get_content().splitlines() == [
        "Task: count_words",
        "Status: failed",
        "Job: an-id",
        "Run time: 12 s",
        "Error: ValueError: last line",
    ]
    assert box.recipients == [["me@shop.example"]]


def test_what_a_job_says_gets_into_no_header_and_on_no_line_of_its_own(server: MailServer, box: MailBox) -> None:
    wicked = "x\r\nBcc: all@shop.example\r\n\r\n.\r\nQUIT"
    mail.send(
        compose(status=Status.FAILED, task=wicked, error={"type": wicked, "message": "語 \ud800".strip()[:1]}), server
    )
    [got] = box.mails
    assert got["Bcc"] is None and box.recipients == [["me@shop.example"]]
    assert got["Subject"] == "x Bcc: all@shop.example . QUIT failed"
    assert [line.partition(":")[0] for line in got.get_content().splitlines()] == [
        "Task",
        "Status",
        "Job",
        "It never began.",
        "Error",
    ]


@pytest.mark.parametrize(
    ("answer", "error"),
    [("451 later", Delayed), ("421 shutting down", Delayed), ("554 hunter2 is your password", Undeliverable)],
)
def test_what_the_server_answers_decides_what_becomes_of_it(
    answer: str, error: type[Exception], server: MailServer, box: MailBox
) -> None:
    box.answers.append(answer)
    with pytest.raises(error) as raised:
        mail.send(compose(), server)
    assert answer[:3] in str(raised.value) and "hunter2" not in str(raised.value)


def test_a_wrong_password_and_an_unknown_recipient_are_final(server: MailServer, box: MailBox) -> None:
    with pytest.raises(Undeliverable, match="535") as raised:
        mail.send(compose(), replace(server, password="hunter3"))
    assert "hunter3" not in str(raised.value) and raised.value.__suppress_context__
    with pytest.raises(Undeliverable, match="550"):
        mail.send(compose("nobody@shop.example"), server)
    assert not box.mails


def test_who_asks_for_starttls_sends_nothing_in_the_clear(server: MailServer, box: MailBox) -> None:
    with pytest.raises(Undeliverable, match="STARTTLS"):
        mail.send(compose(), replace(server, scheme="smtp+starttls"))
    assert not box.mails


@pytest.mark.parametrize("scheme", ["smtp", "smtps"])
def test_a_server_that_is_away_is_tried_again(scheme: str, server: MailServer) -> None:
    with pytest.raises(Delayed, match="ConnectionRefusedError"):
        mail.send(compose(), replace(server, scheme=scheme))


def test_an_address_is_one_mailbox() -> None:
    for good in ("me@shop.example", "a.b+c@localhost", "o'neil@x-y.example"):
        assert is_address(good)
    for bad in (
        *(
            "",
            "me",
            "@shop.example",
            "me@",
            "me@-x.example",
            "a b@shop.example",
            "a@b@shop.example",
            "a,b@shop.example",
        ),
        *("me@shop.example\n", "me@shop.example\r\nRCPT TO:<x>", "<me@shop.example>", "Me <me@shop.example>"),
        *(
            "é@shop.example",
            "me@shöp.example",
            "a" * 65 + "@shop.example",
            "me@" + "a." * 130 + "example",
            '"a"@b.example',
        ),
    ):
        assert not is_address(bad), bad
