"""Ids that nobody knows."""

from realtime.topics import Topic
from realtime.unknown import KEPT_FOR, LIMIT, Unknown
from tests.realtime.test_meter import Clock


def test_an_id_is_unknown_for_a_second_or_until_it_moves() -> None:
    clock = Clock()
    unknown = Unknown(clock)
    unknown.add("a")
    unknown.add("b")
    assert "a" in unknown and "b" in unknown and "c" not in unknown
    topics = [Topic("job:a"), Topic("job:c"), Topic("mine", "me"), Topic("log:a")]
    assert unknown.without(topics) == topics[1:]
    unknown.forget("a")
    unknown.forget("c")
    assert "a" not in unknown and "b" in unknown
    clock.now += KEPT_FOR
    assert "b" not in unknown


def test_only_so_many_are_remembered() -> None:
    clock = Clock()
    unknown = Unknown(clock)
    for number in range(LIMIT + 1):
        unknown.add(str(number))
    assert "0" not in unknown and "1" in unknown and str(LIMIT) in unknown
    clock.now += KEPT_FOR
    unknown.add("new")
    assert len(unknown._until) == 1
