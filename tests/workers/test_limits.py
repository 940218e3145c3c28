"""Who counts for what."""

from typing import Any

import pytest

from workers.limits import COUNTED, STRANGERS, SUBMITS, Limit, Sender, counted

ALL = Limit(1, 2, 3)


@pytest.mark.parametrize(
    ("sender", "mark", "accounts"),
    [
        (Sender("me", "abc"), "abc", [("owner:me", 1), ("address:abc", 2), (STRANGERS, 3)]),
        (Sender("me"), COUNTED, [("owner:me", 1), (STRANGERS, 3)]),
        (Sender("me", stranger=False), "", [("owner:me", 1)]),
    ],
)
def test_a_sender_counts_for_its_accounts_the_narrowest_first(
    sender: Sender, mark: str, accounts: list[tuple[str, int]]
) -> None:
    assert sender.mark == mark and sender.accounts(ALL) == accounts


def test_what_has_no_limit_is_not_counted() -> None:
    assert Sender("me", "abc").accounts(SUBMITS) == [("owner:me", 20), ("address:abc", 50)]


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
    assert counted(meta, b"1" * 2000) == kept
