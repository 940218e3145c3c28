"""Tokens: what is signed is what is read."""

import time
from pathlib import Path
from uuid import uuid4

import pytest

from realtime import access
from realtime.tokens import LONGEST, MOST, Grant, Tokens

TOPICS = ["job:a1", "queue:default", "jobs"]


@pytest.fixture
def tokens() -> Tokens:
    return Tokens("a key")


def test_what_is_signed_is_read(tokens: Tokens) -> None:
    grant = tokens.read(tokens.sign(TOPICS, 60, act=True))
    assert grant is not None
    assert grant.topics == set(TOPICS) and grant.act and not grant.is_over
    assert 59 < grant.expires_at - time.time() <= 60
    assert grant.covers("job:a1") and not grant.covers("job:a2") and not grant.covers("mine")


def test_one_with_notify_needs_no_topic_and_older_ones_have_none(tokens: Tokens) -> None:
    grant = tokens.read(tokens.sign([], 60, notify=True))
    assert grant is not None and grant.notify and not grant.act and not grant.topics
    older = tokens.read(tokens._text({"topics": ["jobs"], "until": 2e9, "act": True}))
    assert older == Grant(frozenset(["jobs"]), 2e9, act=True, notify=False)


def test_each_has_a_digest_of_its_own_however_its_signature_is_written(tokens: Tokens) -> None:
    texts = [tokens.sign(["jobs"], 60, notify=True) for _ in range(2)]
    grants = [tokens.read(text) for text in texts]
    assert None not in grants and len({grant.digest for grant in grants if grant}) == 2
    spelt = [texts[0][:-1] + letter for letter in "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"]
    read = [grant.digest for grant in map(tokens.read, spelt) if grant is not None]
    assert len(set(read)) == 1


def test_it_ends(tokens: Tokens) -> None:
    grant = tokens.read(tokens.sign(["jobs"], 0.000_001))
    assert grant is not None and grant.is_over


@pytest.mark.parametrize(
    "topics", [[], ["mine"], ["stats"], ["job:"], ["queue:a b"], ["job:a", "everything"], ["jobs"] * 201]
)
def test_what_can_not_be_granted_is_not_signed(topics: list[str], tokens: Tokens) -> None:
    with pytest.raises(ValueError, match=r"^topics: expected .*, got "):
        tokens.sign(topics, 60)


def test_it_fits_into_a_header(tokens: Tokens) -> None:
    with pytest.raises(ValueError, match=f"expected 1 to {MOST} of them, got {MOST + 1}"):
        tokens.sign([f"job:{number}" for number in range(MOST + 1)], 60)
    assert len(tokens.sign([f"job:{uuid4()}" for _ in range(MOST)], 60)) < 8000


@pytest.mark.parametrize("expires", [0, -1, LONGEST + 1, float("nan"), float("inf")])
def test_it_is_good_for_some_time_and_not_for_ever(expires: float, tokens: Tokens) -> None:
    with pytest.raises(ValueError, match=r"^expires: expected .*, got "):
        tokens.sign(["jobs"], expires)


def test_what_is_not_ours_says_nothing(tokens: Tokens) -> None:
    good = tokens.sign(["jobs"], 60)
    forged = [Tokens("another key").sign(["jobs"], 60), good[:-1], "x" + good, "", "é", good.partition(".")[0]]
    assert [tokens.read(text) for text in forged] == [None] * len(forged)


def test_a_program_beside_signs_for_the_installation_that_its_environment_names(tmp_path: Path) -> None:
    environ = {"SECRET_KEY": "of both", "HEADWAY_OPERATOR_TOKEN": "unused", "HEADWAY_HOME": str(tmp_path)}
    grant = Tokens("of both").read(access.sign(topics=["job:a"], expires=60, environ=environ))
    assert isinstance(grant, Grant) and grant.topics == {"job:a"} and not grant.act
