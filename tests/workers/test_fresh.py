"""New jobs, made of arguments that are ready."""

from redis import Redis

from workers.arguments import Arguments
from workers.lifecycle import fetch_job
from workers.queue import Jobs
from workers.store import load_many
from workers.wire import encode


def test_what_is_kept_of_a_new_job_is_what_rq_would_have_made_of_its_arguments(jobs: Jobs, redis: Redis) -> None:
    text = "Grüße \ud83d \U0001f600 " + "x" * 1000
    ready = Arguments.of(jobs.tasks.get("text_length"), {"text": text})
    ids = [jobs.submit("text_length", given, owner="me").state.id for given in ({"text": text}, ready)]
    ids += jobs.submit_many("text_length", [{"text": text}], owner="me") + jobs.submit_many(
        "text_length", [ready], owner="me"
    )
    for id in ids:
        job = fetch_job(id, redis)
        assert job is not None
        assert (job.func_name, job.instance, job.args, job.kwargs) == ("text_length", None, [], {"text": text})
        assert job.owner == "me" and encode(job.words).startswith('"text_length grüße')
    assert all(load_many(redis, ids))
    assert len({redis.get(f"headway:job:{id}:words") for id in ids}) == 1
