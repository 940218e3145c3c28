"""Two installations on two databases of one server hear nothing of each other."""

from collections.abc import Iterator

import pytest
from redis import Redis

from tests.conftest import until
from tests.ears import Ears
from workers import channel, log_lines, store
from workers.channel import Channel, Gap
from workers.database import channel_of
from workers.wire import Logged, Message, Probe, Status, Update


@pytest.fixture
def second(redis: Redis, redis_url: str) -> Iterator[Redis]:
    """A client of the same server's second database."""
    connection = store.connect(f"{redis_url}?db=1")
    yield connection
    connection.close()


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("redis://somewhere", "headway:events"),
        ("redis://somewhere/0", "headway:events"),
        ("rediss://somewhere/15", "headway:events:15"),
        ("unix:///somewhere.sock?db=2", "headway:events:2"),
    ],
)
@pytest.mark.parametrize("shared", [False, True])
def test_the_first_database_has_the_plain_name_and_others_add_their_number(url: str, name: str, shared: bool) -> None:
    assert channel_of(store.connect(url, shared=shared)) == name


def say_everything(redis: Redis) -> None:
    known = {"task": "t", "queue": "default", "created_at": 1}
    store.transition(redis, "a", {"status": Status.QUEUED}, owner="me", fallback=known)
    store.transition(redis, "a", {"status": Status.STARTED})
    store.report(redis, "a", 1, {"completed": 1, "total": 2, "unit": ""})
    log_lines.write(redis, "a", 1, [(1, b'"at":1,"level":"info","text":"a line"}')])
    store.mark(redis, "a", 1, Status.LOST)
    store.bury(redis, "a")
    channel.probe(redis, "p", 1)


def test_nothing_that_is_said_on_one_is_heard_on_the_other(
    redis: Redis, second: Redis, redis_url: str, ears: Ears
) -> None:
    heard: dict[Redis, list[Message]] = {redis: [], second: []}
    held = []

    def listen(client: Redis, connection: Redis) -> None:
        for said in Channel(connection).listen():
            if isinstance(said, Gap):
                held.append(client)
            else:
                heard[client] += said

    ears.start(listen, redis, ears.connect())
    ears.start(listen, second, ears.connect(f"{redis_url}?db=1"))
    until(lambda: len(held) == 2, "both channels")
    for client in heard:
        say_everything(client)
        until(lambda client=client: any(isinstance(said, Probe) for said in heard[client]), "the last word")  # type: ignore[misc]
        kinds = [type(said) for said in heard[client]]
        assert kinds == [Update, Update, Update, Logged, Update, Update, Probe]
    assert [len(said) for said in heard.values()] == [7, 7]
