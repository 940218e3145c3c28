"""Which of a server's databases a client is on. Keys are apart there by themselves; channels are one server's."""

from redis import Redis
from redis.client import Pipeline

from workers.wire import CHANNEL


def number_of(client: Redis | Pipeline) -> int:
    return int(client.connection_pool.connection_kwargs.get("db") or 0)


def channel_of(client: Redis | Pipeline) -> str:
    """The channel of the installation on the client's database: `headway:events`, from the second database on with
    its number, `headway:events:1`."""
    number = number_of(client)
    return f"{CHANNEL}:{number}" if number else CHANNEL
