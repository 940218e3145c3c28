"""What a running job may use."""

import pytest
from redis import Redis

from workers import context
from workers.context import JobContext
from workers.errors import HeadwayError
from workers.progress import Reporter, Sender
from workers.settings import Settings
from workers.tasks import Tasks


def test_outside_of_a_job_there_is_none() -> None:
    with pytest.raises(HeadwayError, match="outside of a worker"):
        context.current()


def test_inside_of_a_job_it_is_there_and_after_it_reports_nothing_more(redis: Redis, settings: Settings) -> None:
    sender = Sender(settings.redis_url, "a")
    reporter = Reporter(sender, sender.log)
    job = JobContext("a", redis, settings, Tasks({}), sender, reporter)
    with pytest.raises(ZeroDivisionError), context.entered(job):
        assert context.current() is job
        raise ZeroDivisionError
    assert context.running is None
    reporter.wake()
    assert not reporter.is_sending
