"""What a horse is at, as its parent reads it."""

import os

from workers.ledger import Entry, Ledger


def test_what_was_written_last_is_read() -> None:
    ledger = Ledger()
    assert ledger.read() == Entry()
    for number in range(1, 5):
        entry = Entry(f"job {number}" * number, "execution", number, number)
        ledger.write(entry)
        assert ledger.read() == entry
    assert not ledger.enough
    ledger.say_enough()
    assert ledger.enough and ledger.read() == entry


def test_it_is_shared_over_a_fork() -> None:
    ledger = Ledger()
    child = os.fork()
    if child == 0:
        ledger.write(Entry("a job", "an execution", 3, 7))
        os._exit(0)
    os.waitpid(child, 0)
    assert ledger.read() == Entry("a job", "an execution", 3, 7)
