"""Who may do what."""

import time
from typing import Any

import pytest

from realtime.access import Access, Visitor, new_owner
from realtime.tokens import Grant
from workers.settings import Secrets, Settings

ME = Visitor("me", operator=False)
OPERATOR = Visitor("op", operator=True)
PROGRAM = Visitor("", operator=False)


@pytest.fixture
def access(settings: Settings) -> Access:
    return Access(settings, Secrets("key", "token", False))


@pytest.mark.parametrize(
    ("topic", "program", "me", "operator"),
    [
        ("job:123", None, None, None),
        ("mine", "unauthorized", None, None),
        ("jobs", "forbidden", "forbidden", None),
        ("stats", "forbidden", "forbidden", None),
        ("queue:default", "forbidden", "forbidden", None),
        ("log:123", "forbidden", "forbidden", None),
        ("log:", "bad_request", "bad_request", "bad_request"),
        ("job:", "bad_request", "bad_request", "bad_request"),
        ("queue:", "bad_request", "bad_request", "bad_request"),
        ("everything", "bad_request", "bad_request", "bad_request"),
        ("", "bad_request", "bad_request", "bad_request"),
    ],
)
def test_who_may_watch(topic: str, program: str | None, me: str | None, operator: str | None, access: Access) -> None:
    refusals = [access.may_watch(who, topic) for who in (PROGRAM, ME, OPERATOR)]
    assert [refusal and refusal.code for refusal in refusals] == [program, me, operator]


@pytest.mark.parametrize(
    ("owner", "who", "allowed"),
    [("me", ME, True), ("you", ME, False), ("you", OPERATOR, True), ("", PROGRAM, False), ("", OPERATOR, True)],
)
def test_who_may_watch_a_log(owner: str, who: Visitor, allowed: bool, access: Access) -> None:
    assert (access.may_watch(who, "log:123", job_owner=owner) is None) is allowed
    token = Grant(frozenset(["job:123"]), time.time() + 60, act=True)
    assert (access.may_watch(who, "log:123", token, owner) is None) is allowed, "a job's token changes nothing"


@pytest.mark.parametrize(
    ("owner", "who", "allowed"),
    [("me", ME, True), ("you", ME, False), ("you", OPERATOR, True), ("", PROGRAM, False), ("", OPERATOR, True)],
)
def test_who_may_act(owner: str, who: Visitor, allowed: bool, access: Access) -> None:
    assert (access.may_act(who, owner) is None) is allowed


@pytest.mark.parametrize(
    ("origin", "accepted"),
    [
        (None, True),
        ("http://here:5000", True),
        ("http://here", False),
        ("https://here:5000", False),
        ("http://there:5000", False),
        ("http://here:5000.evil", False),
        ("null", False),
        ("", False),
    ],
)
def test_origins(origin: str | None, accepted: bool, access: Access) -> None:
    assert access.is_own_origin(origin, "http", "here:5000") is accepted


def test_a_named_foreign_origin_is_accepted(base_environment: dict[str, str], tmp_path: Any) -> None:
    settings = Settings.from_environment({"HEADWAY_ORIGINS": "https://shop.example"}, tmp_path)
    access = Access(settings, Secrets("key", "token", False))
    assert access.is_own_origin("https://shop.example", "http", "here:5000")


@pytest.mark.parametrize(
    ("header", "operator"),
    [("Bearer token", True), ("bearer  token ", True), ("Bearer other", False), ("Basic token", False), (None, False)],
)
def test_the_operators_token_as_a_header(header: str | None, operator: bool, access: Access) -> None:
    assert access.visitor({}, header).operator is operator


def test_a_login_ends_with_its_token(access: Access, settings: Settings) -> None:
    session: dict[str, Any] = {"owner": "me"}
    access.log_in(session)
    assert access.visitor(session, None) == Visitor("me", operator=True)
    assert "token" not in str(session)
    assert not Access(settings, Secrets("key", "new", False)).visitor(session, None).operator


@pytest.mark.parametrize("forged", [True, "yes", 1, None, ""])
def test_a_forged_login_is_none(forged: Any, access: Access) -> None:
    assert not access.visitor({"login": forged}, None).operator


def test_owners_are_random() -> None:
    assert len({new_owner() for _ in range(100)}) == 100
