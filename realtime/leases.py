"""Watches that end at a time of their own: those which a token allows. Pure."""

from realtime.topics import Topic


class Leases:
    """Until when each connection may watch what it watches by a token. Times are Unix seconds."""

    def __init__(self) -> None:
        self._until: dict[tuple[str, Topic], float] = {}

    def grant(self, sid: str, topic: Topic, until: float) -> None:
        """Allow it until then, or longer where it was allowed longer before."""
        self._until[sid, topic] = max(until, self._until.get((sid, topic), 0.0))

    def release(self, sid: str, topic: Topic) -> None:
        """It may be watched by another right now, or is watched no more."""
        self._until.pop((sid, topic), None)

    def holds(self, sid: str, topic: Topic) -> bool:
        return (sid, topic) in self._until

    def drop(self, sid: str) -> None:
        """Forget a connection."""
        for key in [key for key in self._until if key[0] == sid]:
            del self._until[key]

    def over(self, now: float) -> list[tuple[str, Topic]]:
        """What has expired; it counts as ended."""
        ended = [key for key, until in self._until.items() if until <= now]
        for key in ended:
            del self._until[key]
        return ended
