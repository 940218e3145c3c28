"""What news of ends is sent with: whom push services turn to, what signs webhooks, the mail server and its sender.

Each function reads the text of one variable; what can't be used raises `SettingsError`, which repeats no secret.
"""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

from workers.errors import SettingsError
from workers.variables import expected, scheme
from workers.wire import is_address

CONTACT = "https://example.com/"  # nobody's; Apple's push service refuses names such as localhost
SECRETS = 2  # of webhooks: while one takes the place of the other
SMTP_PORTS = {"smtp": 25, "smtp+starttls": 587, "smtps": 465}


@dataclass(frozen=True)
class MailServer:
    scheme: str  # smtp, smtps (TLS from the start) or smtp+starttls
    host: str
    port: int
    user: str = field(default="", repr=False)  # '' = nobody logs in
    password: str = field(default="", repr=False)


def contact(text: str) -> str:
    parts = urlsplit(text) if scheme(text) == "https" else None
    if not (parts and parts.hostname) and not (text.startswith("mailto:") and is_address(text[7:])):
        raise SettingsError(expected("HEADWAY_CONTACT", "mailto:<address> or https://…", text))
    return text


def webhook_secrets(text: str) -> tuple[bytes, ...]:
    """One secret, or the new and the old one while receivers change theirs; () where there is none."""
    secrets = tuple(map(_webhook_secret, text.replace(",", " ").split()))
    if b"" in secrets or len(secrets) > SECRETS:
        form = "whsec_ and the base64 of 24 to 64 bytes, or two of them, the new one first, with a blank or a comma"
        raise SettingsError(f"HEADWAY_WEBHOOK_SECRET: expected {form}, got something else")  # not to be repeated
    return secrets


def _webhook_secret(text: str) -> bytes:
    """b"" where it is none."""
    try:
        secret = base64.b64decode(text.removeprefix("whsec_"), validate=True)
    except (binascii.Error, ValueError):
        return b""
    return secret if text.startswith("whsec_") and 24 <= len(secret) <= 64 else b""


def mail_server(url: str) -> MailServer | None:
    if not url:
        return None
    parts = urlsplit(url) if scheme(url) in SMTP_PORTS else None
    if parts is None or not parts.hostname or parts.path.strip("/") or parts.query or parts.fragment:
        form = "smtp://, smtp+starttls:// or smtps://, then user:password@host:port, each but host may be left out"
        raise SettingsError(f"HEADWAY_SMTP_URL: expected {form}, got something else")  # it may hold a password
    port = parts.port or SMTP_PORTS[parts.scheme]
    return MailServer(parts.scheme, parts.hostname, port, unquote(parts.username or ""), unquote(parts.password or ""))


def notices(environ: Mapping[str, str]) -> tuple[str, ...]:
    """What is set up here, and what HEADWAY_NOTICES says is set up elsewhere."""
    text = environ.get("HEADWAY_NOTICES", "")
    kinds = {part.strip() for part in text.split(",")} - {""}
    if not kinds <= {"webhook", "email"}:
        raise SettingsError(expected("HEADWAY_NOTICES", "webhook, email or both, with a comma", text))
    if environ.get("HEADWAY_WEBHOOK_SECRET", "").strip(" ,"):
        kinds.add("webhook")
    if environ.get("HEADWAY_SMTP_URL") and environ.get("HEADWAY_MAIL_FROM"):
        kinds.add("email")
    return tuple(sorted(kinds))


def mail_from(text: str) -> str:
    if text and not is_address(text):
        raise SettingsError(expected("HEADWAY_MAIL_FROM", "an address such as jobs@shop.example", text))
    return text
