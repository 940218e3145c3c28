"""Watches that end at a time of their own."""

from realtime.leases import Leases
from realtime.topics import Topic

A, B = Topic("job:a"), Topic("job:b")


def test_each_ends_at_its_time_and_once() -> None:
    leases = Leases()
    leases.grant("s", A, 10.0)
    leases.grant("s", B, 20.0)
    leases.grant("t", A, 20.0)
    assert leases.over(9.9) == []
    assert leases.over(10.0) == [("s", A)] and not leases.holds("s", A)
    assert leases.over(15.0) == []
    assert sorted(leases.over(30.0), key=str) == [("s", B), ("t", A)]


def test_a_fresh_token_makes_it_longer_and_none_makes_it_shorter() -> None:
    leases = Leases()
    for until in (10.0, 20.0, 5.0):
        leases.grant("s", A, until)
    assert leases.over(19.9) == [] and leases.over(20.0) == [("s", A)]


def test_what_is_released_or_left_does_not_end() -> None:
    leases = Leases()
    for sid in ("s", "t"):
        leases.grant(sid, A, 10.0)
        leases.grant(sid, B, 10.0)
    leases.release("s", A)
    leases.drop("t")
    assert leases.over(10.0) == [("s", B)]
