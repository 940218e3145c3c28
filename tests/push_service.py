"""A push service and its browsers, on loopback: what RFC 8030, 8291 and 8292 ask of whoever sends is checked here,
with nothing of what the sender uses but `cryptography`.
"""

import base64
import json
import secrets
import struct
import threading
import time
from collections import deque
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

DAY = 24 * 3600  # seconds


def encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def derive(secret: bytes, salt: bytes, info: bytes, length: int) -> bytes:
    return HKDF(hashes.SHA256(), length, salt, info).derive(secret)


class Browser:
    """One that has subscribed: its keys, and what it makes of a message."""

    def __init__(self, endpoint: str, private: ec.EllipticCurvePrivateKey | None = None, auth: bytes = b"") -> None:
        self.endpoint = endpoint
        self._private = private or ec.generate_private_key(ec.SECP256R1())
        self._auth = auth or secrets.token_bytes(16)
        self.point = self._private.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)

    @property
    def subscription(self) -> dict[str, Any]:
        """As `PushSubscription.toJSON()` has it."""
        keys = {"p256dh": encoded(self.point), "auth": encoded(self._auth)}
        return {"endpoint": self.endpoint, "expirationTime": None, "keys": keys}

    def decrypt(self, body: bytes) -> bytes:
        """RFC 8291 §3.4, of one record."""
        salt, size, length = body[:16], struct.unpack("!L", body[16:20])[0], body[20]
        sender, sealed = body[21 : 21 + length], body[21 + length :]
        assert len(sealed) <= size and len(body) <= 4096
        shared = self._private.exchange(ec.ECDH(), ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), sender))
        key = derive(shared, self._auth, b"WebPush: info\0" + self.point + sender, 32)
        opened = AESGCM(derive(key, salt, b"Content-Encoding: aes128gcm\0", 16)).decrypt(
            derive(key, salt, b"Content-Encoding: nonce\0", 12), sealed, None
        )
        text, delimiter, padding = opened.rpartition(b"\2")  # the last record's (RFC 8188 §2)
        assert delimiter and not padding.strip(b"\0")
        return text


@dataclass(frozen=True)
class Push:
    browser: Browser
    headers: dict[str, str]
    message: dict[str, Any]
    size: int  # bytes of the message
    at: float  # Unix time in seconds


class Request(BaseHTTPRequestHandler):
    server: "PushService"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        status, headers = self.server.take(self.path, {name.lower(): text for name, text in self.headers.items()}, body)
        self.send_response(status)
        for name, text in {"Content-Length": "0", **headers}.items():
            self.send_header(name, text)
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        pass  # the tests read `pushes`


class PushService(ThreadingHTTPServer):
    """Takes pushes to its browsers; `answers` are the next ones it gives, then 201."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Request)
        self.origin = f"http://127.0.0.1:{self.server_port}"
        self.key = ""  # the sender's public one, which it subscribed with
        self.answers: deque[tuple[int, dict[str, str]]] = deque()
        self.pushes: list[Push] = []  # all that came, whatever was answered
        self.wrong: list[str] = []  # why requests were refused
        self._browsers: dict[str, Browser] = {}
        threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()

    def browser(self) -> Browser:
        """One more, with an endpoint that nobody could guess."""
        path = f"/push/{secrets.token_urlsafe(24)}"
        self._browsers[path] = Browser(self.origin + path)
        return self._browsers[path]

    def told(self, browser: Browser) -> list[dict[str, Any]]:
        return [push.message for push in self.pushes if push.browser is browser]

    def take(self, path: str, headers: dict[str, str], body: bytes) -> tuple[int, dict[str, str]]:
        try:
            self._check(headers)
            browser = self._browsers[path]
            text = browser.decrypt(body)
            message = json.loads(text)
        except Exception as error:
            self.wrong.append(f"{type(error).__name__}: {error}")
            return 400, {}
        self.pushes.append(Push(browser, headers, message, len(text), time.time()))
        return self.answers.popleft() if self.answers else (201, {})

    def _check(self, headers: dict[str, str]) -> None:
        assert headers["content-encoding"] == "aes128gcm"
        assert int(headers["ttl"]) >= 0
        scheme, _, rest = headers["authorization"].partition(" ")
        said = dict(part.strip().split("=", 1) for part in rest.split(","))
        assert scheme == "vapid" and said["k"] == self.key
        head, claims = (json.loads(decoded(part)) for part in said["t"].split(".")[:2])
        assert head == {"typ": "JWT", "alg": "ES256"}
        assert claims["aud"] == self.origin
        assert time.time() < claims["exp"] <= time.time() + DAY
        assert claims["sub"].startswith(("mailto:", "https://"))
        signed, _, signature = said["t"].rpartition(".")
        r, s = (int.from_bytes(decoded(signature)[part]) for part in (slice(32), slice(32, 64)))
        key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), decoded(self.key))
        key.verify(encode_dss_signature(r, s), signed.encode(), ec.ECDSA(hashes.SHA256()))

    def close(self) -> None:
        self.shutdown()
        self.server_close()
