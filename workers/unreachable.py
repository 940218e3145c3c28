"""Why Redis can't be used at the start of a process: one sentence that is true, and says what would be right."""

import re
from typing import Final

from redis.exceptions import AuthenticationError, RedisError

from workers import trouble
from workers.redis_url import ENCODE

AUTHENTICATION: Final = ("WRONGPASS", "NOAUTH")
SETTING: Final = "REDIS_URL: "  # how a sentence begins where the address is wrong, and waiting changes nothing


def why(error: RedisError | OSError, url: str) -> str:
    """The sentence for an `error` that a client of `url`, of which nothing but host and port is repeated, has met."""
    text, code = trouble.words_of(error).strip().rstrip("."), trouble.code_of(error)
    if isinstance(error, AuthenticationError) or code in AUTHENTICATION:
        return _of_the_password(text, code)
    if "DB index" in text:
        return SETTING + "this server has no database of that number (its setting is `databases`, 16 by itself)"
    if code == "NOPERM":
        return f"{SETTING}the user lacks a right: {text}. The reference of Redis in docs/ lists those that are needed"
    if code:
        return f"{trouble.SENTENCES[code]} ({text})"
    return f"Redis can't be reached: {text}. {_hint(text, url)}"


def _of_the_password(text: str, code: str) -> str:
    if "without any password configured" in text or "no password is set" in text:
        return SETTING + "there is a password in it, and this server has none: leave it out"
    if code == "NOAUTH" or "Authentication required" in text or "already authenticated" in text:
        return SETTING + "this server wants a password, as in redis://:password@host:6379/0"
    return f"{SETTING}this server refuses the user or the password. If it has odd characters, {ENCODE}"


def _hint(text: str, url: str) -> str:
    over_tls = url.strip().lower().startswith("rediss://")
    if "CERTIFICATE_VERIFY_FAILED" in text:
        return "In REDIS_URL ?ssl_ca_certs=/path/ca.pem names the authority that signed the server's certificate"
    if over_tls and re.search("(?i)timeout|timed out|wrong version|record layer|packet length", text):
        return "Does this port speak TLS? redis:// instead of rediss:// in REDIS_URL goes without"
    if over_tls and re.search("(?i)alert|handshake|eof|reset|closed|broken pipe", text):
        return "It may want a certificate: ?ssl_certfile=/path/cert.pem&ssl_keyfile=/path/key.pem in REDIS_URL"
    if not over_tls and re.search("(?i)reset|closed", text):
        return "Does this port speak TLS? rediss:// instead of redis:// in REDIS_URL goes with it"
    return "Is REDIS_URL right, and is the server up?"
