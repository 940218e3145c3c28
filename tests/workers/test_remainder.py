"""What a running job has not sent yet; tests/workers/test_lifecycle.py and test_logbook.py see it arrive."""

from redis import Redis

from workers.remainder import newest_progress, write_log


def test_of_a_job_that_this_process_does_not_run_there_is_nothing(redis: Redis) -> None:
    assert newest_progress("another") == {}
    with redis.pipeline() as pipeline:
        write_log(pipeline, "another")
        assert not pipeline.command_stack
