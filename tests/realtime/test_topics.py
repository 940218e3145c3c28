"""Who watches what."""

from realtime.topics import TOPIC_LIMIT, Topic, Topics, topics_of
from workers.wire import Update

MINE = Topic("mine", "me")
JOB = Topic("job:1")


def test_an_update_shows_in_its_topics() -> None:
    update = Update("1", 5, "me", "default", False, "{}")
    assert set(topics_of(update)) == {JOB, Topic("jobs"), Topic("queue:default"), MINE}


def test_a_job_without_an_owner_is_nobodys_mine() -> None:
    update = Update("1", 5, "", "default", False, "{}")
    assert "mine" not in {topic.name for topic in topics_of(update)}


def test_mine_is_another_topic_for_each_owner() -> None:
    topics = Topics()
    topics.add("a", MINE)
    topics.add("b", Topic("mine", "you"))
    assert topics.watchers(MINE) == ("a",)


def test_a_topic_lists_its_scope() -> None:
    named = [MINE, Topic("jobs"), Topic("queue:mail"), JOB]
    assert [topic.scope for topic in named] == ["owner:me", "all", "queue:mail", None]
    assert [topic.job_id for topic in named] == [None, None, None, "1"]


def test_watching_twice_is_watching_once() -> None:
    topics = Topics()
    assert topics.add("a", JOB) and topics.add("a", JOB)
    topics.remove("a", [JOB])
    assert not topics.is_watched(JOB) and topics.all() == ()


def test_a_dropped_connection_leaves_nothing() -> None:
    topics = Topics()
    topics.add("a", JOB)
    topics.add("a", MINE)
    topics.add("b", JOB)
    topics.drop("a")
    topics.drop("a")
    assert topics.all() == (JOB,) and topics.watchers(JOB) == ("b",)


def test_a_connection_watches_so_many_and_no_more() -> None:
    topics = Topics()
    for number in range(TOPIC_LIMIT):
        assert topics.add("a", Topic(f"job:{number}"))
    assert not topics.add("a", Topic("job:more"))
    assert topics.add("a", Topic("job:1")) and topics.add("b", Topic("job:more"))


def test_to_remove_what_is_not_watched_is_no_error() -> None:
    Topics().remove("a", [JOB])
