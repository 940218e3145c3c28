"""The browsers of an owner that want to be pushed news."""

import pytest
from redis import Redis

from tests.push_service import Browser
from tests.workers.test_news import state
from tests.workers.test_webpush import subscription_of
from workers import subscriptions
from workers.subscriptions import MOST, TTL, Ends, Subscription
from workers.wire import Status


def test_what_is_put_is_loaded_and_put_again_is_changed(redis: Redis) -> None:
    browser = Browser("https://push.example/1")
    subscriptions.put(redis, "me", subscription_of(browser))
    changed = subscription_of(browser, ends="failures", longer_than=1.5, expires_at=5)
    subscriptions.put(redis, "me", changed)
    assert subscriptions.load_all(redis, "me") == [changed]
    assert subscriptions.load(redis, "me", changed.digest) == changed
    assert subscriptions.load_all(redis, "you") == [] and subscriptions.load(redis, "you", changed.digest) is None
    assert 0 < int(redis.ttl("headway:push:me")) <= TTL


def test_the_last_one_to_go_leaves_nothing(redis: Redis) -> None:
    one = subscription_of(Browser("https://push.example/1"))
    subscriptions.put(redis, "me", one)
    subscriptions.remove(redis, "me", one.digest)
    subscriptions.remove(redis, "me", one.digest)
    assert not redis.exists("headway:push:me")


def test_of_more_than_twenty_the_one_renewed_the_longest_ago_goes(redis: Redis) -> None:
    browsers = [Browser(f"https://push.example/{number}") for number in range(MOST)]
    for browser in browsers:
        subscriptions.put(redis, "me", subscription_of(browser))
    subscriptions.put(redis, "me", subscription_of(browsers[0]))  # renewed
    subscriptions.put(redis, "me", subscription_of(Browser("https://push.example/new")))
    kept = {one.endpoint for one in subscriptions.load_all(redis, "me")}
    assert len(kept) == MOST
    assert {browsers[0].endpoint, "https://push.example/new"} <= kept and browsers[1].endpoint not in kept


@pytest.mark.parametrize(
    ("ends", "longer_than", "told"),
    [
        ("all", 0, {"finished", "failed", "canceled"}),
        ("failures", 0, {"failed"}),
        ("off", 0, set()),
        ("all", 2, {"finished", "failed"}),
        ("all", 2.1, set()),
    ],
)
def test_each_is_told_what_it_wants(ends: Ends, longer_than: float, told: set[str]) -> None:
    """A job that never began ran for 0 s."""
    subscription = subscription_of(Browser("https://push.example/1"), ends=ends, longer_than=longer_than)
    ran = {"started_at": 1000, "ended_at": 3000}
    ended = [state(Status.FINISHED, **ran), state(Status.FAILED, **ran), state(Status.CANCELED, ended_at=9000)]
    assert {str(one.status) for one in ended if subscription.wants(one)} == told


def test_a_subscription_of_rubbish_hides_none_of_the_others(redis: Redis) -> None:
    fine = Subscription("https://push.example/a", "p", "a")
    for number in range(MOST):
        redis.hset("headway:push:me", f"odd-{number}", "[" * 9999 if number % 2 else '{"subscription":null}')
    subscriptions.put(redis, "me", fine)
    assert subscriptions.load_all(redis, "me") == [fine]
    assert redis.hlen("headway:push:me") == MOST
    redis.delete("headway:push:me")
    redis.set("headway:push:me", "no hash")
    assert subscriptions.load_all(redis, "me") == [] and subscriptions.load(redis, "me", fine.digest) is None
    subscriptions.put(redis, "me", fine)
    assert subscriptions.load_all(redis, "me") == [fine]
