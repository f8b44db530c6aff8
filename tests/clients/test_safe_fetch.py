"""Fetching for code that nobody trusts: where it may go, what it may cost, and what a refusal may say."""

from __future__ import annotations

import gzip
import ipaddress
import socket
import ssl
import threading
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from helpers.raw_server import CERTIFICATE, HOST, Act, RawServer, head, redirect, repeat, send, send_raw, stall
from hypothesis import given
from hypothesis import strategies as st

from ceos.clients.http import safe_fetch
from ceos.clients.http.abandonable import AbandonableCall
from ceos.clients.http.safe_fetch import FetchedPage
from ceos.clients.http.ssrf import Place, check_host, host_name, is_public, look_up, read_address, without_secrets
from ceos.errors import HostRefused


def fetch(
    server: RawServer,
    url: str = f"http://{HOST}/feed",
    *,
    seconds: float = 5.0,
    max_bytes: int = 10_000,
    **options: Any,
) -> FetchedPage:
    """Fetch with every name leading to the server."""
    options.setdefault("hosts", [HOST])
    options.setdefault("resolve", lambda host, port: [server.place])
    options.setdefault("is_allowed_address", lambda address: address == "127.0.0.1")
    return safe_fetch.get(url, max_bytes=max_bytes, deadline=time.monotonic() + seconds, **options)


@contextmanager
def refused(words: str) -> Iterator[None]:
    """Expect a refusal of one sentence with these words, which tells nothing of our network."""
    with pytest.raises(HostRefused) as caught:
        yield
    sentence = str(caught.value)
    assert words in sentence
    assert sentence.endswith(".")
    assert "127.0.0.1" not in sentence
    assert caught.value.__cause__ is None


def test_a_page_is_fetched_by_name() -> None:
    with RawServer(send("Grüße".encode(), "Content-Type: text/plain; charset=utf-8")) as server:
        page = fetch(server, f"http://{HOST.upper()}.:80/a b".replace(" ", "%20") + "/ü?q=ä&x=[1]#part")
    assert page == FetchedPage(
        200, f"http://{HOST}/a%20b/%C3%BC?q=%C3%A4&x=[1]", "text/plain; charset=utf-8", "Grüße".encode()
    )
    lines = server.requests[0].split("\r\n")
    assert lines[0] == "GET /a%20b/%C3%BC?q=%C3%A4&x=[1] HTTP/1.1"
    assert sorted(line.split(":")[0] for line in lines[1:] if line) == [
        *("Accept", "Accept-Encoding", "Connection", "Host", "User-Agent")
    ]
    assert f"Host: {HOST}" in lines


@pytest.mark.parametrize("status", ["404 Not Found", "204 No Content", "304 Not Modified", "500 Oh"])
def test_any_status_is_an_answer(status: str) -> None:
    with RawServer(send(b"", status=status)) as server:
        assert fetch(server).status == int(status[:3])


# --- what an address may be ---


@pytest.mark.parametrize(
    ("url", "words"),
    [
        pytest.param("ftp://feeds.example.org/", "only http and https", id="another scheme"),
        pytest.param("file:///etc/passwd", "only http and https", id="a file"),
        pytest.param("gopher://feeds.example.org/", "only http and https", id="an old scheme"),
        pytest.param("//feeds.example.org/", "only http and https", id="no scheme"),
        pytest.param("feeds.example.org", "only http and https", id="a bare name"),
        pytest.param("", "only http and https", id="nothing"),
        pytest.param("http://ada:pw@feeds.example.org/", "carries a login", id="a login"),
        pytest.param("http://feeds.example.org@10.0.0.1/", "carries a login", id="a name as login"),
        pytest.param("http://@feeds.example.org/", "carries a login", id="an empty login"),
        pytest.param("http://feeds.example.org:8080/", "port 80 only", id="another port"),
        pytest.param("https://feeds.example.org:80/", "port 443 only", id="the other scheme's port"),
        pytest.param("http://feeds.example.org:0/", "port 80 only", id="port zero"),
        pytest.param("http://feeds.example.org:99999/", "cannot be read", id="no port"),
        pytest.param("http://feeds.example.org:x/", "cannot be read", id="a port of letters"),
        pytest.param("http://feeds.example.org\\@10.0.0.1/", "a backslash", id="a backslash"),
        pytest.param("http://feeds.example.org/\r\nHost: evil", "a control character", id="a line break"),
        pytest.param("http://feeds.example.org/a b", "a blank", id="a blank"),
        pytest.param("http://feeds.example.org/\tx", "a control character", id="a tab"),
        pytest.param("http://feeds.example.org/\x00", "a control character", id="a zero"),
        pytest.param("http://feeds.example.org/" + "x" * 2048, "longer than 2048 bytes", id="too long"),
        pytest.param("http://[::1/", "cannot be read", id="half a bracket"),
        pytest.param("http://feeds.example.org/\ud800", "cannot be read", id="half a surrogate pair"),
        pytest.param("http://feeds.example.org℀/", "cannot be read", id="a sign that becomes a slash"),
    ],
)
def test_an_address_that_is_not_plain_is_refused(url: str, words: str) -> None:
    with refused(words):
        read_address(url)


@pytest.mark.parametrize(
    "host",
    [
        *("127.0.0.1", "127.1", "2130706433", "0x7f000001", "0x7f.1", "0177.0.0.1", "017700000001", "0", "1"),
        *("127.0.0.1.", "[::1]", "[::ffff:127.0.0.1]", "[fe80::1%25eth0]", "[::]", "169.254.169.254", "127.0.0.0x1"),
        *("１２７.０.０.１", "127。0。0。1", "①②⑦.0.0.1", "8.8.8.8", "%31%32%37.0.0.1", "feeds.example.org%00"),
        *("localhost", "localhost.", "redis", "metadata", "", ".", "..", "a..b.org", "feeds.example.org..", "-a.org"),
        *("a-.org", "*.example.org", "feeds.example.0x1", "a" * 64 + ".org", "a." * 130 + "org", "ex ample.org"),
        *("feeds_.example.o_g", "xn--\u00fc.org"),
    ],
)
def test_what_is_not_the_full_name_of_a_host_is_refused(host: str) -> None:
    with pytest.raises(HostRefused):
        read_address(f"http://{host}/")


@given(st.integers(0, 2**32 - 1), st.sampled_from(["{0}", "0x{0:x}", "0{0:o}", "0x{0:X}."]))
def test_no_number_is_a_host(number: int, notation: str) -> None:
    assert host_name(notation.format(number)) is None


@given(st.lists(st.integers(0, 255), min_size=2, max_size=4), st.lists(st.sampled_from("dxo"), min_size=4, max_size=4))
def test_no_row_of_numbers_is_a_host(numbers: list[int], notations: list[str]) -> None:
    forms = {"d": "{}", "x": "0x{:x}", "o": "0{:o}"}
    host = ".".join(forms[form].format(number) for number, form in zip(numbers, notations, strict=False))
    assert host_name(host) is None


@given(st.text())
def test_any_text_is_an_address_or_refused(text: str) -> None:
    try:
        address = read_address(text)
    except HostRefused:
        return
    assert host_name(address.host) == address.host
    assert address.url.isascii()
    assert address.url.isprintable()


@given(st.text())
def test_a_name_is_normal_after_one_time(text: str) -> None:
    name = host_name(text)
    assert name is None or host_name(name) == name


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("Feeds.Example.ORG", "feeds.example.org"),
        ("feeds.example.org.", "feeds.example.org"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("BÜCHER.example", "xn--bcher-kva.example"),
        ("ｆｅｅｄｓ．example．org", "feeds.example.org"),
        ("feeds。example。org", "feeds.example.org"),
        ("straße.example", "xn--strae-oqa.example"),
        ("_dmarc.example.org", "_dmarc.example.org"),
    ],
)
def test_a_name_has_one_normal_form(host: str, name: str) -> None:
    assert host_name(host) == name


@pytest.mark.parametrize(
    ("host", "is_allowed"),
    [
        ("api.example.org", True),
        ("API.example.org.", True),
        ("example.org", False),
        ("x.api.example.org", False),
        ("evilapi.example.org", False),
        ("a.example.net", True),
        ("a.b.example.net", True),
        ("example.net", False),
        ("evilexample.net", False),
        ("a.example.net.evil.org", False),
        ("xn--bcher-kva.example", True),
        ("bücher.example", True),
        ("bucher.example", False),
    ],
)
def test_a_host_is_allowed_by_its_name_or_by_the_name_above(host: str, is_allowed: bool) -> None:
    name = host_name(host)
    assert name is not None
    try:
        check_host(name, ["api.example.org", "*.example.net", "Bücher.example.", "*", "*.", ""])
    except HostRefused as refusal:
        assert not is_allowed
        assert name in str(refusal)
        assert "api.example.org" in str(refusal)
    else:
        assert is_allowed


def test_a_host_that_is_not_allowed_is_not_even_looked_up() -> None:
    def resolve(host: str, port: int) -> list[Place]:
        pytest.fail("looked up")

    with RawServer(send()) as server, refused("evil.example.org is not one of the hosts"):
        fetch(server, "http://evil.example.org/", resolve=resolve)


@pytest.mark.parametrize(
    ("url", "recorded"),
    [
        ("https://ada:pw@feeds.example.org/a?key=hush#x", "https://feeds.example.org/a"),
        ("https://a@b@feeds.example.org/a@b", "https://feeds.example.org/a@b"),
        ("http://10.0.0.1?x@y", "http://10.0.0.1"),
        ("no address " + "x" * 999, "no address " + "x" * 189),
    ],
)
def test_a_record_tells_no_login_and_no_query(url: str, recorded: str) -> None:
    assert without_secrets(url) == recorded


# --- where a name may lead ---

PUBLIC = ["8.8.8.8", "1.1.1.1", "100.63.255.255", "100.128.0.0", "172.15.0.1", "172.32.0.1", "223.255.255.255"]
PUBLIC += ["2606:4700:4700::1111", "2a00:1450::1", "64:ff9b::8.8.8.8"]

PRIVATE = {
    "0.0.0.0": "this host",
    "0.1.2.3": "this network",
    "10.0.0.1": "private",
    "100.64.0.1": "behind a carrier's gateway",
    "100.100.100.200": "a cloud's metadata",
    "127.0.0.1": "loopback",
    "127.255.255.254": "loopback",
    "168.63.129.16": "a cloud's own, though global",
    "169.254.169.254": "a cloud's metadata",
    "172.16.0.1": "private",
    "172.31.255.255": "private",
    "192.0.0.8": "protocol assignments",
    "192.0.0.192": "a cloud's metadata",
    "192.0.2.1": "documentation",
    "192.88.99.1": "6to4 relays",
    "192.168.1.1": "private",
    "198.18.0.1": "benchmarks",
    "198.51.100.1": "documentation",
    "203.0.113.1": "documentation",
    "224.0.0.1": "multicast",
    "239.255.255.250": "multicast",
    "240.0.0.1": "reserved",
    "255.255.255.255": "broadcast",
    "::": "unspecified",
    "::1": "loopback",
    "::8.8.8.8": "IPv4-compatible",
    "::ffff:10.0.0.1": "IPv4-mapped",
    "::ffff:8.8.8.8": "IPv4-mapped, of which there is no need",
    "::ffff:0:10.0.0.1": "IPv4-translated",
    "64:ff9b::10.0.0.1": "NAT64 of a private address",
    "64:ff9b::169.254.169.254": "NAT64 of a cloud's metadata",
    "64:ff9b:1::1": "NAT64 of local use",
    "100::1": "discarded",
    "2001::1": "Teredo",
    "2001:0:4136:e378:8000:63bf:3fff:fdd2": "Teredo",
    "2001:db8::1": "documentation",
    "2002:a00:1::": "6to4 of a private address",
    "2002:808:808::": "6to4",
    "3fff::1": "documentation",
    "4000::1": "not given out",
    "5f00::1": "segment routing",
    "fc00::1": "unique local",
    "fd00:ec2::254": "a cloud's metadata",
    "fe80::1": "link-local",
    "fe80::1%eth0": "link-local with a zone",
    "2606:4700:4700::1111%1": "a zone",
    "fec0::1": "site-local",
    "ff02::1": "multicast",
    "": "nothing",
    "localhost": "a name",
    "127.1": "short",
    "2130706433": "a number",
}


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_address_is_allowed(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize("address", PRIVATE, ids=lambda address: f"{address} {PRIVATE[address]}")
def test_an_address_that_is_not_public_is_not(address: str) -> None:
    assert not is_public(address)


@given(st.ip_addresses())
def test_only_global_unicast_addresses_are_public(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> None:
    if is_public(str(address)):
        assert address.is_global
        assert not address.is_multicast


@given(st.ip_addresses(v=4))
def test_an_address_within_an_address_is_no_more_public_than_itself(address: ipaddress.IPv4Address) -> None:
    number = int(address)
    assert is_public(str(ipaddress.IPv6Address((0x64FF9B << 96) | number))) == is_public(str(address))
    for hidden in (number, (0xFFFF << 32) | number, (0x2002 << 112) | (number << 80), (0x20010000 << 96) | number):
        assert not is_public(str(ipaddress.IPv6Address(hidden)))


def test_the_tables_of_special_addresses_are_all_refused() -> None:
    for network in map(
        ipaddress.ip_network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7", "fe80::/10")
    ):
        assert not is_public(str(network[0]))
        assert not is_public(str(network[-1]))


NOWHERE = "feeds.example.org could not be fetched: the name leads to no address on the public internet."


@pytest.mark.parametrize("also", [[], [(socket.AF_INET, ("8.8.8.8", 80))]], ids=["alone", "beside a public one"])
def test_a_name_that_leads_inside_is_refused_unconnected(also: list[Place]) -> None:
    with RawServer(send()) as server:
        with refused(NOWHERE):
            fetch(server, resolve=lambda host, port: [*also, server.place], is_allowed_address=is_public)
        assert server.connections == 0


def test_a_name_that_leads_nowhere_is_refused_in_the_same_words() -> None:
    def resolve(host: str, port: int) -> list[Place]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    with RawServer(send()) as server:
        for empty in (resolve, lambda host, port: []):
            with refused(NOWHERE):
                fetch(server, resolve=empty)


def test_the_guard_is_in_force_unless_a_test_says_otherwise() -> None:
    with pytest.raises(HostRefused) as caught:
        safe_fetch.get(
            f"http://{HOST}/",
            hosts=[HOST],
            max_bytes=10,
            deadline=time.monotonic() + 5,
            resolve=lambda host, port: [(socket.AF_INET, ("127.0.0.1", 9))],
        )
    assert str(caught.value) == NOWHERE


def test_a_name_that_changes_its_mind_is_looked_up_once_only() -> None:
    asked: list[tuple[str, int]] = []

    def rebinding(host: str, port: int) -> list[Place]:
        asked.append((host, port))
        return [server.place] if len(asked) == 1 else [(socket.AF_INET, ("127.0.0.2", port))]

    with RawServer(send()) as server:
        assert fetch(server, resolve=rebinding).text == "gm"
    assert asked == [(HOST, 80)]


def test_each_redirect_is_looked_up_and_checked_anew() -> None:
    # A host that leads outside at first, and inside once it has been trusted
    asked: list[str] = []

    def rebinding(host: str, port: int) -> list[Place]:
        asked.append(host)
        return [server.place] if len(asked) == 1 else [(socket.AF_INET, ("127.0.0.2", port))]

    with RawServer(redirect("/again"), send()) as server:
        with refused(NOWHERE):
            fetch(server, resolve=rebinding)
        assert len(server.requests) == 1
    assert asked == [HOST, HOST]


def test_the_system_looks_names_up_with_their_port() -> None:
    assert (socket.AF_INET, ("127.0.0.1", 443)) in look_up("127.0.0.1", 443)


def test_the_next_address_is_tried_when_one_does_not_answer() -> None:
    with socket.socket() as taken, RawServer(send()) as server:
        taken.bind(("127.0.0.1", 0))
        dead: Place = (socket.AF_INET, taken.getsockname())
        assert fetch(server, resolve=lambda host, port: [dead, dead, server.place]).text == "gm"
        with refused("the connection could not be opened"):
            fetch(server, resolve=lambda host, port: [dead])
        unheard: Place = (9999, ("127.0.0.1", 0))
        assert fetch(server, resolve=lambda host, port: [unheard, server.place]).text == "gm"
        with refused("the connection could not be opened"):
            many = [(socket.AF_INET, (f"127.0.0.{n}", taken.getsockname()[1])) for n in range(1, 5)]
            everywhere = {"is_allowed_address": lambda address: True}
            fetch(server, resolve=lambda host, port: [*many, server.place], **everywhere)


# --- redirects ---


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "303 See Other", "307 Temporary", "308 Permanent"])
def test_a_redirect_is_followed(status: str) -> None:
    with RawServer(redirect("../other?x=1#part", status), send()) as server:
        page = fetch(server, f"http://{HOST}/a/b/feed")
    assert (page.text, page.url) == ("gm", f"http://{HOST}/a/other?x=1")


def test_a_redirect_in_other_letters_is_followed() -> None:
    with RawServer(
        send_raw(head("Location: /gr\xfc\xdfe".encode().decode("latin-1"), status="302 Found")), send()
    ) as server:
        assert fetch(server).url == f"http://{HOST}/gr%C3%BC%C3%9Fe"


def test_a_cookie_set_on_the_way_is_not_sent_back() -> None:
    with RawServer(send(b"", "Location: /b", "Set-Cookie: track=me", status="302 Found"), send()) as server:
        fetch(server)
    assert "track" not in server.requests[1]


def test_five_redirects_are_followed_and_no_more() -> None:
    with RawServer(*[redirect(f"/{n}") for n in range(5)], send()) as server:
        assert fetch(server).url == f"http://{HOST}/4"
    with RawServer(redirect("/round")) as server:
        with refused("it redirects more than 5 times"):
            fetch(server)
        assert len(server.requests) == 6


@pytest.mark.parametrize(
    ("to", "words"),
    [
        ("http://evil.example.org/", "evil.example.org is not one of the hosts"),
        ("//evil.example.org/", "evil.example.org is not one of the hosts"),
        ("http://127.0.0.2/", "IP addresses are not fetched"),
        ("http://2130706433/", "IP addresses are not fetched"),
        ("http://[::1]/", "IP addresses are not fetched"),
        ("http://localhost/", "is not the name of a host"),
        (f"http://{HOST}:6379/", "port 80 only"),
        (f"http://a:b@{HOST}/", "carries a login"),
        ("file:///etc/passwd", "only http and https"),
        ("gopher://x", "only http and https"),
        ("data:text/plain,hi", "only http and https"),
        ("/a\\b", "a backslash"),
        ("http://[", "unreadable"),
    ],
)
def test_a_redirect_is_checked_like_the_first_address(to: str, words: str) -> None:
    with RawServer(redirect(to), send()) as server:
        with refused(words):
            fetch(server)
        assert len(server.requests) == 1


def test_a_redirect_without_an_aim_is_the_answer() -> None:
    with RawServer(send(b"moved", status="302 Found")) as server:
        assert fetch(server) == FetchedPage(302, f"http://{HOST}/feed", "", b"moved")


def test_all_redirects_share_one_deadline() -> None:
    def slow(connection: socket.socket) -> None:
        threading.Event().wait(0.15)
        redirect("/on")(connection)

    # Each of them alone is in time; six would be refused as too many.
    with RawServer(slow) as server, refused("it did not answer in time"):
        fetch(server, seconds=0.4)


# --- TLS ---


@pytest.fixture(scope="module")
def trusting() -> ssl.SSLContext:
    """A context that trusts the test's certificate, and is otherwise the one in use."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(CERTIFICATE)
    return context


def test_a_certificate_is_checked_against_the_name_and_not_the_address(trusting: ssl.SSLContext) -> None:
    with RawServer(send(), tls=True) as server:
        assert fetch(server, f"https://{HOST}/", tls=trusting).url == f"https://{HOST}/"
        assert f"Host: {HOST}\r\n" in server.requests[0]


@pytest.mark.parametrize("host", [HOST, "other.example.org"], ids=["nobody vouches", "another name"])
def test_a_certificate_that_does_not_fit_is_refused(trusting: ssl.SSLContext, host: str) -> None:
    with RawServer(send(), tls=True) as server:
        with refused("its certificate could not be verified or the TLS handshake failed"):
            fetch(server, f"https://{host}/", hosts=[host], tls=None if host == HOST else trusting)
        assert server.requests == []


def test_the_environment_adds_no_certificate_and_no_key_log(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATE))
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(CERTIFICATE))
    monkeypatch.setenv("SSLKEYLOGFILE", str(tmp_path / "keys"))
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
    safe_fetch._verifying.cache_clear()
    with RawServer(send(), tls=True) as server, refused("certificate could not be verified"):
        fetch(server, f"https://{HOST}/")
    assert not (tmp_path / "keys").exists()


def test_no_proxy_takes_part(monkeypatch: pytest.MonkeyPatch) -> None:
    with RawServer(send(b"proxied")) as proxy, RawServer(send()) as server:
        monkeypatch.setenv("http_proxy", "http://{}:{}".format(*proxy.place[1]))
        assert fetch(server).text == "gm"
        assert proxy.connections == 0


def test_a_redirect_from_https_to_http_is_refused(trusting: ssl.SSLContext) -> None:
    with RawServer(redirect(f"http://{HOST}/"), tls=True) as server, refused("it redirects from https to http"):
        fetch(server, f"https://{HOST}/", tls=trusting)


def test_a_handshake_that_never_comes_ends_at_the_deadline(trusting: ssl.SSLContext) -> None:
    with RawServer(send()) as server, refused("it did not answer in time"):
        fetch(server, f"https://{HOST}/", tls=trusting, seconds=0.2)


# --- hosts that mean harm ---

CHUNKED = "Transfer-Encoding: chunked"
BOMB = gzip.compress(b"\0" * 50_000_000)


@pytest.mark.parametrize(
    ("act", "words"),
    [
        pytest.param(stall(), "it did not answer in time", id="silent"),
        pytest.param(stall(b"HTTP/1.1 200 OK\r\nX-A: b\r\n"), "it did not answer in time", id="silent in the head"),
        pytest.param(repeat(b"HTTP/1.1 200 OK\r\nX-A: ", b"b", 0.02), "it did not answer in time", id="dripping head"),
        pytest.param(repeat(b"", b"H", 0.02), "it did not answer in time", id="dripping first line"),
        pytest.param(repeat(b"HTTP/1.1 200 OK\r\nX: ", b"b" * 999), "too much", id="endless header"),
        pytest.param(repeat(b"HTTP/1.1 200 OK\r\n", b"X-A: " + b"b" * 999 + b"\r\n"), "too much", id="long headers"),
        pytest.param(repeat(b"HTTP/1.1 200 OK\r\n", b"X-A: b\r\n"), "be fetched", id="many headers"),
        pytest.param(repeat(b"", b"HTTP/1.1 100 Continue\r\n\r\n"), "too much", id="endless continues"),
        pytest.param(repeat(b"", b"x" * 999), "too much", id="endless first line"),
        pytest.param(send_raw(b"SMTP ready\r\n\r\n"), "cannot be read", id="not HTTP"),
        pytest.param(send_raw(b""), "the connection broke", id="hung up"),
        pytest.param(stall(head("Content-Length: 9") + b"x"), "it did not answer in time", id="stalling body"),
        pytest.param(repeat(head("Content-Length: 999"), b"x", 0.02), "it did not answer in time", id="dripping body"),
        pytest.param(repeat(head(CHUNKED), b"1\r\nx\r\n", 0.02), "it did not answer in time", id="dripping chunks"),
        pytest.param(send_raw(head("Content-Length: 9") + b"x"), "the connection broke", id="cut short"),
        pytest.param(send_raw(head(CHUNKED) + b"5\r\nx"), "the connection broke", id="cut in a chunk"),
        pytest.param(send_raw(head(CHUNKED) + b"5\r\nhello\r\n"), "the connection broke", id="cut between chunks"),
        pytest.param(send_raw(head(CHUNKED) + b"zz\r\n"), "the connection broke", id="not a chunk"),
        pytest.param(repeat(head(CHUNKED), b"0" * 999), "be fetched", id="endless mark of a chunk"),
        pytest.param(repeat(head(CHUNKED), b"1;" + b"x" * 999 + b"\r\nx\r\n"), "too much", id="chunks of marks"),
        pytest.param(repeat(head(CHUNKED) + b"0\r\n", b"X-A: b\r\n"), "too much", id="endless trailers"),
        pytest.param(repeat(head(), b"x" * 999), "larger than 10,000 bytes", id="endless body"),
        pytest.param(send(b"x" * 10_001), "larger than 10,000 bytes", id="one byte too many"),
        pytest.param(send(BOMB, "Content-Encoding: gzip"), "larger than 10,000 bytes", id="gzip bomb"),
        pytest.param(send(zlib.compress(b"\0" * 10**7), "Content-Encoding: deflate"), "larger than", id="deflate bomb"),
        pytest.param(
            repeat(head("Content-Encoding: gzip"), gzip.compress(b"")), "too much", id="endless empty archives"
        ),
        pytest.param(
            send(gzip.compress(b"x" * 99)[:-9], "Content-Encoding: gzip"), "the connection broke", id="half gzip"
        ),
        pytest.param(send(b"gm", "Content-Encoding: gzip"), "cannot be read", id="no gzip"),
        pytest.param(send(b"gm", "Content-Encoding: br"), "packed as 'br'", id="another packing"),
        pytest.param(send(b"gm", "Content-Encoding: gzip, gzip"), "packed as 'gzip, gzip'", id="packed twice"),
    ],
)
def test_a_host_that_means_harm_costs_no_more_than_is_allowed(act: Act, words: str) -> None:
    with RawServer(act) as server:
        seconds = 0.3 if "in time" in words else 10.0
        begun = time.monotonic()
        with refused(words):
            fetch(server, seconds=seconds)
        assert time.monotonic() - begun < seconds + 30


def test_a_bomb_is_never_unpacked() -> None:
    unpacker = safe_fetch._Unpacker("gzip")
    assert len(unpacker.feed(BOMB, 1000)) == 1000


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        pytest.param([CHUNKED], b"1\r\ng\r\n1;x=y\r\nm\r\n0\r\nX-A: b\r\n\r\n", id="in chunks"),
        pytest.param([], b"gm", id="until the connection ends"),
        pytest.param(["Content-Encoding: identity"], b"gm", id="identity"),
        pytest.param(["Content-Encoding: GZIP"], gzip.compress(b"gm"), id="gzip"),
        pytest.param(["Content-Encoding: gzip"], gzip.compress(b"g") + gzip.compress(b"m"), id="gzip in two"),
        pytest.param(["Content-Encoding: gzip"], gzip.compress(b"gm") + b"\0\0", id="gzip with padding"),
        pytest.param(["Content-Encoding: deflate"], zlib.compress(b"gm"), id="deflate"),
        pytest.param(["Content-Encoding: deflate"], zlib.compress(b"gm", wbits=-15), id="bare deflate"),
        pytest.param(["Content-Encoding: gzip"], b"", id="gzip of nothing"),
    ],
)
def test_a_body_is_read_however_it_is_framed_and_packed(headers: list[str], body: bytes) -> None:
    with RawServer(send_raw(head(*headers) + body)) as server:
        assert fetch(server).text == ("gm" if body else "")


def test_a_page_as_large_as_allowed_is_read() -> None:
    with RawServer(send(b"x" * 10_000), send(gzip.compress(b"x" * 10_000), "Content-Encoding: gzip")) as server:
        assert len(fetch(server).text) == 10_000
        assert len(fetch(server).text) == 10_000


@pytest.mark.parametrize(
    ("kind", "is_text"),
    [
        *[
            (kind, True)
            for kind in ("text/html", "TEXT/CSV", "application/json", "application/rss+xml", "text/calendar")
        ],
        *[(kind, True) for kind in ("application/ld+json; charset=utf-8", "application/xml", "application/javascript")],
        *[
            (kind, False)
            for kind in ("image/png", "application/octet-stream", "application/zip", "video/mp4", "text", "x")
        ],
    ],
)
def test_only_text_is_fetched(kind: str, is_text: bool) -> None:
    with RawServer(send(b"gm", f"Content-Type: {kind}")) as server:
        if is_text:
            assert fetch(server).content_type == kind
        else:
            with refused("only text is fetched"):
                fetch(server)


@pytest.mark.parametrize(
    ("kind", "body", "text"),
    [
        ("text/plain; charset=iso-8859-1", b"gr\xfc\xdfe", "grüße"),
        ("text/plain; charset='windows-1252'", b"\x93hi\x94", "“hi”"),
        ('text/plain; charset="UTF-16"', "grüße".encode("utf-16"), "grüße"),
        ("text/plain; charset=shift_jis", "時計".encode("shift_jis"), "時計"),
        ("text/plain", b"\xef\xbb\xbfgm", "gm"),
        ("text/plain", b"gr\xfce", "grüe"),
        ("text/plain; charset=klingon", "grüße".encode(), "grüße"),
        ("text/plain; charset=idna", b"gm", "gm"),
        ("text/plain; charset=unicode_escape", b"\\u0041", "\\u0041"),
        ("text/plain; charset=utf-7", b"+AEE-", "+AEE-"),
        ("text/plain; charset=zip", b"gm", "gm"),
        ("application/xml", b'<?xml version="1.0" encoding="ISO-8859-1"?><a>\xfc</a>', None),
        ("application/xml; charset=utf-8", '<?xml version="1.0" encoding="ISO-8859-1"?>ü'.encode(), None),
        ("text/plain; charset=utf-8", b"\xed\xa0\x80", "\ufffd\ufffd\ufffd"),
    ],
)
def test_text_is_read_in_its_charset(kind: str, body: bytes, text: str | None) -> None:
    with RawServer(send(body, f"Content-Type: {kind}")) as server:
        found = fetch(server).text
    assert found == text if text is not None else "ü" in found


# --- look-ups that hang ---


def test_a_look_up_that_hangs_ends_at_the_deadline() -> None:
    release = threading.Event()

    def resolve(host: str, port: int) -> list[Place]:
        release.wait(60)
        return []

    with RawServer(send()) as server:
        begun = time.monotonic()
        with refused("it did not answer in time"):
            fetch(server, resolve=resolve, seconds=0.1)
        assert time.monotonic() - begun < 30
        release.set()
        assert fetch(server).text == "gm"


def test_a_deadline_that_has_passed_asks_nobody() -> None:
    with RawServer(send()) as server:
        with refused("it did not answer in time"):
            fetch(server, seconds=-1)
        assert server.connections == 0


def test_work_that_hangs_keeps_its_place_and_no_more_is_begun() -> None:
    beside, release, begun = AbandonableCall("test", 2), threading.Event(), threading.Semaphore(0)

    def hang() -> str:
        begun.release()
        release.wait(60)
        return "late"

    for _ in range(4):
        with pytest.raises(TimeoutError):
            beside.run(hang, time.monotonic() + 0.05)
    assert begun.acquire()
    assert begun.acquire()
    assert not begun.acquire(blocking=False)
    assert sum(thread.name == "test" for thread in threading.enumerate()) == 2
    release.set()
    assert beside.run(lambda: "soon", time.monotonic() + 5) == "soon"


def test_work_beside_raises_what_it_raises() -> None:
    beside = AbandonableCall("test", 1)
    for error in (ValueError("no"), TimeoutError("own"), KeyboardInterrupt()):

        def fail(error: BaseException = error) -> None:
            raise error

        with pytest.raises(type(error)) as caught:
            beside.run(fail, time.monotonic() + 5)
        assert caught.value is error


# --- one question to one host ---


def put(server: RawServer, url: str = f"http://{HOST}/buy", **options: Any) -> safe_fetch.Reply:
    """Ask with every name leading to the server."""
    options = {"hosts": [HOST], "max_bytes": 1000, "deadline": time.monotonic() + 5, **options}
    return safe_fetch.ask(
        url,
        resolve=lambda host, port: [server.place],
        is_allowed_address=lambda address: address == "127.0.0.1",
        **options,
    )


def test_a_question_gets_the_answer_of_that_host_whatever_it_is() -> None:
    with RawServer(send(b"\x00\xff", "Content-Type: image/png", "X-Price: 1", status="402 Payment Required")) as server:
        reply = put(server, headers={"X-Payment": "abc"})
    assert (reply.status, reply.body, reply.headers["x-price"]) == (402, b"\x00\xff", "1")
    assert "X-Payment: abc" in server.requests[0].split("\r\n")


def test_a_question_is_not_led_elsewhere() -> None:
    with RawServer(redirect(f"http://{HOST}/other")) as server:
        reply = put(server, headers={"X-Payment": "abc"})
    assert (reply.status, reply.headers["location"], server.connections) == (302, f"http://{HOST}/other", 1)


@pytest.mark.parametrize("value", ["a\r\nHost: evil", "a\nb", "a\x00", "\u00fc"])
def test_a_header_that_breaks_its_line_is_not_sent(value: str) -> None:
    with RawServer(send()) as server, refused("contains a character that is not allowed"):
        put(server, headers={"X-Payment": value})
    assert server.connections == 0
