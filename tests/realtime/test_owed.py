"""What waits for all clients together."""

from realtime.owed import Owed


class Client:
    def __init__(self, everybody: Owed, since: float = 0.0) -> None:
        self.owed, self.since, self.ended = 0, since, False
        self._everybody = everybody

    def ask(self, size: int) -> None:
        self.owed += size
        self._everybody.add(self, size)

    def read(self) -> None:
        self.owed = 0

    def end(self, why: str) -> None:
        self.ended, self.owed = True, 0
        self._everybody.discard(self)


def test_who_reads_may_ask_for_ever() -> None:
    everybody = Owed(1000)
    clients = [Client(everybody) for _ in range(5)]
    for _ in range(100):
        for client in clients:
            client.ask(150)
        for client in clients:
            client.read()
    assert not any(client.ended for client in clients)


def test_over_the_limit_those_go_that_are_owed_most_and_the_slowest_first() -> None:
    everybody = Owed(1000)
    small, slow, fast = Client(everybody), Client(everybody, since=1.0), Client(everybody, since=2.0)
    small.ask(100)
    fast.ask(400)
    slow.ask(400)
    assert not small.ended and not fast.ended and not slow.ended
    small.ask(101)
    assert slow.ended and not fast.ended and not small.ended


def test_however_much_is_asked_for_what_waits_is_bounded() -> None:
    everybody = Owed(1000)
    clients = [Client(everybody, since=float(number)) for number in range(200)]
    for client in clients:
        client.ask(90)
        assert sum(one.owed for one in clients) <= 1000
    assert not clients[-1].ended


def test_who_has_gone_is_owed_nothing() -> None:
    everybody = Owed(1000)
    gone, here = Client(everybody), Client(everybody)
    gone.ask(900)
    everybody.discard(gone)
    here.ask(200)
    assert not here.ended and not gone.ended
