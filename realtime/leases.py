"""Watches that end at a time of their own: those which a token allows. Pure."""

from realtime.topics import Topic


class Leases:
    """Until when each connection may watch what it watches by a token. Times are Unix seconds."""

    def __init__(self) -> None:
        self._until: dict[str, dict[Topic, float]] = {}

    def grant(self, sid: str, topic: Topic, until: float) -> None:
        """Allow it until then, or longer where it was allowed longer before."""
        mine = self._until.setdefault(sid, {})
        mine[topic] = max(until, mine.get(topic, 0.0))

    def release(self, sid: str, topic: Topic) -> None:
        """It may be watched by another right now, or is watched no more."""
        self._until.get(sid, {}).pop(topic, None)

    def holds(self, sid: str, topic: Topic) -> bool:
        return topic in self._until.get(sid, ())

    def drop(self, sid: str) -> None:
        """Forget a connection."""
        self._until.pop(sid, None)

    def over(self, now: float) -> list[tuple[str, Topic]]:
        """What has expired; it counts as ended."""
        ended = [(sid, topic) for sid, mine in self._until.items() for topic, until in mine.items() if until <= now]
        for sid, topic in ended:
            del self._until[sid][topic]
        return ended
