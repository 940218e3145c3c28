"""What a user lacks is named by the rule that gives it; with the documented rules nothing is lacking."""

from collections.abc import Callable, Iterator

import pytest
from redis import Redis

from tests.conftest import ROOT
from workers import permissions, store
from workers.database import channel_of

PASSWORD = "word"


@pytest.fixture
def user(redis: Redis, redis_url: str) -> Iterator[Callable[..., Redis]]:
    """A client whose user has just these rules."""
    made = []

    def make(*rules: str, database: int = 0) -> Redis:
        redis.execute_command("ACL", "SETUSER", "limited", "reset", "on", f">{PASSWORD}", *rules)
        made.append(store.connect(f"{redis_url}?db={database}", username="limited", password=PASSWORD))
        return made[-1]

    yield make
    for connection in made:
        connection.close()
    redis.acl_deluser("limited")


@pytest.mark.parametrize(
    ("rules", "missing"),
    [
        (("~*", "&*", "+@all"), []),
        (("~*", "&*", "+@all", "-@dangerous"), []),
        (("~*", "&*", "+@all", "-@scripting"), ["+eval", "+evalsha", "+script|exists", "+script|load"]),
        (("~*", "&*", "+@all", "-subscribe", "-lmove"), ["+lmove", "+subscribe"]),
        (("~*", "resetchannels", "+@all"), ["&rq:pubsub:*", "&headway:events"]),
        (("~*", "resetchannels", "&headway:*", "+@all"), ["&rq:pubsub:*"]),
        (("~rq:*", "&*", "+@all"), ["~headway:*"]),
        (("~headway:*", "&*", "+@all"), ["~rq:*"]),
        (("~rq:*", "%R~headway:*", "&*", "+@all"), ["~headway:*"]),
        (("%R~rq:*", "~headway:*", "&*", "+@all"), ["~rq:*"]),
        (("~rq:*", "%W~headway:*", "&*", "+@all"), ["~headway:*"]),
        (("~*", "&*", "+@all", "-multi", "-get"), ["+multi"]),
        (("~*", "&*", "+@all", "-discard", "-exec", "-get"), ["+get", "+discard"]),
        (("~*", "&*", "+@all", "-exec"), ["+exec"]),
    ],
)
def test_what_is_lacking_is_named_and_nothing_is_done(
    rules: tuple[str, ...], missing: list[str], user: Callable[..., Redis], redis: Redis
) -> None:
    assert sorted(permissions.missing(user(*rules))) == sorted(missing)
    assert redis.dbsize() == 0


@pytest.mark.parametrize("database", [0, 3])
def test_with_the_documented_rules_nothing_is_lacking(database: int, user: Callable[..., Redis], redis: Redis) -> None:
    channel = channel_of(user("+@all", database=database))
    rules = permissions.rules(channel)
    assert permissions.missing(user(*rules, database=database)) == []
    kept = {f"+{name}" for name in (*permissions.BESIDE, *permissions.AROUND)}
    fewer = [rule for rule in rules if rule.startswith("+") and rule not in kept]
    assert len(fewer) > 60
    lacking = permissions.missing(user(*[rule for rule in rules if rule not in fewer], database=database))
    assert sorted(lacking) == sorted(fewer), "each is looked for"


def test_the_documentation_has_these_rules() -> None:
    text = (ROOT / "docs/reference/redis.md").read_text()
    assert " ".join(permissions.rules("headway:events")) in text
