"""What Headway's user of Redis must be allowed to do, and what of that a server refuses. Finding out does nothing."""

import re
from collections.abc import Sequence
from typing import Final

from redis import Redis
from redis.exceptions import ResponseError

from workers import trouble
from workers.database import channel_of

KEYS: Final = ("~rq:*", "~headway:*")
WORKERS: Final = "rq:pubsub:*"  # the channels on which RQ tells its workers to stop
# each with arguments that are fit to be queued in a MULTI; it is discarded
COMMANDS: Final = """
blmove rq:a rq:b RIGHT LEFT 0|del rq:a|eval x 0|evalsha x 0|exists rq:a|expire rq:a 9|expireat rq:a 9|get headway:a
get rq:a|hdel rq:a b|hexists rq:a b|hget rq:a b|hgetall rq:a|hincrby rq:a b 1|hincrbyfloat rq:a b 1|hlen rq:a
hmget rq:a b|hset rq:a b c|hsetnx rq:a b c|hstrlen rq:a b|incr rq:a|incrby rq:a 1|lindex rq:a 0|llen rq:a
lmove rq:a rq:b RIGHT LEFT|lpop rq:a|lpos rq:a b|lpush rq:a b|lrange rq:a 0 0|lrem rq:a 0 b|ltrim rq:a 0 0
mget rq:a|persist rq:a|pexpire rq:a 9|ping|pttl rq:a|publish rq:pubsub:a b|rename rq:a rq:b|rpush rq:a b
sadd rq:a b|scard rq:a|script exists x|script load x|set rq:a b|sismember rq:a b|smembers rq:a|srandmember rq:a
srem rq:a b|subscribe rq:pubsub:a|time|ttl rq:a|type rq:a|unsubscribe rq:pubsub:a|unwatch|xadd rq:a * b c|xlen rq:a
xread STREAMS rq:a 0|xrevrange rq:a + -|zadd rq:a 1 b|zcard rq:a|zcount rq:a 0 1|zrange rq:a 0 0
zrangebyscore rq:a 0 1|zrem rq:a b|zremrangebyrank rq:a 0 0|zremrangebyscore rq:a 0 1|zrevrange rq:a 0 0
zrevrangebyscore rq:a 1 0|zscan rq:a 0|zscore rq:a b|set headway:a b
"""
OF_CHANNEL: Final = ("publish {} a", "subscribe {}")
AROUND: Final = ("watch", "multi", "discard", "exec")  # which can't be queued
# connecting takes the first two; without the others Headway works: how full Redis is it can't see then, nor RQ's own
# tools which workers' connections are alive
BESIDE: Final = ("hello", "select", "info", "client|setname", "client|list", "client|setinfo")


def rules(channel: str) -> list[str]:
    """The least rights, as ACL SETUSER takes them."""
    names = {_name(command) for command in _commands(channel)} | set(AROUND) | set(BESIDE)
    return [*KEYS, "resetchannels", f"&{channel}", f"&{WORKERS}", "-@all", *(f"+{name}" for name in sorted(names))]


def missing(redis: Redis) -> list[str]:
    """The rules that the user of `redis` lacks. Raises RedisError.

    A server checks rights when a command is queued in a MULTI: this one is discarded, so that nothing is done.
    """
    connection = redis.connection_pool.get_connection()
    found: list[str] = []

    def send(commands: Sequence[str]) -> bool:
        """Whether none of them was refused."""
        known = len(found)
        connection.send_packed_command(connection.pack_commands([command.split(" ") for command in commands]))
        for command in commands:
            try:
                connection.read_response()
            except ResponseError as error:
                if trouble.code_of(error) == "NOPERM":
                    found.append(_rule(command, str(error)))
                # else it is allowed, and can't be queued
        return len(found) == known

    try:
        if send(["watch rq:a"]) & send(["multi"]):
            send(_commands(channel_of(redis)))
            if send(["discard"]):
                send(["multi", "exec"])
    finally:
        connection.disconnect()
        redis.connection_pool.release(connection)
    return list(dict.fromkeys(found))


def _commands(channel: str) -> list[str]:
    own = [template.format(channel) for template in OF_CHANNEL]
    return [command for line in COMMANDS.strip().split("\n") for command in line.split("|")] + own


def _name(command: str) -> str:
    words = command.split(" ")
    return "|".join(words[:2]) if words[0] == "script" else words[0]


def _rule(command: str, refusal: str) -> str:
    """What to add so that `command` is not refused."""
    subject = command.split(" ")[1] if " " in command else ""
    if re.search(r"\bkeys?\b", refusal):
        return next(rule for rule in KEYS if subject.startswith(rule[1:-1]))
    if re.search(r"\bchannels?\b", refusal):
        return f"&{WORKERS}" if subject.startswith(WORKERS[:-1]) else f"&{subject}"
    return f"+{_name(command)}"
