"""What may be done to which job."""

import pytest

from workers.errors import Conflict
from workers.verbs import ALLOWED, Verb, check
from workers.wire import Status


@pytest.mark.parametrize("verb", list(Verb))
@pytest.mark.parametrize("status", list(Status))
def test_a_verb_is_allowed_or_says_what_it_needs(verb: Verb, status: Status) -> None:
    if status in ALLOWED[verb]:
        check(verb, status)
    else:
        with pytest.raises(Conflict, match=rf"{verb}: expected .* got one that is {status}"):
            check(verb, status)


def test_every_job_can_be_ended_or_deleted() -> None:
    assert set(ALLOWED[Verb.STOP]) | set(ALLOWED[Verb.DELETE]) == set(Status)
