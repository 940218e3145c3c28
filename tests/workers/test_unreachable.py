"""One true sentence for each way in which REDIS_URL does not lead to a server that Headway can use."""

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from redis import Redis

from tests.conftest import free_port, start_redis, until
from tests.tls import Tls, certificate
from workers import main, store
from workers.errors import AWAY, WRONG

PASSWORD = "hunter2"
Ping = Callable[[str], str]
CLUSTER = {"cluster-enabled": "yes", "port": str(free_port()), "cluster-port": str(free_port())}


@pytest.fixture
def ping(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Ping:
    """What `workers.main ping` says of an address; '' where all is well."""

    def ask(url: str) -> str:
        monkeypatch.setenv("REDIS_URL", url)
        failed = main.main(["ping"])
        said = capsys.readouterr().err
        assert failed == (0 if not said else WRONG if said.startswith("REDIS_URL: ") else AWAY)
        assert said.count("\n") <= 1 and ".." not in said
        assert PASSWORD not in said
        return said.strip()

    return ask


class Server:
    """A server that wants a password, and speaks TLS at a port of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.plain = folder, free_port()
        for name in ("127.0.0.1", "elsewhere"):
            certificate(folder, name)
        self.authority = f"ssl_ca_certs={folder}/127.0.0.1.pem"
        self.process, self.socket = start_redis(folder, port=str(self.plain), requirepass=PASSWORD)
        self.tls = Tls(folder, self.socket.removeprefix("unix://"))

    def url(self, port: int, login: str = f":{PASSWORD}@", scheme: str = "redis", rest: str = "/0") -> str:
        return f"{scheme}://{login}127.0.0.1:{port}{rest}"

    def client(self) -> Redis:
        return store.connect(self.socket, password=PASSWORD)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    made = Server(tmp_path_factory.mktemp("guarded"))
    yield made
    made.tls.close()
    made.process.kill()
    made.process.wait()


def test_where_all_is_right_nothing_is_said(server: Server, ping: Ping) -> None:
    assert ping(server.url(server.plain)) == ""
    assert ping(server.url(server.tls.port, scheme="rediss", rest=f"/1?{server.authority}")) == ""
    assert ping(server.url(server.tls.port, scheme="rediss", rest="/1?ssl_cert_reqs=none")) == ""


@pytest.mark.parametrize("login", [f":x{PASSWORD}@", f"{PASSWORD}:x@", ":odd%zz%41@"])
def test_a_wrong_password_is_called_that(login: str, server: Server, ping: Ping) -> None:
    assert ping(server.url(server.plain, login)).startswith("REDIS_URL: this server refuses the user or the password.")


def test_a_missing_password_is_called_that(server: Server, ping: Ping) -> None:
    assert ping(server.url(server.plain, "")) == (
        "REDIS_URL: this server wants a password, as in redis://:password@host:6379/0"
    )


def test_a_password_too_many_is_called_that(redis_url: str, ping: Ping) -> None:
    url = redis_url.replace("unix://", f"unix://:{PASSWORD}@")
    assert ping(f"{url}?protocol=2").startswith("REDIS_URL: there is a password in it")


def test_a_database_that_is_not_there_is_called_that(server: Server, ping: Ping) -> None:
    assert "no database of that number" in ping(server.url(server.plain, rest="/99"))


def test_tls_where_there_is_none_and_none_where_it_is(server: Server, ping: Ping) -> None:
    assert "Does this port speak TLS? redis:// instead" in ping(server.url(server.plain, scheme="rediss"))
    assert "Does this port speak TLS? rediss:// instead" in ping(server.url(server.tls.port))


def test_a_certificate_that_is_not_trusted_is_called_that(server: Server, ping: Ping) -> None:
    other = f"/0?ssl_ca_certs={server.folder}/elsewhere.pem"
    for rest in ("/0", other):
        said = ping(server.url(server.tls.port, scheme="rediss", rest=rest))
        assert "certificate" in said and "?ssl_ca_certs=/path/ca.pem names the authority" in said


def test_a_certificate_that_is_wanted_is_called_that(server: Server, ping: Ping) -> None:
    server.tls.context.verify_mode = ssl.CERT_REQUIRED
    try:
        said = ping(server.url(server.tls.port, scheme="rediss", rest=f"/0?{server.authority}"))
        own = f"ssl_certfile={server.folder}/127.0.0.1.pem&ssl_keyfile={server.folder}/127.0.0.1.key"
        assert "certificate: ?ssl_certfile=" in said
        assert ping(server.url(server.tls.port, scheme="rediss", rest=f"/0?{server.authority}&{own}")) == ""
    finally:
        server.tls.context.verify_mode = ssl.CERT_NONE


def test_an_option_that_is_not_taken_is_not_repeated(redis_url: str, ping: Ping) -> None:
    assert ping(f"{redis_url}?{PASSWORD}x=1").startswith("REDIS_URL: expected options")
    said = ping(f"{redis_url}?unheard_of=1")
    assert said.startswith("REDIS_URL: expected options of these alone: ") and "unheard" not in said


def test_rights_that_are_lacking_are_named(server: Server, ping: Ping) -> None:
    client = server.client()
    client.execute_command(
        "ACL", "SETUSER", "some", "on", f">{PASSWORD}", "~*", "resetchannels", "+@all", "-@scripting"
    )
    client.execute_command("ACL", "SETUSER", "none", "on", f">{PASSWORD}", "~*", "+hello")
    client.close()
    said = ping(server.url(server.plain, f"some:{PASSWORD}@"))
    lacking = {"+eval", "+evalsha", "+script|exists", "+script|load", "&rq:pubsub:*", "&headway:events"}
    assert set(said.partition("this one lacks ")[2].split()) == lacking
    assert ping(server.url(server.plain, f"none:{PASSWORD}@")).startswith("REDIS_URL: the user lacks a right: ")


def test_a_replica_is_refused(server: Server, ping: Ping) -> None:
    client = server.client()
    client.replicaof("127.0.0.1", "1")
    try:
        assert ping(server.url(server.plain)).startswith("REDIS_URL: this server is a replica")
    finally:
        client.replicaof("NO", "ONE")
        client.close()


def test_a_cluster_is_refused(tmp_path: Path, ping: Ping) -> None:
    process, url = start_redis(tmp_path, **CLUSTER)  # type: ignore[arg-type]
    try:
        assert ping(url) == "REDIS_URL: Headway needs one Redis server by itself, and this one is in cluster mode"
    finally:
        process.kill()
        process.wait()


def test_a_server_that_says_nothing_is_not_reached(ping: Ping) -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        hung_up: list[socket.socket] = []
        threading.Thread(target=lambda: hung_up.append(mute.accept()[0]), daemon=True).start()
        said = ping(f"redis://127.0.0.1:{mute.getsockname()[1]}")
        assert said.startswith("Redis can't be reached: ") and said.endswith("is the server up?")
        until(lambda: hung_up, "the connection")
        hung_up[0].close()
