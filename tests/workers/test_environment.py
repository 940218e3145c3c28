"""Which variables each kind of process gets. What becomes of them in real ones is in test_run.py and test_main.py."""

from pathlib import Path

from workers.environment import NEWS_SECRETS, WEB_SECRETS, of_parts, of_server, of_web, of_worker

GIVEN = {**dict.fromkeys((*WEB_SECRETS, *NEWS_SECRETS), "hunter2"), "PATH": "/bin", "DATABASE_URL": "postgres://shop"}


def test_a_web_process_knows_of_news_only_which_kinds_there_are() -> None:
    given = of_web(GIVEN, ("email", "webhook"))
    assert set(given) == {*WEB_SECRETS, "PATH", "DATABASE_URL", "HEADWAY_NOTICES"}
    assert given["HEADWAY_NOTICES"] == "email,webhook"


def test_only_workers_that_send_news_have_what_signs_it() -> None:
    for queue in ("headway", "headway-news"):
        assert set(of_worker(GIVEN, queue)) == {*NEWS_SECRETS, "PATH", "DATABASE_URL"}
    for queue in ("", "default", "headways"):
        assert set(of_worker(GIVEN, queue)) == {"PATH", "DATABASE_URL"}


def test_the_server_gets_nothing_of_ours() -> None:
    assert of_server(GIVEN) == {"PATH": "/bin"}


def test_parts_print_utf_8_and_find_their_modules_where_python_does_not_look_into_their_folder() -> None:
    printing = {"PYTHONUNBUFFERED": "1", "PYTHONIOENCODING": "utf-8:backslashreplace"}
    assert of_parts({"PATH": "/bin", "PYTHONIOENCODING": "latin-1"}, Path("/srv")) == {"PATH": "/bin", **printing}
    assert of_parts({"PYTHONSAFEPATH": "1"}, Path("/srv"))["PYTHONPATH"] == "/srv"
    assert of_parts({"PYTHONSAFEPATH": "1", "PYTHONPATH": "/mine"}, Path("/srv"))["PYTHONPATH"] == "/srv:/mine"
