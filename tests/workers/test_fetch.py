"""Fetching: what is refused, what is followed, what is told on the way. The servers are real and local."""

import gzip
import random
import re
import socket
import ssl
import threading
import time
import traceback
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from urllib3.util import connection as urllib3_connection

from workers import fetch as fetch_module
from workers.errors import FetchError
from workers.fetch import Page, fetch

LIMIT = 20 * 1024 * 1024  # bytes, as the issue has it
HTML = {"Content-Type": "text/html"}
PUBLIC = "93.184.216.34"  # of nobody here: the fixture `network` leads it to 127.0.0.1


class Request(BaseHTTPRequestHandler):
    server: "Site"

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        self.server.answer(self)

    def log_message(self, format: str, *args: Any) -> None:
        pass  # the tests read `asked`


class Site(ThreadingHTTPServer):
    """A web server on 127.0.0.1 that answers every request with `answer`."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Request)
        self.answer: Callable[[Request], None] = page(b"<p>hello</p>")
        self.asked: list[str] = []  # paths, in the order they came
        self.closing = threading.Event()
        self.url = f"http://127.0.0.1:{self.server_port}"
        threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()

    def handle_error(self, request: Any, client_address: Any) -> None:
        pass  # a client that hangs up in the middle is what half of these tests are about

    def close(self) -> None:
        self.closing.set()
        self.shutdown()
        self.server_close()


def page(body: bytes, status: int = 200, headers: dict[str, str] = HTML) -> Callable[[Request], None]:
    """An answer without a Content-Length, unless `headers` has one: the end of the connection is its end."""

    def answer(request: Request) -> None:
        request.send_response(status)
        for name, value in headers.items():
            request.send_header(name, value)
        request.end_headers()
        request.wfile.write(body)

    return answer


def dripping(start: bytes) -> Callable[[Request], None]:
    """An answer that begins with `start` and then goes on byte by byte, for ever."""

    def answer(request: Request) -> None:
        request.wfile.write(start)
        while not request.server.closing.wait(0.05):
            request.wfile.write(b"x")

    return answer


def redirects(request: Request) -> None:
    """/5 leads to /4, …, /0 is a page."""
    left = int(request.path[1:])
    page(b"<p>there</p>", *((302, {"Location": f"/{left - 1}"}) if left else ()))(request)


@pytest.fixture
def sites() -> Iterator[Callable[[], Site]]:
    opened: list[Site] = []

    def open_one() -> Site:
        opened.append(Site())
        return opened[-1]

    yield open_one
    for site in opened:
        site.close()


@pytest.fixture
def site(sites: Callable[[], Site]) -> Site:
    return sites()


def get(url: str, told: list[tuple[int, int | None]] | None = None) -> Page:
    told = [] if told is None else told
    return fetch(url, allow_private=True, downloaded=lambda done, total: told.append((done, total)))


def get_public(url: str) -> Page:
    return fetch(url, downloaded=lambda done, total: None)


# -- where to


@pytest.mark.parametrize(
    "url",
    [
        "ftp://127.0.0.1/",
        "file:///etc/passwd",
        "gopher://127.0.0.1/",
        "javascript:alert(1)",
        "//127.0.0.1/",
        "127.0.0.1",
        "",
        "http://",
        "http:///path",
        "http://127.0.0.1:port/",
        "http://127.0.0.1:99999/",
        "http://[::1",
    ],
)
def test_only_web_addresses_are_fetched(url: str) -> None:
    with pytest.raises(FetchError, match=r"^expected a"):
        get(url)


class Network:
    """Names and connections as a test wants them. Nothing but 127.0.0.1 is ever reached."""

    def __init__(self) -> None:
        self.names: dict[str, list[str]] = {}  # name → its address at the first look-up, the second, …
        self.all: dict[str, list[str]] = {}  # name → its addresses
        self.connected: list[str] = []
        self._resolve = socket.getaddrinfo
        self._connect = urllib3_connection.create_connection

    def resolve(self, host: str, port: int, *args: Any, **options: Any) -> Any:
        if host in self.all:
            families = [socket.AF_INET6 if ":" in address else socket.AF_INET for address in self.all[host]]
            return [
                (family, socket.SOCK_STREAM, 6, "", (address, port))
                for family, address in zip(families, self.all[host], strict=True)
            ]
        if host in self.names:
            host = self.names[host].pop(0)
        if host.endswith(".test"):
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return self._resolve(host, port, *args, **options)

    def connect(self, address: tuple[str, int], *args: Any, **options: Any) -> socket.socket:
        self.connected.append(address[0])
        if address[0] != PUBLIC:
            raise ConnectionRefusedError(f"{address[0]} is out of bounds")
        return self._connect(("127.0.0.1", address[1]), *args, **options)


@pytest.fixture
def network(monkeypatch: pytest.MonkeyPatch) -> Network:
    network = Network()
    monkeypatch.setattr(socket, "getaddrinfo", network.resolve)
    monkeypatch.setattr(urllib3_connection, "create_connection", network.connect)
    return network


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.255.255.254",
        "localhost",
        "LOCALHOST",
        "2130706433",
        "0x7f000001",
        "0177.0.0.1",
        "127.1",
        "0",
        "0.0.0.0",
        "0.1.2.3",
        "10.0.0.1",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.0.1",
        "169.254.169.254",
        "2852039166",
        "100.64.0.1",
        "100.127.255.254",
        "224.0.0.1",
        "239.255.255.250",
        "255.255.255.255",
        "me@127.0.0.1",
        "127.0.1",
        "0x7f.1",
        "0x7f.0.0.1",
        "017700000001",
        "0300.0250.1.1",
        "0xa9fea9fe",
        "0251.0376.0251.0376",
        "0xa000001",
        "3232235777",
        "1681915905",
        "127.0.0.1.",
        "192.0.0.1",
        "192.88.99.1",
        "198.18.0.1",
        "203.0.113.1",
        "240.0.0.1",
    ],
)
def test_addresses_that_are_not_public_are_refused_before_a_connection(
    host: str, scheme: str, network: Network
) -> None:
    with pytest.raises(FetchError, match="expected a public address"):
        get_public(f"{scheme}://{host}:8080/")
    assert network.connected == []


@pytest.mark.parametrize(
    "address",
    [
        "::1",
        "::",
        "fe80::1",
        "fc00::1",
        "ff02::1",
        "::ffff:127.0.0.1",
        "::ffff:7f00:1",
        "::ffff:10.0.0.1",
        "::ffff:169.254.169.254",
        "::ffff:100.64.0.1",
        "::ffff:0.0.0.0",
        "::ffff:224.0.0.1",
        "64:ff9b::7f00:1",
        "64:ff9b:1::7f00:1",
        "::7f00:1",
        "::127.0.0.1",
        "::ffff:0:7f00:1",
        "::ffff:0:127.0.0.1",
        "fec0::1",
        "fd00::1",
        "fe80::1%25lo",
        "2002:7f00:1::1",
        "2001:0:101:101:0:ffff:80ff:fffe",
        "2001:db8::1",
        "2606:4700::5efe:127.0.0.1",
    ],
)
def test_addresses_of_ipv6_that_are_not_public_are_refused_too(address: str, network: Network) -> None:
    with pytest.raises(FetchError, match="expected a public address"):
        get_public(f"http://[{address}]:8080/")
    assert network.connected == []


@pytest.mark.parametrize("addresses", [["127.0.0.1"], [PUBLIC, "10.0.0.1"], ["fec0::1"], [PUBLIC, "::ffff:0:7f00:1"]])
def test_a_name_that_leads_into_our_network_is_refused(addresses: list[str], network: Network, site: Site) -> None:
    network.all["public.test"] = addresses
    with pytest.raises(FetchError, match="expected a public address"):
        get_public(f"http://public.test:{site.server_port}/")
    assert (network.connected, site.asked) == ([], [])


def test_names_that_our_network_knows_read_like_those_that_it_does_not(network: Network) -> None:
    network.all["known.test"] = ["10.1.2.3"]
    told = set()
    for url in ("http://known.test/", "http://unknown.test/", f"http://{'a' * 70}.test/", "http://10.1.2.4/"):
        with pytest.raises(FetchError) as refused:
            get_public(url)
        traceback_of = traceback.format_exception(refused.value)
        assert not re.search(r"\.test|10\.1\.2", "".join(traceback_of[1:])), "the owner sees all of it"
        told.add("".join(traceback_of))
    assert len(told) == 1


def test_the_address_that_was_checked_is_the_one_connected_to(network: Network, site: Site) -> None:
    network.names["public.test"] = [PUBLIC, "127.0.0.1", "127.0.0.1"]
    assert "hello" in get_public(f"http://public.test:{site.server_port}/").text
    assert network.connected == [PUBLIC]


def test_certificate_and_host_are_of_the_name_and_not_of_the_address(network: Network, tmp_path: Path) -> None:
    named = []
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate("public.test", tmp_path))
    context.sni_callback = lambda connection, name, context: named.append(name)
    network.names["public.test"] = [PUBLIC]
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def shake_hands() -> None:
            with suppress(OSError):  # the other side does not trust us
                context.wrap_socket(listening.accept()[0], server_side=True).close()

        threading.Thread(target=shake_hands, daemon=True).start()
        with pytest.raises(FetchError, match="self-signed certificate"):
            get_public(f"https://public.test:{listening.getsockname()[1]}/")
    assert (named, network.connected) == (["public.test"], [PUBLIC])


def certificate(name: str, folder: Path) -> Path:
    """A file with a key and a certificate that it signs itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    today = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(today - timedelta(days=1))
        .not_valid_after(today + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    file = folder / "certificate.pem"
    plain = serialization.NoEncryption()
    file.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
        + signed.public_bytes(serialization.Encoding.PEM)
    )
    return file


@pytest.mark.parametrize("target", ["http://127.0.0.1:{port}/", "http://private.test:{port}/", "//localhost:{port}/"])
def test_a_public_page_cannot_lead_into_our_network(target: str, network: Network, site: Site) -> None:
    network.names = {"public.test": [PUBLIC], "private.test": ["127.0.0.1"]}
    site.answer = page(b"", 302, {"Location": target.format(port=site.server_port)})
    with pytest.raises(FetchError, match="expected a public address"):
        get_public(f"http://public.test:{site.server_port}/door")
    assert (network.connected, site.asked) == ([PUBLIC], ["/door"])


def test_a_redirect_to_another_scheme_is_refused(site: Site) -> None:
    site.answer = page(b"", 302, {"Location": "file:///etc/passwd"})
    with pytest.raises(FetchError, match="starts with http:// or https://"):
        get(site.url)


def test_a_redirect_to_nonsense_is_refused(site: Site) -> None:
    site.answer = page(b"", 302, {"Location": "http://[half"})
    with pytest.raises(FetchError):
        get(site.url)


def test_a_redirect_may_be_written_in_utf_8(site: Site) -> None:
    def answer(request: Request) -> None:
        if request.path == "/":
            request.wfile.write("HTTP/1.0 302 Found\r\nLocation: /caf\u00e9\r\n\r\n".encode())
        else:
            page(b"<p>there</p>")(request)

    site.answer = answer
    assert get(site.url + "/").url == site.url + "/caf%C3%A9"
    assert site.asked == ["/", "/caf%C3%A9"]


def test_five_redirects_are_followed(site: Site) -> None:
    site.answer = redirects
    found = get(f"{site.url}/5")
    assert (found.url, found.text) == (f"{site.url}/0", "<p>there</p>")
    assert site.asked == ["/5", "/4", "/3", "/2", "/1", "/0"]


def test_the_sixth_redirect_is_refused(site: Site) -> None:
    site.answer = redirects
    with pytest.raises(FetchError, match="at most 5 redirects"):
        get(f"{site.url}/6")
    assert "/0" not in site.asked


@pytest.mark.parametrize("variable", ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"])
def test_proxies_from_the_environment_are_ignored(
    variable: str, sites: Callable[[], Site], monkeypatch: pytest.MonkeyPatch
) -> None:
    site, proxy = sites(), sites()
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(variable, proxy.url)
    get(site.url + "/page")
    assert (site.asked, proxy.asked) == (["/page"], [])


def test_a_server_that_is_not_there_is_an_error_that_says_so() -> None:
    with socket.socket() as bound:  # and not listening
        bound.bind(("127.0.0.1", 0))
        with pytest.raises(FetchError, match=r"could not be fetched.*refused"):
            get(f"http://127.0.0.1:{bound.getsockname()[1]}/")


# -- what comes back


@pytest.mark.parametrize("status", [202, 204, 304, 404, 500])
def test_only_status_200_is_a_page(status: int, site: Site) -> None:
    site.answer = page(b"<p>sorry</p>" if status >= 400 else b"", status)
    with pytest.raises(FetchError, match=f"expected status 200, got {status}"):
        get(site.url)


@pytest.mark.parametrize("content_type", ["application/json", "image/png", "text/plain; charset=utf-8", "text/htmlx"])
def test_what_is_not_html_is_refused(content_type: str, site: Site) -> None:
    site.answer = page(b"<p>hello</p>", headers={"Content-Type": content_type})
    with pytest.raises(FetchError, match=f"expected an HTML page, got {content_type}"):
        get(site.url)


@pytest.mark.parametrize("content_type", ["text/html", "Text/HTML ;charset=utf-8", "application/xhtml+xml", None])
def test_html_is_html_however_it_is_spelled(content_type: str | None, site: Site) -> None:
    site.answer = page(b"<p>hello</p>", headers={"Content-Type": content_type} if content_type else {})
    assert get(site.url).text == "<p>hello</p>"


META = '<meta charset="{0}"><p>{1}'
OLD_META = '<meta http-equiv="Content-Type" content="text/html; charset={0}"><p>{1}'


@pytest.mark.parametrize(
    ("content_type", "text", "encoding"),
    [
        ("text/html; charset=utf-8", "<p>Grüße", "utf-8"),
        ("text/html; charset=ISO-8859-1", "<p>Grüße", "iso-8859-1"),
        ('text/html; charset="windows-1251"; x=y', "<p>Привет", "windows-1251"),
        # the header knows better than the page
        ("text/html; charset=windows-1251", META.format("koi8-r", "Привет"), "windows-1251"),
        ("text/html", META.format("windows-1251", "Привет"), "windows-1251"),
        ("text/html", OLD_META.format("shift_jis", "こんにちは"), "shift_jis"),
        ("text/html", "<p>Grüße, Привет, こんにちは", "utf-8"),
        ("text/html", "<p>Grüße, Привет, こんにちは", "utf-16"),  # with a byte order mark
        ("text/html; charset=no-such", "<p>Grüße", "utf-8"),
        ("text/html", "", "utf-8"),
    ],
)
def test_the_charset_is_honoured(content_type: str, text: str, encoding: str, site: Site) -> None:
    body = text.encode(encoding)
    site.answer = page(body, headers={"Content-Type": content_type})
    found = get(site.url)
    assert (found.text, found.size) == (text, len(body))


def test_bytes_that_fit_no_charset_are_a_page_all_the_same(site: Site) -> None:
    site.answer = page(b"<p>one \xff\xfe\x81 two</p>", headers={"Content-Type": "text/html; charset=utf-8"})
    words = get(site.url).text.removeprefix("<p>").removesuffix("</p>").split()
    assert (words[0], words[-1]) == ("one", "two")


@pytest.mark.parametrize("compressed", [False, True])
def test_twenty_megabytes_are_fetched_and_not_a_byte_more(compressed: bool, site: Site) -> None:
    def answer(size: int) -> Callable[[Request], None]:
        body = b"x" * size
        return page(gzip.compress(body, 1), headers={**HTML, "Content-Encoding": "gzip"}) if compressed else page(body)

    site.answer = answer(LIMIT)
    assert get(site.url).size == LIMIT
    site.answer = answer(LIMIT + 1)
    with pytest.raises(FetchError, match=f"expected at most {LIMIT} bytes"):
        get(site.url)


def deflated(body: bytes, bits: int) -> bytes:
    pack = zlib.compressobj(wbits=bits)
    return pack.compress(body) + pack.flush()


WORDS = b"<p>" + b"".join(b"%d " % (number * 7919) for number in range(20_000))
ZIPPED = gzip.compress(WORDS)


@pytest.mark.parametrize(
    ("coding", "body"),
    [
        ("gzip", ZIPPED),
        ("X-GZip", ZIPPED),
        ("gzip", gzip.compress(WORDS[:9]) + gzip.compress(WORDS[9:])),
        # browsers don't look at what follows
        ("gzip", ZIPPED + b"\0" * 512),
        ("gzip", ZIPPED + b"rubbish"),
        ("deflate", deflated(WORDS, zlib.MAX_WBITS)),
        ("deflate", deflated(WORDS, -zlib.MAX_WBITS)),
        ("deflate, gzip", gzip.compress(deflated(WORDS, zlib.MAX_WBITS))),
        ("identity", WORDS),
        ("", WORDS),
    ],
)
@pytest.mark.parametrize("framed", [False, True])
def test_a_body_is_unpacked_as_its_coding_says(framed: bool, coding: str, body: bytes, site: Site) -> None:
    answer = chunked if framed else page
    site.answer = answer(body, headers={**HTML, "Content-Encoding": coding})
    assert get(site.url).text == WORDS.decode()


@pytest.mark.parametrize(
    ("coding", "body", "sentence"),
    [
        ("br", b"\x0b\x02\x80<p>\x03", "expected a Content-Encoding of gzip or deflate, got 'br'"),
        ("zstd", b"\x28\xb5\x2f\xfd", "gzip or deflate, got 'zstd'"),
        ("gzip, br", ZIPPED, "gzip or deflate, got 'br'"),
        ("compress", WORDS, "gzip or deflate, got 'compress'"),
        ("gzip, gzip, gzip, gzip", ZIPPED, "at most 3 content codings, got 4"),
        ("gzip", ZIPPED[: len(ZIPPED) // 2], "gzip data end too early"),
        ("gzip", ZIPPED[:-1], "gzip data end too early"),
        ("gzip", b"", "gzip data end too early"),
        ("deflate", deflated(WORDS, zlib.MAX_WBITS)[:-5], "deflate data end too early"),
        ("gzip, gzip", gzip.compress(ZIPPED[:300]), "gzip data end too early"),
        ("gzip", ZIPPED[:50] + bytes(9) + ZIPPED[59:], "expected gzip data, as the Content-Encoding says"),
        ("gzip", WORDS, "expected gzip data, as the Content-Encoding says"),
        ("deflate", WORDS, "expected deflate data, as the Content-Encoding says"),
        ("", ZIPPED, "expected an HTML page, got gzip data without a Content-Encoding"),
        ("gzip", gzip.compress(ZIPPED), "expected an HTML page, got gzip data without a Content-Encoding"),
        ("", b"\x28\xb5\x2f\xfd<p>", "got zstd data without"),
    ],
)
def test_a_body_that_cannot_be_unpacked_is_refused_with_a_sentence(
    coding: str, body: bytes, sentence: str, site: Site
) -> None:
    site.answer = page(body, headers={**HTML, "Content-Encoding": coding})
    with pytest.raises(FetchError, match=sentence):
        get(site.url)


def test_servers_are_asked_for_what_can_be_unpacked(site: Site) -> None:
    asked: list[str] = []

    def answer(request: Request) -> None:
        asked.extend(request.headers.get_all("Accept-Encoding", []))
        page(b"<p>hello")(request)

    site.answer = answer
    get(site.url)
    assert asked == ["gzip, deflate"]


def test_a_body_that_ends_too_early_is_refused(site: Site) -> None:
    site.answer = page(b"<p>half", headers={**HTML, "Content-Length": "100"})
    with pytest.raises(FetchError, match="could not be fetched"):
        get(site.url)


@pytest.mark.parametrize("charset", ["punycode", "PUNY-CODE", "-_punycode_", "idna"])
def test_a_codec_that_is_no_charset_is_not_used(charset: str, site: Site) -> None:
    text = "xn--" + "a0" * 1000  # each would read it as other letters
    site.answer = page(text.encode(), headers={"Content-Type": f"text/html; charset={charset}"})
    assert get(site.url).text == text
    site.answer = page(f"<meta charset={charset}>{text}".encode())
    assert get(site.url).text.endswith(text)


def test_no_header_breaks_a_fetch(site: Site) -> None:
    """Whatever a server says: a page, or a FetchError."""
    pick = random.Random(1)
    odd = ["9" * 5000, "-1", "1e9", "\xb2", "\xff\xfe", "\x00", "[", "//[::", ":", "%", "\t", "text/html", "charset="]
    names = ["Content-Length", "Content-Type", "Location", "Content-Encoding", "Retry-After", "Set-Cookie"]
    for _ in range(100):
        headers = {name: "".join(pick.choices(odd, k=pick.randint(1, 3))) for name in pick.sample(names, 3)}
        site.answer = raw(pick.choice([200, 200, 301, 304, 404]), headers)
        with suppress(FetchError):
            assert "hello" in get(site.url).text


def raw(status: int, headers: dict[str, str]) -> Callable[[Request], None]:
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())

    def answer(request: Request) -> None:
        request.wfile.write(f"HTTP/1.0 {status} {'reason ' * 50}\r\n{head}\r\n<p>hello</p>".encode("latin-1"))

    return answer


# -- progress


BODY = b"<p>" + b"word " * 100_000
PACKED = gzip.compress(BODY)


def chunked(body: bytes, headers: dict[str, str]) -> Callable[[Request], None]:
    parts = [body[start : start + 50_000] for start in range(0, len(body), 50_000)]
    framed = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in [*parts, b""])

    def answer(request: Request) -> None:
        request.protocol_version = "HTTP/1.1"
        request.close_connection = True
        page(framed, headers={**headers, "Transfer-Encoding": "chunked"})(request)

    return answer


@pytest.mark.parametrize(
    ("answer", "wire", "total"),
    [
        (page(BODY, headers={**HTML, "Content-Length": str(len(BODY))}), len(BODY), len(BODY)),
        (page(BODY), len(BODY), None),
        (chunked(BODY, HTML), len(BODY), None),
        (page(BODY, headers={**HTML, "Content-Length": "many"}), len(BODY), None),
        (page(BODY, headers={**HTML, "Content-Length": "many, 9"}), len(BODY), None),
        # bytes over the wire, so that the bar ends at Content-Length
        (
            page(PACKED, headers={**HTML, "Content-Length": str(len(PACKED)), "Content-Encoding": "gzip"}),
            len(PACKED),
            len(PACKED),
        ),
    ],
    ids=["content-length", "none", "chunked", "no number", "odd numbers", "gzip"],
)
def test_the_download_is_told_as_it_goes(
    answer: Callable[[Request], None], wire: int, total: int | None, site: Site
) -> None:
    site.answer = answer
    told: list[tuple[int, int | None]] = []
    assert get(site.url, told).size == len(BODY)
    assert (told[0], told[-1]) == ((0, total), (wire, total))
    assert told == sorted(told, key=lambda pair: pair[0])
    assert {length for _, length in told} == {total}


# -- time


@pytest.fixture
def one_second(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetch_module, "TIME_LIMIT", 1.0)


def assert_cut_after_a_second(url: str) -> None:
    began = time.monotonic()
    # beside the test, so that a fetch without end is a failure and not a test without end
    fetched = ThreadPoolExecutor(1).submit(get, url)
    with pytest.raises(FetchError, match="expected the page within 1 s"):
        fetched.result(timeout=5)
    assert 0.9 < time.monotonic() - began < 3


OK = b"HTTP/1.0 200 OK\r\nContent-Type: text/html\r\n"


@pytest.mark.parametrize(
    "start",
    [b"", OK + b"X-Drip: ", OK + b"\r\n<p>", OK + b"Content-Length: 1000000\r\n\r\n<p>"],
    ids=["status line", "headers", "body", "body with a length"],
)
def test_a_server_that_drips_is_cut(start: bytes, site: Site, one_second: None) -> None:
    site.answer = dripping(start)
    assert_cut_after_a_second(site.url)


def test_a_redirect_that_drips_gets_no_time_for_its_target(site: Site, one_second: None) -> None:
    # cut in its headers it is a redirect still, and its target would drip on a new connection
    site.answer = dripping(b"HTTP/1.0 302 Found\r\nLocation: /again\r\nX-Drip: ")
    assert_cut_after_a_second(site.url)


def test_the_body_of_a_redirect_is_not_waited_for(site: Site, one_second: None) -> None:
    endless, there = dripping(b"HTTP/1.0 302 Found\r\nLocation: /there\r\n\r\n"), page(b"<p>there</p>")
    site.answer = lambda request: (there if request.path == "/there" else endless)(request)
    assert get(site.url).text == "<p>there</p>"


def test_a_server_that_never_shakes_hands_is_cut(one_second: None) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        assert_cut_after_a_second(f"https://127.0.0.1:{silent.getsockname()[1]}/")


def test_a_page_in_time_is_not_cut(site: Site, one_second: None) -> None:
    assert get(site.url).text == "<p>hello</p>"
