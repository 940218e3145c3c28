"""Who counts for what."""

from typing import Any

import pytest

from workers.limits import COUNTED, STRANGERS, SUBMITS, Limit, Payer, counted

ALL = Limit(1, 2, 3)


@pytest.mark.parametrize(
    ("payer", "mark", "accounts"),
    [
        (Payer("me", "abc"), "abc", [("owner:me", 1), ("address:abc", 2), (STRANGERS, 3)]),
        (Payer("me"), COUNTED, [("owner:me", 1), (STRANGERS, 3)]),
        (Payer("me", stranger=False), "", [("owner:me", 1)]),
    ],
)
def test_a_sender_counts_for_its_accounts_the_narrowest_first(
    payer: Payer, mark: str, accounts: list[tuple[str, int]]
) -> None:
    assert payer.mark == mark and payer.accounts(ALL) == accounts


def test_what_has_no_limit_is_not_counted() -> None:
    assert Payer("me", "abc").accounts(SUBMITS) == [("owner:me", 20), ("address:abc", 50)]


@pytest.mark.parametrize(
    ("meta", "kept"),
    [
        ({"from": "0a"}, {"from": "0a", "size": 2000}),
        ({"from": COUNTED, "size": 64}, {"from": COUNTED, "size": 64}),
        ({"from": "", "size": -1}, {"from": "", "size": 2000}),
        ({"owner": "me"}, {}),
        ({"from": "no digest"}, {}),
        ({"from": 5}, {}),
        ("no meta", {}),
    ],
)
def test_a_state_keeps_nothing_that_the_script_could_stumble_over(meta: Any, kept: dict[str, Any]) -> None:
    assert counted(meta, 2000) == kept
