"""What can befall: each fault returns once it is over, but for processes that are still to be started again."""

import random
import signal
from collections.abc import Callable

from redis import Redis

from tests.faults.proxy import Proxy
from tests.faults.world import WEBS, WORKERS, World

Fault = Callable[[World, random.Random], None]

SHORT, LONG = 0.3, 4.0  # seconds that a fault lasts


def kinds() -> dict[str, Fault]:
    """Every kind of fault, by name."""
    found: dict[str, Fault] = {
        "worker killed": lambda world, chance: world.kill(_one("worker", WORKERS, chance)),
        "worker ended": lambda world, chance: world.signal(_one("worker", WORKERS, chance), signal.SIGTERM),
        "worker hung": lambda world, chance: world.hang(_one("worker", WORKERS, chance), _while(chance)),
        "web killed": lambda world, chance: world.kill(_one("web", WEBS, chance)),
        "web ended": lambda world, chance: world.signal(_one("web", WEBS, chance), signal.SIGTERM),
        "web hung": lambda world, chance: world.hang(_one("web", WEBS, chance), _while(chance)),
        "redis killed": lambda world, chance: world.kill("redis"),
        "redis hung": lambda world, chance: world.hang("redis", _while(chance)),
        "channel cut": lambda world, chance: _ask(world, lambda redis: redis.client_kill_filter(_type="pubsub")),
        "redis cut": lambda world, chance: _ask(world, lambda redis: redis.client_kill_filter(_type="normal")),
        "scripts flushed": lambda world, chance: _ask(world, lambda redis: redis.script_flush()),
    }
    for line in ("clients", "web", "workers"):
        for name, begin in LINE_FAULTS.items():
            found[f"{line} {name}"] = _on_line(line, begin)
    return found


LINE_FAULTS: dict[str, Callable[[Proxy, random.Random], None]] = {
    "line cut": lambda line, chance: line.cut(),
    "line reset": lambda line, chance: line.reset(),
    "line paused": lambda line, chance: line.pause(),
    "line at 1 byte/s": lambda line, chance: line.trickle(1),
    "line delayed": lambda line, chance: line.delay(chance.uniform(0.05, 0.4)),
    "line half-open": lambda line, chance: line.forget(),
}


def _on_line(name: str, begin: Callable[[Proxy, random.Random], None]) -> Fault:
    def befall(world: World, chance: random.Random) -> None:
        line = world.lines[name]
        begin(line, chance)
        world.live(_while(chance))
        line.mend()

    return befall


def _while(chance: random.Random) -> float:
    return chance.uniform(SHORT, LONG)


def _one(kind: str, count: int, chance: random.Random) -> str:
    return f"{kind}{chance.randrange(count)}"


def _ask(world: World, command: Callable[[Redis], object]) -> None:
    """Have Redis do something, once it is there: another fault may have killed it a moment ago."""
    redis = world.redis()
    try:
        while not world.is_up():
            world.live(0.05)
        command(redis)
    finally:
        redis.close()
