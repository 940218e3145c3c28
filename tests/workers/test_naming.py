"""Short names for people, names in RQ that are ours alone."""

import pytest

from workers.naming import Naming, short


@pytest.mark.parametrize(
    ("name", "in_rq"),
    [
        ("default", "headway.default"),
        ("mail", "mail"),
        ("headway", "headway"),
        ("headway-news", "headway-news"),
        ("headway.default", "headway.default"),
        ("headwaymail", "headway.headwaymail"),
    ],
)
def test_a_queue_has_our_prefix_in_rq_but_where_it_is_named_in_full(name: str, in_rq: str) -> None:
    assert Naming(frozenset({"mail"})).in_rq(name) == in_rq
    assert short(in_rq) == name.removeprefix("headway.")


def test_jobs_without_a_mark_may_stand_under_names_in_full_and_those_of_the_release_before() -> None:
    names = ["default", "mail", "headway", "headway-news"]
    assert Naming(frozenset({"mail"})).shared(names) == ("default", "mail", "headway")
