"""run.py: everything under one supervisor, or one part; started and ended as a person would."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import requests
from redis import Redis, RedisError

import run
from tests.conftest import ROOT, free_port, is_ready, until
from tests.said import Said
from tests.web_hook import WebHook
from workers.errors import AWAY, WRONG
from workers.settings import Secrets, Settings
from workers.sockets import socket_path, url_of
from workers.supervisor import Supervisor
from workers.watchdog import Watchdog

Start = Callable[..., "Running"]


class Running:
    """`python run.py …` with its output in a file."""

    def __init__(
        self, folder: Path, arguments: tuple[str, ...], environment: dict[str, str], hang_up: signal.Handlers
    ) -> None:
        self._log = folder / "run.log"
        with open(self._log, "wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "run.py", *arguments],
                cwd=ROOT,
                env=environment,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=lambda: signal.signal(signal.SIGHUP, hang_up),
            )

    @property
    def output(self) -> str:
        return self._log.read_text()

    def children(self) -> list[int]:
        """The processes of the session it leads and of those below it."""
        below: dict[int, list[int]] = {}
        for folder in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):  # it has ended
                parent = int((folder / "stat").read_text(errors="replace").rpartition(")")[2].split()[1])
                below.setdefault(parent, []).append(int(folder.name))
        found = [self.process.pid]
        for pid in found:
            found += below.get(pid, [])
        return found[1:]


@pytest.fixture
def home() -> Iterator[Path]:
    """A folder whose path is short enough for a socket, and odd in all that may be odd in a path."""
    with TemporaryDirectory(prefix="hw-") as folder:
        yield Path(folder) / "it's #1 50%20? \udcff"


@pytest.fixture
def start(tmp_path: Path, home: Path) -> Iterator[Start]:
    running: list[Running] = []

    def begin(*arguments: str, hang_up: signal.Handlers = signal.SIG_DFL, **environment: str) -> Running:
        given = {"PATH": os.environ["PATH"], "HEADWAY_HOME": str(home), **environment}
        running.append(Running(tmp_path, arguments, given, hang_up))
        return running[-1]

    yield begin
    for one in running:
        children = one.children()
        if one.process.poll() is None:
            one.process.send_signal(signal.SIGINT)
            one.process.send_signal(signal.SIGINT)
            one.process.wait(15)
        assert [pid for pid in children if alive(pid)] == [], "a process was left behind"


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_everything_starts_with_one_command_and_ends_with_ctrl_c(start: Start) -> None:
    port = free_port()
    began = time.monotonic()
    everything = start(PORT=str(port))
    url = f"http://127.0.0.1:{port}"
    until(lambda: is_ready(url), "the page", within=60)
    took = time.monotonic() - began
    until(lambda: f"open {url}/" in everything.output, "the address")
    assert "/login#token=" in everything.output
    names = {line.split("|")[0].strip() for line in everything.output.splitlines()}
    assert "headway" in names and "web" in names
    children = everything.children()
    assert len(children) == 9, "redis, web, scheduler, two workers, one, and our own three"
    answer = requests.post(f"{url}/api/jobs", json={"task": "sum_numbers", "args": {"text": "12"}})
    job = f"{url}/api/jobs/{answer.json()['id']}"
    until(lambda: requests.get(job).json()["result"] == 3, "the result")
    everything.process.send_signal(signal.SIGINT)
    assert everything.process.wait(15) == 0
    assert not [pid for pid in children if alive(pid)]
    assert took < 15, f"reachable after {took:.1f} s"


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGKILL])
def test_nothing_is_left_when_its_terminal_or_itself_goes(number: signal.Signals, start: Start) -> None:
    port = free_port()
    everything = start(PORT=str(port), HEADWAY_GRACE="1")
    until(lambda: is_ready(f"http://127.0.0.1:{port}"), "the page", within=60)
    requests.post(f"http://127.0.0.1:{port}/api/jobs", json={"task": "background_work"})
    children = everything.children()
    everything.process.send_signal(number)
    everything.process.wait(15)
    until(lambda: not [pid for pid in children if alive(pid)], "their end")


def test_jobs_survive_a_restart(start: Start) -> None:
    """Of one in the oddest of places: any free port of IPv6, an ASCII terminal, started with nohup."""
    place = {"PORT": "0", "HOST": "::", "PYTHONSAFEPATH": "1", "PYTHONIOENCODING": "ascii", "HEADWAY_PROCESSES": "2"}
    first = start(HEADWAY_GRACE="0", hang_up=signal.SIG_IGN, HEADWAY_ORGINS="https://shop.example", **place)
    url = until(lambda: re.search(r"headway .*\| open (http://\[::1\]:[0-9]+)/\n", first.output), "the address", 60)[1]
    until(lambda: f"operators log in at {url}/login#token=" in first.output, "the link")
    assert "it listens on every address" in first.output and "did you mean HEADWAY_ORIGINS?" in first.output
    first.process.send_signal(signal.SIGHUP)
    url = url.replace("[::1]", "127.0.0.1")
    until(lambda: is_ready(url), "the page", within=60)
    id = requests.post(f"{url}/api/jobs", json={"task": "sum_numbers", "args": {"text": "12"}}).json()["id"]
    until(lambda: requests.get(f"{url}/api/jobs/{id}").json()["result"] == 3, "the result")
    until(lambda: first.output.count(f"listening on http://[::1]:{url.rpartition(':')[2]}") == 2, "both")
    long = requests.post(f"{url}/api/jobs", json={"task": "background_work"}).json()["id"]
    until(lambda: requests.get(f"{url}/api/jobs/{long}").json()["status"] == "started", "the other")
    for pid in (*first.children(), first.process.pid):  # as systemd asks a service to end
        os.kill(pid, signal.SIGTERM)
    assert first.process.wait(15) == 0
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    start(PORT=str(port))
    until(lambda: is_ready(url), "the page", within=60)
    assert requests.get(f"{url}/api/jobs/{id}").json()["result"] == 3
    until(lambda: requests.get(f"{url}/api/jobs/{long}").json()["status"] == "started", "the other's second attempt")
    assert requests.get(f"{url}/api/jobs/{long}").json()["attempt"] == 2


def test_a_killed_part_is_started_again(start: Start) -> None:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    everything = start(PORT=str(port))
    until(lambda: is_ready(url), "the page", within=60)
    parts = {part_of(pid): pid for pid in everything.children()}
    for name in ("web", "worker default"):
        os.kill(parts[name], signal.SIGKILL)
    until(lambda: everything.output.count("was killed by signal 9; it is started again") == 2, "the notes")
    until(lambda: is_ready(url), "the page again", within=60)
    assert len(until(lambda: everything.children() if len(everything.children()) == 9 else None, "all parts")) == 9


def test_what_a_file_registers_is_queued_again_and_again(start: Start) -> None:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    operator = {"Authorization": "Bearer let-me-in-to-all-of-it"}
    start(PORT=str(port), HEADWAY_CRON="examples/cron.py", HEADWAY_OPERATOR_TOKEN="let-me-in-to-all-of-it")
    until(lambda: is_ready(url), "the page", within=60)
    [cron] = until(lambda: requests.get(f"{url}/api/schedule", headers=operator).json()["cron"], "the scheduler")
    assert [entry["name"] for entry in cron["entries"]] == ["workers.jobs.text.sum_numbers", "words of the front page"]
    [job] = until(lambda: requests.get(f"{url}/api/jobs?status=finished", headers=operator).json()["jobs"], "its job")
    assert (job["task"], job["result"]) == ("sum_numbers", 15)


def variables_of(pid: int) -> dict[str, str]:
    text = Path(f"/proc/{pid}/environ").read_bytes().decode(errors="surrogateescape")
    return dict(line.split("=", 1) for line in text.split("\0") if line)


def part_of(pid: int) -> str:
    """web, worker default, redis, …"""
    words = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="surrogateescape").split("\0")
    if "realtime.server" in words:
        return "web"
    return " ".join([*words[3:4], *words[5:6]]) if "workers.main" in words else "redis"


def test_each_process_has_the_secrets_that_it_needs_and_no_others(start: Start, web_hook: WebHook) -> None:
    web = {"SECRET_KEY": "a key", "HEADWAY_OPERATOR_TOKEN": "let-me-in", "HEADWAY_VIEWER_TOKEN": "let-me-look"}
    news = {
        "HEADWAY_WEBHOOK_SECRET": "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3",
        "HEADWAY_SMTP_URL": "smtp://a:b@mail.test",
    }
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    others = {"HEADWAY_ALLOW_PRIVATE_FETCH": "1", "A_TASKS_OWN": "kept"}
    everything = start(PORT=str(port), HEADWAY_CRON="examples/cron.py", **web, **news, **others)
    until(lambda: is_ready(url), "the page", within=60)
    operator = {"Authorization": "Bearer let-me-in"}
    requests.post(f"{url}/api/jobs", json={"task": "background_work"})  # a horse
    submitted = {"task": "sum_numbers", "args": {"text": "1"}, "notify": {"webhook": web_hook.url}}
    requests.post(f"{url}/api/jobs", json=submitted, headers=operator).raise_for_status()
    until(lambda: web_hook.events, "the news")
    assert not web_hook.wrong
    found: dict[str, list[set[str]]] = {}
    secrets = {*web, *news}
    for pid in everything.children():
        with suppress(FileNotFoundError, ProcessLookupError):  # a horse that has ended meanwhile
            given, part = variables_of(pid), part_of(pid)
            found.setdefault(part, []).append(secrets & set(given))
            assert part == "redis" or given["A_TASKS_OWN"] == "kept"
            assert part != "redis" or set(given) <= {"PATH", "HOME"}
    assert len(found["worker default"]) == 3, "two workers and a horse"
    assert {part: set().union(*of_all) for part, of_all in found.items()} == {
        "redis": set(),
        "web": set(web),
        "scheduler": set(),
        "cron": set(),
        "worker default": set(),
        "worker bookInfoParser": set(),
        **{f"worker {queue}": set(news) for queue in ("headway", "headway-others", "headway-news")},
    }


def test_parts_run_alone(start: Start, redis: Redis, redis_url: str) -> None:
    port = free_port()
    web = start("web", PORT=str(port), REDIS_URL=redis_url)
    url = f"http://127.0.0.1:{port}"
    until(lambda: is_ready(url), "the page", within=60)
    assert len(web.children()) == 1
    worker = start("worker", "--queue", "default", "--name", "alone", REDIS_URL=redis_url)
    id = requests.post(f"{url}/api/jobs", json={"task": "sum_numbers", "args": {"text": "12"}}).json()["id"]
    until(lambda: requests.get(f"{url}/api/jobs/{id}").json()["worker"] == "alone", "the worker", within=60)
    assert len(worker.children()) >= 1


def failing(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "run.py", *arguments]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=30, check=False)


def test_a_taken_port_is_one_clear_line(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        answer = failing(PORT=port, HEADWAY_HOME=str(tmp_path))
    assert answer.returncode == WRONG and answer.stdout == ""
    assert answer.stderr.count("\n") == 1 and f":{port} can't be had" in answer.stderr and "set PORT" in answer.stderr


@pytest.mark.parametrize("part", ["all", "web", "worker", "scheduler"])
def test_an_unreachable_redis_is_one_clear_line(part: str, tmp_path: Path) -> None:
    url = f"redis://127.0.0.1:{free_port()}"
    answer = failing(part, PORT=str(free_port()), REDIS_URL=url, HEADWAY_HOME=str(tmp_path))
    assert answer.returncode == AWAY
    assert answer.stderr.count("\n") == 1 and "Redis can't be reached" in answer.stderr


def test_a_wrong_setting_is_one_clear_line(tmp_path: Path) -> None:
    answer = failing(PORT="many", HEADWAY_HOME=str(tmp_path))
    assert answer.returncode == WRONG and answer.stderr.count("\n") == 1
    assert "PORT: expected a whole number" in answer.stderr and "'many'" in answer.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ["worker", "--name", "one"],
        ["--name", "one"],
        ["worker", "--queue", "default", "--name", " "],
        ["worker", "--queue", "default", "--name", "a\nb"],
        ["worker", "--queue", "default", "--name", "\u202ea"],
        ["worker", "--queue", "default", "--name", "a" * 101],
    ],
)
def test_a_name_that_is_no_workers_is_refused(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as refused:
        run.main(arguments)
    assert refused.value.code == WRONG and "--name: expected" in capsys.readouterr().err


# stands for a web server whose imports take long: it waits for a file of the test, and goes on until it is ended
SLOW = """
import socket, sys, time
from pathlib import Path
while not Path(sys.argv[1]).exists():
    time.sleep(0.05)
taken, _ = socket.socket(fileno=int(sys.argv[2])).accept()
taken.sendall(b"HTTP/1.1 200 OK\\r\\n\\r\\n")
time.sleep(60)
"""


def test_the_address_is_printed_however_long_the_web_server_takes(
    said: Said, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "PATIENCE", 0.1)
    watchdog, mark = Watchdog("/"), tmp_path / "mark"
    supervisor = Supervisor(ROOT, os.environ, said.out)
    command = [sys.executable, "-c", SLOW, str(mark), str(watchdog.fileno())]
    supervisor.add("web", command, keep=(watchdog.fileno(),), watchdog=watchdog)
    settings = Settings.from_environment({"HOST": "0.0.0.0", "PORT": "8080", "HEADWAY_PREFIX": "/jobs"}, tmp_path)
    with ThreadPoolExecutor() as pool:
        waited = pool.submit(until, lambda: said.text.count("has not come up yet") > 1)
        waited.add_done_callback(lambda _: mark.touch())
        run.announce(supervisor, [watchdog], settings, Secrets("key", "token", made_up=True))
        waited.result()
    supervisor.stop()
    assert supervisor.run() == 0
    url = "http://127.0.0.1:8080/jobs/"
    everywhere = "it listens on every address of this machine"
    assert said.lines("headway")[-3:] == [f"open {url}", everywhere, f"operators log in at {url}login#token=token"]


def test_two_on_one_folder_are_refused(start: Start, home: Path) -> None:
    start("redis", PORT=str(free_port()))
    until((home / "redis.sock").exists, "the first one's server")
    answer = failing("redis", HEADWAY_HOME=str(home))
    assert answer.returncode == WRONG and "another Headway runs on" in answer.stderr


def test_data_that_a_power_loss_has_torn_is_mended_or_told_with_what_to_do(start: Start, home: Path) -> None:
    folder = home / "data" / "appendonlydir"
    folder.mkdir(parents=True)
    for part in (home, folder.parent, folder):
        part.chmod(0o700)
    (folder / "appendonly.aof.manifest").write_text("file appendonly.aof.1.incr.aof seq 1 type i\n")
    written = b"*2\r\n$6\r\nSELECT\r\n$1\r\n0\r\n*3\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\nb\r\n"
    (folder / "appendonly.aof.1.incr.aof").write_bytes(written + b"rubbish\r\n" + written)
    answer = failing("redis", HEADWAY_HOME=str(home))
    assert answer.returncode != 0 and "is damaged. Copy its folder;" in answer.stdout
    (folder / "appendonly.aof.1.incr.aof").write_bytes(written + bytes(100))
    running = start("redis")
    until(lambda: "100 zero bytes" in running.output, "the mending")
    connection = Redis.from_url(url_of(socket_path(home)))
    until(lambda: answers(connection), "the server")
    assert connection.get("a") == b"b"
    connection.close()


def answers(connection: Redis) -> bool:
    try:
        return bool(connection.ping())
    except RedisError:
        return False


@pytest.mark.parametrize(("url", "name"), [("", "headway:events"), ("redis://127.0.0.1:1/4", "headway:events:4")])
def test_the_channels_name_is_printed_without_a_server(url: str, name: str, tmp_path: Path) -> None:
    answer = failing("channel", REDIS_URL=url, HEADWAY_HOME=str(tmp_path))
    assert (answer.returncode, answer.stdout, answer.stderr) == (0, f"{name}\n", "")


def test_without_a_server_binary_it_says_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    answer = subprocess.run(
        [sys.executable, "-S", "-c", "import sys; sys.path.insert(0, '.'); import run; sys.exit(run.main(['redis']))"],
        cwd=ROOT,
        env={"PATH": str(tmp_path), "HEADWAY_HOME": str(tmp_path / "home")},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert answer.returncode != 0 and answer.stderr.count("\n") == 1
    assert "no server binary" in answer.stderr and "make run" in answer.stderr and "REDIS_URL" in answer.stderr


def test_a_short_secret_is_refused_where_others_can_connect_and_warned_of_where_they_can_not(start: Start) -> None:
    refused = start(PORT=str(free_port()), HOST="0.0.0.0", SECRET_KEY="short")
    assert refused.process.wait(20) == WRONG
    assert "SECRET_KEY has fewer than 16 characters" in refused.output and "token_urlsafe(32)" in refused.output
    port = free_port()
    warned = start(PORT=str(port), SECRET_KEY="short")
    until(lambda: is_ready(f"http://127.0.0.1:{port}"), "the page", within=60)
    assert "WARNING SECRET_KEY has fewer than 16 characters" in warned.output
