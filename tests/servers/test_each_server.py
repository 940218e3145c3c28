"""All of Headway on each Redis and Valkey that it is to run on: real workers, every route, every topic."""

from redis import Redis

from realtime.app import create_app
from realtime.metrics import Metrics
from realtime.pulse import Pulse
from tests.conftest import Stack
from tests.realtime.clients import connected
from tests.servers.tour import Tour, routes_of
from workers import store
from workers.settings import Secrets, Settings


def test_every_route_and_every_topic_works(any_stack: Stack, settings: Settings, redis: Redis) -> None:
    app = create_app(settings, Secrets("a key", "a token", False), redis, pulse=Pulse(print), metrics=Metrics())
    tour = Tour(any_stack, app.url_map)
    tour.pages()
    with (
        connected(any_stack.url, tour.me) as mine,
        connected(any_stack.url, tour.me, headers=any_stack.operator) as page,
    ):
        tour.waiting_jobs()
        tour.jobs_that_run(mine)
        tour.a_job_that_is_stopped(mine)
        tour.actions()
        tour.dashboard(page)
        tour.cron()
    tour.tutorials()
    tour.others()
    tour.the_end_of_a_worker()
    assert set(routes_of(app.url_map)) - tour.seen == set()
    assert "Traceback" not in any_stack.processes.log(0)  # the web process


def test_the_server_has_refused_none_of_our_commands(any_stack: Stack) -> None:
    """It counts what it refuses, by the first word of the error."""
    connection = store.connect(any_stack.redis_url)
    refused = {name.removeprefix("errorstat_"): count["count"] for name, count in connection.info("errorstats").items()}
    connections = connection.info("stats")["total_connections_received"]
    refused.pop("NOSCRIPT")  # of a script that this server is given for the first time
    # CONFIG GET save, which is no right that we need
    refused.pop("NOPERM")
    assert {entry["object"] for entry in connection.acl_log()} <= {"config|get", "config"}
    # redis-py's CLIENT SETINFO, two for each connection: an older server doesn't know it, and redis-py expects that
    assert refused in ({}, {"ERR": 2 * connections})
    connection.close()


def test_the_time_of_a_script_can_be_measured_around_it(any_stack: Stack) -> None:
    """A search goes by it; within a script TIME stands still on newer servers."""
    connection = store.connect(any_stack.redis_url)
    with connection.pipeline(transaction=False) as pipeline:
        pipeline.time()
        pipeline.eval("for _ = 1, 1000000 do end", 0)
        pipeline.time()
        began, _, ended = pipeline.execute()
    assert ended > began
    connection.close()
