"""Who may do what."""

import hmac
import time
from dataclasses import replace
from typing import Any

import pytest

from realtime.access import Access, Visitor, new_owner
from realtime.tokens import Grant
from workers.settings import Secrets, Settings

ME = Visitor("me", operator=False)
OPERATOR = Visitor("op", operator=True)
PROGRAM = Visitor("", operator=False)
VIEWER = Visitor("me", operator=False, viewer=True)


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


rights_to_a_job = pytest.mark.parametrize(
    ("owner", "who", "acts", "sees"),
    [
        ("me", ME, True, True),
        ("you", ME, False, False),
        ("you", OPERATOR, True, True),
        ("", PROGRAM, False, False),
        ("", OPERATOR, True, True),
        ("me", VIEWER, True, True),
        ("you", VIEWER, False, True),
        ("", VIEWER, False, True),
    ],
)


@rights_to_a_job
def test_who_may_watch_a_log(owner: str, who: Visitor, acts: bool, sees: bool, access: Access) -> None:
    assert (access.may_watch(who, "log:123", job_owner=owner) is None) is sees
    token = Grant(frozenset(["job:123"]), time.time() + 60, act=True)
    assert (access.may_watch(who, "log:123", token, owner) is None) is sees, "a job's token changes nothing"


@rights_to_a_job
def test_who_may_act_and_see(owner: str, who: Visitor, acts: bool, sees: bool, access: Access) -> None:
    assert (access.may_act(who, owner) is None) is acts
    assert access.may_see(who, owner) is sees


@pytest.mark.parametrize(("who", "oversees", "operates"), [(ME, 0, 0), (VIEWER, 1, 0), (OPERATOR, 1, 1)])
def test_who_may_look_at_and_act_on_what_concerns_all(
    who: Visitor, oversees: bool, operates: bool, access: Access
) -> None:
    assert (access.may_oversee(who) is None) == oversees == (access.may_watch(who, "stats") is None)
    assert (access.may_operate(who) is None) == operates == (access.may_sign(who) is None)
    assert access.may_submit() is None


def test_a_stranger_is_asked_who_it_is_and_somebody_known_is_refused(access: Access) -> None:
    signed, over = (f"Bearer {access.tokens.sign(['jobs'], seconds)}" for seconds in (60, 0.000_001))
    for session, authorization, code in (
        ({}, None, "unauthorized"),
        ({}, "Bearer wrong", "unauthorized"),
        ({"owner": "me"}, None, "forbidden"),
        ({"owner": "me"}, "Bearer wrong", "unauthorized"),
        ({"owner": "me"}, "Basic b3A6b3A=", "forbidden"),  # of a proxy in front of us
        ({}, signed, "forbidden"),
        ({}, over, "unauthorized"),
    ):
        who = access.visitor(session, authorization)
        refusals = [access.may_oversee(who), access.may_operate(who), access.may_sign(who)]
        assert [refusal and refusal.code for refusal in refusals] == [code] * 3, (session, authorization)


def test_a_token_that_tells_nobody_is_called_wrong_or_expired(settings: Settings) -> None:
    access = Access(settings, Secrets("key", "token", False, "look"))
    good = ("token", "look", access.tokens.sign(["jobs"], 60))
    assert [access.judge(token) for token in good] == [None] * 3
    codes = [refusal and refusal.code for refusal in map(access.judge, ("", "x", access.tokens.sign(["jobs"], 1e-6)))]
    assert codes == ["unauthorized", "unauthorized", "expired"]


def test_refusals_name_the_people_that_may(access: Access) -> None:
    refusals = {
        access.may_act(ME, "other"): "Only the job's owner or an operator may do this",
        access.may_read(ME, "other"): "Only the job's owner, an operator or a viewer may see this",
        access.may_watch(ME, "stats"): "Only operators and viewers may see this",
        access.may_oversee(ME): "Only operators and viewers may see this",
        access.may_operate(ME): "Only an operator may do this",
        access.may_notify(ME, None): "Only an operator, or a token",
        access.may_watch(PROGRAM, "mine"): "This needs a session",
    }
    assert [
        refusal.message for refusal, words in refusals.items() if refusal and not refusal.message.startswith(words)
    ] == []
    assert None not in refusals


def test_where_all_is_read_only_nobody_acts_and_all_is_seen_as_before(settings: Settings) -> None:
    access = Access(replace(settings, read_only=True), Secrets("key", "token", False))
    grant = Grant(frozenset(["job:1"]), time.time() + 60, act=True)
    refusals = [
        access.may_submit(),
        access.may_operate(OPERATOR),
        *(access.may_act(who, "me", "job:1", grant) for who in (ME, OPERATOR, VIEWER, PROGRAM)),
    ]
    assert {refusal and refusal.message for refusal in refusals} == {"this installation is read-only"}
    assert access.may_oversee(OPERATOR) is None and access.may_see(ME, "me") and access.may_watch(ME, "mine") is None


def test_a_viewer_logs_in_as_an_operator_does_and_is_none(settings: Settings) -> None:
    access = Access(settings, Secrets("key", "token", False, "look"))
    assert access.visitor({"owner": "me", "login": access.login_with("look")}, None) == VIEWER
    program = access.visitor({}, "Bearer look")
    assert (program.operator, program.viewer) == (False, True) and program.owner not in ("", "me", "look")
    assert access.visitor({"owner": "me", "login": access.login_with("token")}, None) == Visitor("me", True)
    assert access.login_with("other") is None


@pytest.mark.parametrize("token", ["", " ", None, 5, "look"])
def test_without_a_token_for_viewers_nobody_is_one(token: Any, access: Access) -> None:
    assert access.login_with(token) is None
    assert not access.visitor({"login": token}, f"Bearer {token}").sees
    assert not access.visitor({"login": hmac.digest(b"", b"login", "sha256").hex()}, "Bearer ").sees


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
    ("origins", "scheme", "host", "https"),
    [
        ("https://jobs.example", "http", "jobs.example", True),
        ("https://jobs.example", "http", "Jobs.example", True),
        ("https://jobs.example:8443", "http", "jobs.example:8443", True),
        ("https://jobs.example", "http", "jobs.example:5000", False),
        ("https://jobs.example", "http", "127.0.0.1:5000", False),
        ("http://jobs.example", "http", "jobs.example", False),
        ("https://jobs.example,http://jobs.example", "http", "jobs.example", False),
        ("", "http", "jobs.example", False),
        ("", "https", "jobs.example", True),
    ],
)
def test_https_is_what_the_settings_say_of_a_host(
    origins: str, scheme: str, host: str, https: bool, tmp_path: Any
) -> None:
    settings = Settings.from_environment({"HEADWAY_ORIGINS": origins}, tmp_path)
    assert Access(settings, Secrets("key", "token", False)).is_https(scheme, host) is https


@pytest.mark.parametrize(
    ("fetch_site", "source", "of_this_site", "allowed"),
    [
        ("same-origin", None, False, True),
        ("none", None, False, True),
        # another port of the host, or a sibling domain
        ("same-site", None, True, False),
        ("same-site", "http://here:5000/", True, False),
        ("cross-site", None, True, False),
        ("", None, True, False),
        ("something new", None, True, False),
        (None, "http://here:5000/add-task", False, True),
        (None, "http://here:5000", False, True),
        (None, "http://here:8000/", True, False),
        (None, "https://here:5000/", True, False),
        (None, "http://evil.example/here:5000", True, False),
        (None, "http://here:5000@evil.example/", True, False),
        (None, "https://shop.example/", True, False),
        (None, "null", True, False),
        (None, "http://[", True, False),
        (None, None, True, True),
        (None, None, False, False),
    ],
)
def test_who_may_submit_by_get(
    fetch_site: str | None, source: str | None, of_this_site: bool, allowed: bool, settings: Settings
) -> None:
    access = Access(replace(settings, origins=("https://shop.example",)), Secrets("key", "token", False))
    refusal = access.may_submit_by_get(fetch_site, source, "http", "here:5000", of_this_site=of_this_site)
    assert (refusal is None) is allowed


def test_behind_https_our_own_pages_may_submit_by_get(settings: Settings) -> None:
    access = Access(replace(settings, origins=("https://jobs.example",)), Secrets("key", "token", False))
    page = "https://jobs.example/add-task"
    assert access.may_submit_by_get(None, page, "http", "jobs.example", of_this_site=False) is None


@pytest.mark.parametrize(
    ("header", "operator"),
    [("Bearer token", True), ("bearer  token ", True), ("Bearer other", False), ("Basic token", False), (None, False)],
)
def test_the_operators_token_as_a_header(header: str | None, operator: bool, access: Access) -> None:
    assert access.visitor({}, header).operator is operator


def test_a_login_ends_with_its_token(access: Access, settings: Settings) -> None:
    session = {"owner": "me", "login": access.login_with("token")}
    assert access.visitor(session, None) == Visitor("me", operator=True)
    assert "token" not in str(session)
    assert not Access(settings, Secrets("key", "new", False)).visitor(session, None).operator


@pytest.mark.parametrize("forged", [True, "yes", 1, None, ""])
def test_a_forged_login_is_none(forged: Any, access: Access) -> None:
    assert not access.visitor({"login": forged}, None).operator


def test_owners_are_random() -> None:
    assert len({new_owner() for _ in range(100)}) == 100
