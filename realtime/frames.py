"""What goes out when: the newest state of each job that moved, per topic, at most once a tick. Pure."""

from collections.abc import Iterable, Sequence

from realtime.topics import Topic
from workers.wire import Update, encode

TICK = 0.05  # seconds between two frames of one topic
TOLD_LIMIT = 20_000  # single jobs of which it is known what was told
FRAME_LIMIT = 500  # jobs in one frame; more become several, so that no encoding holds the hub for long


class Frames:
    """Conflation with a leading edge.

    The first update of a quiet topic is due at once; what follows within a tick waits for its end, and only the
    newest state of each job is kept; all of them, in their order, with `conflate` False. `now` is any clock in
    seconds that does not go back.
    """

    def __init__(self, *, conflate: bool = True) -> None:
        self._conflate = conflate
        self._moved: dict[Topic, dict[str, Update]] = {}
        self._sent_at: dict[Topic, float] = {}

    def add(self, topic: Topic, update: Update) -> bool:
        """Whether the update stands for itself: False where it replaces, or is older than, one that waits."""
        moved = self._moved.setdefault(topic, {})
        if not self._conflate:
            key = f"{update.id} {update.version}"
        elif topic.name == "ended":
            key = (
                f"{update.id} {update.attempt}"  # an end is told of each attempt: the next one's must not overwrite it
            )
        else:
            key = update.id
        held = moved.get(key)
        if held is None or update.version > held.version:
            moved[key] = update
        return held is None

    def due(self, now: float) -> list[tuple[Topic, Sequence[Update]]]:
        """The topics whose tick is over, with what moved in them. What is returned counts as sent."""
        ready = [topic for topic in self._moved if now - self._sent_at.get(topic, -TICK) >= TICK]
        for topic in ready:
            self._sent_at[topic] = now
        return [(topic, tuple(self._moved.pop(topic).values())) for topic in ready]

    def next_due(self, now: float) -> float | None:
        """Seconds until something is due; None where nothing waits."""
        if not self._moved:
            return None
        return max(0.0, min(self._sent_at.get(topic, -TICK) for topic in self._moved) + TICK - now)

    def forget_quiet(self, now: float) -> None:
        """Drop the marks of topics that have been quiet for a tick: to have none means the same."""
        for topic in [
            topic for topic, sent in self._sent_at.items() if now - sent >= TICK and topic not in self._moved
        ]:
            del self._sent_at[topic]


class Told:
    """What all who watch a single job were told last, so that a reload need not tell it again. Bounded."""

    def __init__(self) -> None:
        self._versions: dict[Topic, int] = {}

    def is_news(self, topic: Topic, version: int) -> bool:
        """Whether it differs from what was told last; it counts as told from now on. Of a list it always does."""
        if topic.job_id is None:
            return True
        told = self._versions.pop(topic, None)
        self._versions[topic] = version  # at the end: the oldest are forgotten
        if len(self._versions) > TOLD_LIMIT:
            del self._versions[next(iter(self._versions))]
        return told != version


def encode_frames(topic: Topic, updates: Sequence[Update]) -> list[str]:
    """The Socket.IO packets (protocol v5, type EVENT = 2) that tell `updates`, each encoded once for all watchers."""
    packets = []
    for start in range(0, len(updates), FRAME_LIMIT):
        part = updates[start : start + FRAME_LIMIT]
        if topic.name == "ended":
            packets.append(encode_ended(update.body for update in part))
            continue
        states = [update.body for update in part if not update.gone]
        gone = [update.body for update in part if update.gone]
        if states:
            packets.append(f'2["jobs",{{"topic":{encode(topic.name)},"jobs":[{",".join(states)}]}}]')
        if gone:
            packets.append(f'2["gone",{{"topic":{encode(topic.name)},"jobs":[{",".join(gone)}]}}]')
    return packets


def encode_ended(bodies: Iterable[str], more: int = 0) -> str:
    """The packet that tells an owner of ends."""
    return f'2["ended",{{"jobs":[{",".join(bodies)}],"more":{more}}}]'


def encode_snapshot(topic: Topic, bodies: Iterable[str], more: bool) -> str:
    """The packet that replaces what a client holds of `topic`."""
    states = ",".join(bodies)
    return f'2["jobs",{{"topic":{encode(topic.name)},"jobs":[{states}],"snapshot":true,"more":{encode(more)}}}]'


def encode_renewal(topic: Topic, bodies: Sequence[str], more: bool, version: int) -> str:
    """The packet that replaces all that a client holds of `topic`."""
    if topic.job_id is not None and not bodies:
        return encode_event("gone", {"topic": topic.name, "jobs": [{"id": topic.job_id, "version": version}]})
    return encode_snapshot(topic, bodies, more)


def encode_event(event: str, data: object) -> str:
    return f"2[{encode(event)},{encode(data)}]"
