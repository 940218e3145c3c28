"""One Web Push: encrypted for its browser (RFC 8291), sent to its push service (RFC 8030)."""

import secrets
import struct

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from workers import delivery
from workers.delivery import Undeliverable
from workers.errors import HeadwayError
from workers.subscriptions import Subscription
from workers.vapid import Vapid, from_base64url

TTL = 12 * 3600  # seconds that a push service keeps it for a browser that is off
SUMMARY_TOPIC = "headway-summary"
POINT_SIZE = 65  # bytes of an uncompressed point of P-256
AUTH_SIZE = SALT_SIZE = 16  # bytes
RECORD_SIZE = 4096  # bytes, the most that a push service must take (RFC 8030 §7.2)
HEADER_SIZE = SALT_SIZE + 4 + 1 + POINT_SIZE  # bytes before the record, which count too (RFC 8188 §2.1)
TAG_SIZE = 16  # bytes of AES-GCM
PAYLOAD_LIMIT = RECORD_SIZE - HEADER_SIZE - TAG_SIZE - 1  # bytes; 3,993, as RFC 8291 §4 has it
LAST_RECORD = b"\2"  # delimits its text from padding, of which there is none


class Unsubscribed(HeadwayError):
    """The push service knows of no such browser any more."""


def send(
    subscription: Subscription, payload: bytes, *, topic: str, vapid: Vapid, contact: str, allow_private: bool
) -> None:
    """Send `payload`. A newer message of the same `topic` takes its place while the browser is off.

    Raises `Unsubscribed`, `Delayed`, `Undeliverable`.
    """
    headers = {
        "Authorization": vapid.authorization(subscription.endpoint, contact),
        "Content-Encoding": "aes128gcm",
        "Content-Type": "application/octet-stream",
        "TTL": str(TTL),
        "Topic": topic,
        "Urgency": "normal",
    }
    encrypted = encrypt(payload, subscription)
    answer = delivery.post(subscription.endpoint, encrypted, headers, allow_private=allow_private)
    if answer.status in (404, 410):
        raise Unsubscribed(f"{answer.host} answered {answer.status}")
    answer.refuse()


def encrypt(
    payload: bytes,
    subscription: Subscription,
    *,
    private: ec.EllipticCurvePrivateKey | None = None,
    salt: bytes | None = None,
) -> bytes:
    """`payload` in one record of aes128gcm (RFC 8188) that this browser alone can read (RFC 8291 §3.4).

    `private` and `salt`, which are new for each message, are given by a test that has those of the RFC's example.
    Raises `Undeliverable` where it does not fit.
    """
    if len(payload) > PAYLOAD_LIMIT:
        raise Undeliverable(f"A push holds at most {PAYLOAD_LIMIT} bytes, and this one has {len(payload)}")
    private = private or ec.generate_private_key(ec.SECP256R1())
    salt = salt or secrets.token_bytes(SALT_SIZE)
    theirs, auth = from_base64url(subscription.p256dh), from_base64url(subscription.auth)
    ours = private.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    shared = private.exchange(ec.ECDH(), ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), theirs))
    secret = _derive(shared, auth, b"WebPush: info\0" + theirs + ours, 32)
    key = _derive(secret, salt, b"Content-Encoding: aes128gcm\0", 16)
    nonce = _derive(secret, salt, b"Content-Encoding: nonce\0", 12)
    sealed = AESGCM(key).encrypt(nonce, payload + LAST_RECORD, None)
    return salt + struct.pack("!LB", RECORD_SIZE, len(ours)) + ours + sealed


def _derive(secret: bytes, salt: bytes, info: bytes, length: int) -> bytes:
    return HKDF(hashes.SHA256(), length, salt, info).derive(secret)


def is_point(text: str) -> bool:
    """Whether this is a browser's public key: base64url of an uncompressed point that lies on P-256."""
    try:
        data = from_base64url(text)
        ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), data)
    except ValueError:
        return False
    return len(data) == POINT_SIZE


def is_auth(text: str) -> bool:
    try:
        return len(from_base64url(text)) == AUTH_SIZE
    except ValueError:
        return False


def topic_of(id: str) -> str:
    """At most 32 characters of base64url (RFC 8030 §5.4): of our ids, which are UUIDs, the hex digits."""
    return id.replace("-", "")[:32]
