"""What connections cost is metered."""

import pytest

from realtime.access import Visitor
from realtime.meter import BURST, BYTES_A_UNIT, MESSAGE, PAYERS_LIMIT, RATE, Meter, Payer
from realtime.topics import TOPIC_LIMIT
from workers.addresses import networks


class Clock:
    """Goes on when it is told to."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_twenty_pages_that_come_back_at_once_are_taken_at_once(clock: Clock) -> None:
    payer = Payer(clock)
    for _ in range(20):
        assert payer.book(TOPIC_LIMIT * BYTES_A_UNIT) == 0


def test_in_debt_one_message_is_taken_after_the_other(clock: Clock) -> None:
    payer = Payer(clock)
    payer.charge(BURST)
    size = 1000 * BYTES_A_UNIT
    waits = [payer.book(size) for _ in range(4)]
    assert waits == pytest.approx([number * (1000 + MESSAGE) / RATE for number in range(4)])


def test_a_debt_is_paid_with_time_and_what_is_saved_has_a_limit(clock: Clock) -> None:
    payer = Payer(clock)
    payer.charge(BURST + RATE)
    assert payer.left == -RATE
    clock.now += 1.5
    assert payer.left == RATE / 2
    clock.now += 1000
    assert payer.left == BURST


def test_connections_of_one_name_share_and_others_do_not(clock: Clock) -> None:
    meter = Meter(clock)
    meter.payer("one").charge(5)
    assert meter.payer("one").left == BURST - 5 and meter.payer("other").left == BURST


def test_of_very_many_payers_those_are_forgotten_that_owe_nothing(clock: Clock) -> None:
    meter = Meter(clock)
    meter.payer("owes").charge(5)
    for number in range(PAYERS_LIMIT):
        meter.payer(str(number))
    assert len(meter._payers) < PAYERS_LIMIT and meter.payer("owes").left == BURST - 5


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (("10.0.0.1", "", "a"), ("10.0.0.1", "", "b"), True),
        (("10.0.0.1", "", "a"), ("10.0.0.2", "", "a"), False),
        (("2001:db8::1", "", ""), ("2001:db8::2", "", ""), True),
        (("10.0.0.1", "1.1.1.1", ""), ("10.0.0.1", "2.2.2.2", ""), True),  # anybody can say that
        (("10.9.9.9", "1.1.1.1", ""), ("10.9.9.9", "2.2.2.2", ""), False),
        (("10.0.0.1", "", "operator"), ("10.0.0.1", "", "a"), False),
        (("10.0.0.1", "", "operator"), ("10.0.0.2", "", "operator"), True),
    ],
)
def test_strangers_pay_by_address_and_operators_by_owner(
    one: tuple[str, str, str], other: tuple[str, str, str], same: bool, clock: Clock
) -> None:
    meter = Meter(clock)
    payer_of = meter.of_address(networks("10.9.9.9"))
    payers = []
    for address, forwarded, owner in (one, other):
        paid = payer_of({"REMOTE_ADDR": address, "HTTP_X_FORWARDED_FOR": forwarded})
        payers.append(meter.of_visitor(Visitor(owner, operator=owner == "operator"), paid))
    assert (payers[0] is payers[1]) == same
