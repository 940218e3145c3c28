"""The key pair that push services know this installation by (VAPID, RFC 8292): made once, kept in Redis."""

import base64
import json
import time
from urllib.parse import urlsplit

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from redis import Redis

from workers import records

KEY = "headway:vapid"
VALID = 12 * 3600  # seconds; no more than a day is taken
PORTS = {"http": 80, "https": 443}
SIZE = 32  # bytes of a number of P-256


class Vapid:
    def __init__(self, private: ec.EllipticCurvePrivateKey) -> None:
        self._private = private

    @classmethod
    def load(cls, redis: Redis) -> "Vapid":
        """The installation's pair; the first to ask makes it."""
        if (found := _read(redis)) is None:
            made = ec.generate_private_key(ec.SECP256R1()).private_numbers().private_value
            redis.set(KEY, to_base64url(made.to_bytes(SIZE)), nx=True)
            found = _read(redis)
        if found is None:  # no key, and no use to anybody: browsers have to subscribe anew
            records.say(KEY, "another pair is made in its place")
            redis.set(KEY, to_base64url(made.to_bytes(SIZE)))
            found = made
        return cls(ec.derive_private_key(found, ec.SECP256R1()))

    @property
    def public_key(self) -> str:
        """The uncompressed point, base64url: what a page gives `pushManager.subscribe` (applicationServerKey)."""
        return to_base64url(self._private.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint))

    def authorization(self, endpoint: str, contact: str) -> str:
        """The header `Authorization` of one push: a token for the endpoint's service alone, good for 12 h."""
        claims = {"aud": origin(endpoint), "exp": int(time.time()) + VALID, "sub": contact}
        signed = ".".join(to_base64url(json.dumps(part).encode()) for part in ({"typ": "JWT", "alg": "ES256"}, claims))
        # a JWS has the two numbers side by side (RFC 7518 §3.4), not in DER
        numbers = decode_dss_signature(self._private.sign(signed.encode(), ec.ECDSA(hashes.SHA256())))
        signature = b"".join(number.to_bytes(SIZE) for number in numbers)
        return f"vapid t={signed}.{to_base64url(signature)}, k={self.public_key}"


def origin(url: str) -> str:
    """As RFC 6454 §6.1 writes it: in small letters, without the port that its scheme has anyway, and without a user."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    host = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{host}" + (f":{parts.port}" if parts.port not in (None, PORTS.get(parts.scheme)) else "")


def _read(redis: Redis) -> int | None:
    """None where there is none, or none that could be ours."""
    kept = records.text(records.ask(lambda: redis.get(KEY)))
    try:
        number = int.from_bytes(from_base64url(kept))
        ec.derive_private_key(number, ec.SECP256R1())
        return number
    except ValueError:
        return None


def to_base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def from_base64url(text: str) -> bytes:
    """Raises ValueError where it is none."""
    return base64.b64decode(text.rstrip("=") + "=" * (-len(text.rstrip("=")) % 4), altchars=b"-_", validate=True)
