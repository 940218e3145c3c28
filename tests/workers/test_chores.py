"""The sweeper that an installation's settings make, and how a web process joins the installation and stays in it."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from redis import Redis

from tests.workers.test_legacy import leave, submit
from workers import chores, installation, retention
from workers.errors import SettingsError
from workers.queue import Jobs
from workers.settings import QueueSetting, Settings


def test_it_minds_the_queues_of_the_settings_under_old_names_too(jobs: Jobs, redis: Redis, settings: Settings) -> None:
    [id] = [leave(redis, id) for id in submit(jobs, 1)]
    chosen = replace(settings, queues=(QueueSetting("default", 1), QueueSetting("mail", 1, in_full=True)))
    chores.sweeper(chosen, redis, lambda: None).sweep()
    assert redis.lrange("rq:queue:headway.default", 0, -1) == [id.encode()]


@pytest.fixture
def left_empty(redis: Redis) -> Iterator[None]:
    """Others that use this Redis would be refused."""
    yield
    redis.flushall()


@pytest.mark.usefixtures("left_empty")
def test_what_redis_has_lost_of_the_installation_is_written_again(redis: Redis, settings: Settings) -> None:
    membership = chores.Membership(redis, replace(settings, retention=7200), "first")
    membership.renew()
    redis.flushall()
    membership.renew()
    assert redis.get(installation.FINGERPRINT_KEY) == installation.fingerprint("first").encode()
    assert redis.get(installation.SCHEMA_KEY) == str(installation.SCHEMA).encode()
    assert redis.get(retention.KEY) == b"7200"
    redis.set(retention.KEY, 3600)  # by a web process that has started since
    membership.renew()
    assert redis.get(retention.KEY) == b"3600"


@pytest.mark.usefixtures("left_empty")
def test_a_key_that_counts_later_ends_no_member_and_is_told_once(
    redis: Redis, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    member = chores.Membership(redis, settings, "first", new_key=True)
    member.renew()
    chores.Membership(redis, settings, "second", new_key=True).renew()
    caplog.clear()
    for _ in range(2):
        member.renew()
    assert len(caplog.records) == 1 and "SECRET_KEY is not the key" in caplog.text
    assert redis.get(installation.FINGERPRINT_KEY) == installation.fingerprint("second").encode()
    with pytest.raises(SettingsError):
        chores.Membership(redis, settings, "first").renew()
