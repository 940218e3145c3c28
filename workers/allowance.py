"""How many ends may be told by webhook and mail: 20 an hour for each who asks."""

from redis import Redis

MOST = 20
WINDOW = 3600  # seconds, from the first of them


def spend(redis: Redis, by: str) -> int | None:
    """Count one more for `by`. None where that is fine; else in how many seconds the next one is."""
    key = f"headway:allowance:{by}"
    with redis.pipeline() as pipeline:
        pipeline.set(key, 0, ex=WINDOW, nx=True)
        pipeline.incr(key)
        pipeline.ttl(key)
        _, count, left = pipeline.execute()
    return None if count <= MOST else max(1, int(left))
