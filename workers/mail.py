"""One e-mail: the end of a job in a few fixed lines, to one recipient, by the operator's SMTP server."""

import smtplib
import ssl
from email.message import EmailMessage
from email.utils import formatdate

from workers import news
from workers.delivery import LIMIT, Delayed, NoAnswer, Undeliverable
from workers.senders import MailServer
from workers.wire import JobState


def compose(state: JobState, *, sender: str, recipient: str) -> EmailMessage:
    """`sender` and `recipient` are addresses (`is_address`); what a job says of itself gets on one line each."""
    mail = EmailMessage()
    mail["From"] = sender
    mail["To"] = recipient
    mail["Subject"] = news.title(state)
    mail["Date"] = formatdate(state.ended_at / 1000 if state.ended_at else None)
    # the same in every try, so that whoever got two shows one
    mail["Message-ID"] = f"<{state.id}.{state.attempt}@{sender.partition('@')[2]}>"
    mail["Auto-Submitted"] = "auto-generated"
    lines = [
        f"Task: {news.cut(state.task, 200)}",
        f"Status: {state.status}",
        f"Job: {state.id}",
        f"Run time: {news.duration(news.run_time(state))}" if state.started_at else "It never began.",
    ]
    if error := news.error_line(state):
        lines.append(f"Error: {news.cut(error, 500)}")
    mail.set_content("\n".join(lines) + "\n")
    return mail


def send(mail: EmailMessage, server: MailServer) -> None:
    """Raises `Delayed`, `Undeliverable`. What the server says is left out but for its code: it may repeat anything."""
    where = f"{server.host}:{server.port}"
    try:
        with _connect(server) as smtp:
            if server.scheme == "smtp+starttls":
                smtp.starttls(context=ssl.create_default_context())
            if server.user:
                smtp.login(server.user, server.password)
            smtp.send_message(mail)
    except smtplib.SMTPRecipientsRefused as error:
        [(code, _)] = error.recipients.values()
        raise _refusal(where, code) from None
    except smtplib.SMTPResponseException as error:
        raise _refusal(where, error.smtp_code) from None
    except smtplib.SMTPNotSupportedError:
        raise Undeliverable(f"{where} does not offer what HEADWAY_SMTP_URL asks for: STARTTLS, or a login") from None
    except ssl.SSLCertVerificationError:
        raise Undeliverable(f"expected {where} to show a certificate that is trusted here, got another") from None
    except (smtplib.SMTPException, OSError) as error:
        said = f"{where} can't be used: {type(error).__name__}"
        raise NoAnswer(said, timed_out=isinstance(error, TimeoutError)) from None


def _connect(server: MailServer) -> smtplib.SMTP:
    if server.scheme == "smtps":
        return smtplib.SMTP_SSL(server.host, server.port, timeout=LIMIT, context=ssl.create_default_context())
    return smtplib.SMTP(server.host, server.port, timeout=LIMIT)


def _refusal(where: str, code: int) -> Exception:
    if 400 <= code < 500 or code < 0:  # -1: it hung up
        return Delayed(f"{where} answered {code}")
    return Undeliverable(f"expected {where} to take the mail, got the answer {code}")
