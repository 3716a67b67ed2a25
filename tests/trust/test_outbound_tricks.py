"""T21: whatever a customer writes into the URL of a webhook, no connection into the house comes of it.

The servers on this machine stand for everything inside. The policy under test allows their port and plain http, so
that neither of these two guards helps the others: what is refused here is refused because of where it leads.
"""

import ipaddress
import socket
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import requests

from hashinsight.common import outbound
from hashinsight.common.addresses import is_outside
from hashinsight.common.outbound import OutboundFailed, OutboundRefused, Policy, fetch
from tests.support.servers import Receiver, Resolver, certificate, listening

OUTSIDE = "93.184.215.14"


@pytest.fixture(scope="module")
def inside() -> Iterator[Receiver]:
    """The house: loopback in both families, on one port."""
    with listening() as receiver:
        try:
            with listening("::1", port=receiver.port) as six:
                six.requests, receiver.six = receiver.requests, six  # type: ignore[attr-defined]
                yield receiver
        except OSError:  # a machine without IPv6
            receiver.six = receiver  # type: ignore[attr-defined]
            yield receiver


@pytest.fixture
def resolver(monkeypatch: pytest.MonkeyPatch) -> Resolver:
    """Names an attacker owns."""
    return Resolver(
        loop_evil_example=["127.0.0.1"],
        loop6_evil_example=["::1"],
        mapped_evil_example=["::ffff:127.0.0.1"],
        private_evil_example=["10.0.0.5"],
        meta_evil_example=["169.254.169.254"],
        both_evil_example=[OUTSIDE, "127.0.0.1"],
        behind_evil_example=["127.0.0.1", OUTSIDE],
        rebind_evil_example=[[OUTSIDE], ["127.0.0.1"], ["127.0.0.1"]],
        zero_evil_example=["0.0.0.0"],
        nat64_evil_example=["64:ff9b::7f00:1"],
        localhost=["127.0.0.1"],
        localhost_localdomain=["127.0.0.1"],
        printer_local=["127.0.0.1"],
        redis_internal=["127.0.0.1"],
        db=["127.0.0.1"],
        a_localhost=["127.0.0.1"],
        good_example=[OUTSIDE],
    ).install(monkeypatch)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
    """Connections to the outside are noted and refused at once; those inside are real."""
    tried: list[tuple[str, int]] = []
    real = socket.create_connection

    def connect(address: tuple[str, int], *args: object, **options: object) -> socket.socket:
        if is_outside(ipaddress.ip_address(address[0])):
            tried.append(address)
            raise ConnectionRefusedError("the outside is not there in tests")
        return real(address, *args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(socket, "create_connection", connect)
    return tried


# P stands for the port of the server inside.
LITERALS = [
    "127.0.0.1:P",
    "127.0.0.2:P",
    "127.255.255.254:P",
    "0.0.0.0:P",
    "0:P",
    "0.1.2.3:P",
    "2130706433:P",
    "017700000001:P",
    "0x7f000001:P",
    "0x7f.0.0.1:P",
    "0177.0.0.1:P",
    "0177.0.0.01:P",
    "127.1:P",
    "127.0.1:P",
    "127.0.0.1.:P",
    "127.0.0.01:P",
    "00127.0.0.1:P",
    "3232235777:P",
    "10.0.0.1:P",
    "172.16.0.1:P",
    "172.31.255.255:P",
    "192.168.0.1:P",
    "169.254.169.254:P",
    "100.64.0.1:P",
    "100.127.255.254:P",
    "198.18.0.1:P",
    "192.0.0.1:P",
    "192.0.2.1:P",
    "224.0.0.1:P",
    "239.255.255.255:P",
    "255.255.255.255:P",
    "240.0.0.1:P",
    "[::1]:P",
    "[::]:P",
    "[0:0:0:0:0:0:0:1]:P",
    "[::ffff:127.0.0.1]:P",
    "[::ffff:7f00:1]:P",
    "[::127.0.0.1]:P",
    "[64:ff9b::7f00:1]:P",
    "[64:ff9b:1::7f00:1]:P",
    "[2002:7f00:1::]:P",
    "[2001:0:7f00:1::]:P",
    "[fe80::1]:P",
    "[fe80::1%25eth0]:P",
    "[::1%25lo]:P",
    "[fc00::1]:P",
    "[fd00:ec2::254]:P",
    "[ff02::1]:P",
    "[fec0::1]:P",
    "[2001:db8::1]:P",
    "[100::1]:P",
    "[3fff::1]:P",
]  # fmt: skip
NAMES = [
    "localhost:P",
    "LOCALHOST:P",
    "localhost.:P",
    "localhost.localdomain:P",
    "a.localhost:P",
    "db:P",
    "printer.local:P",
    "redis.internal:P",
    "loop.evil.example:P",
    "loop.evil.example.:P",
    "loop6.evil.example:P",
    "mapped.evil.example:P",
    "private.evil.example:P",
    "meta.evil.example:P",
    "both.evil.example:P",
    "behind.evil.example:P",
    "zero.evil.example:P",
    "nat64.evil.example:P",
]  # fmt: skip
DISGUISES = [
    "good.example@127.0.0.1:P",
    "good.example:80@127.0.0.1:P",
    "user:pass@good.example@127.0.0.1:P",
    "127.0.0.1:P#@good.example",
    "127.0.0.1:P?@good.example",
    "127.0.0.1:P\\@good.example",
    "good.example\\@127.0.0.1:P",
    "127.0.0.1%2f@good.example:P",
    "127.0.0.1:P%23@good.example",
    "%31%32%37.0.0.1:P",
    "loc%61lhost:P",
    "\t127.0.0.1:P",
    "127.0.0.1\n:P",
    "１２７.0.0.1:P",
    "127。0。0。1:P",
    "ⓛⓞⓒⓐⓛⓗⓞⓢⓣ:P",
    "ｌｏｃａｌｈｏｓｔ:P",
    "127.0.0.1\u200b:P",
    "[::1]:P:80",
    "[::1:P",
    "127.0.0.1:0P",
    "127.0.0.1: P",
    "good.example:P@127.0.0.1:P",
]  # fmt: skip
SCHEMES = [
    "file:///etc/passwd",
    "gopher://127.0.0.1:P/_x",
    "ftp://127.0.0.1:P/",
    "dict://127.0.0.1:P/",
    "//127.0.0.1:P/",
    "http:127.0.0.1:P",
    "http:/127.0.0.1:P",
    "http:///127.0.0.1:P",
    "json://127.0.0.1:P/",
    "unix:///run/x.sock",
    "127.0.0.1:P",
    "javascript:alert(1)",
    "http://",
    "",
]  # fmt: skip
TRICKS = [*(f"http://{host}/hook" for host in (*LITERALS, *NAMES, *DISGUISES)), *SCHEMES]


def _permissive(inside: Receiver, **changes: object) -> Policy:
    policy = Policy(ports=frozenset({80, 443, inside.port}), plain=True, seconds=3, connect_seconds=1)
    return replace(policy, **changes)  # type: ignore[arg-type]


def _knocks(inside: Receiver, call: Callable[[str], object], urls: list[str]) -> list[str]:
    """The URLs with which somebody arrived inside."""
    arrived = []
    for url in urls:
        before = inside.connections + inside.six.connections  # type: ignore[attr-defined]
        call(url.replace("P", str(inside.port)))
        if inside.connections + inside.six.connections != before:  # type: ignore[attr-defined]
            arrived.append(url)
    return arrived


def test_no_trick_leads_inside(inside: Receiver, resolver: Resolver, quick: list[tuple[str, int]]) -> None:
    assert len(set(TRICKS)) >= 100
    refused: list[str] = []

    def call(url: str) -> None:
        with pytest.raises(OutboundRefused):
            fetch("POST", url, body=b"{}", policy=_permissive(inside))
        refused.append(url)

    assert _knocks(inside, call, TRICKS) == []
    assert len(refused) == len(TRICKS)
    assert quick == []


def test_control_a_plain_post_does_arrive(inside: Receiver, resolver: Resolver) -> None:
    """The same URLs through ``requests``: dozens of them reach the server inside."""

    def call(url: str) -> None:
        try:
            requests.post(url, data=b"{}", timeout=0.3, allow_redirects=True)
        except (requests.RequestException, ValueError, UnicodeError):
            return

    arrived = _knocks(inside, call, TRICKS)
    assert {"http://127.0.0.1:P/hook", "http://[::ffff:127.0.0.1]:P/hook", "http://loop.evil.example:P/hook"} <= set(
        arrived
    )
    assert len(arrived) >= 20


def test_a_name_that_changes_its_mind_is_asked_once(
    inside: Receiver, resolver: Resolver, quick: list[tuple[str, int]]
) -> None:
    before = inside.connections
    with pytest.raises(OutboundFailed):
        fetch("POST", inside.url("rebind.evil.example"), policy=_permissive(inside))
    assert (quick, resolver.asked) == ([(OUTSIDE, inside.port)], ["rebind.evil.example"])
    with pytest.raises(OutboundRefused):  # from now on it answers with an address of ours
        fetch("POST", inside.url("rebind.evil.example"), policy=_permissive(inside))
    assert inside.connections == before


def test_a_redirect_is_an_answer_and_each_followed_hop_is_checked(
    inside: Receiver, resolver: Resolver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first server stands outside (its address is allowed as if it were); it sends us inside."""
    with listening("127.0.0.9") as outer:
        own = (ipaddress.ip_network("127.0.0.9"),)
        for target in (inside.url(), inside.url("loop.evil.example"), "//127.0.0.1:1/", "file:///etc/passwd"):
            outer.answer = lambda heard, target=target: (302, {"Location": target}, b"")  # type: ignore[misc]
            reply = fetch("POST", outer.url("127.0.0.9"), policy=_permissive(inside, networks=own))
            assert (reply.status, reply.headers["location"]) == (302, target)
            before = inside.connections
            with pytest.raises(OutboundRefused):
                fetch("POST", outer.url("127.0.0.9"), policy=_permissive(inside, networks=own, redirects=3))
            assert inside.connections == before
        outer.answer = lambda heard: (302, {"Location": "/again"}, b"")
        with pytest.raises(OutboundFailed, match="too many redirects"):
            fetch("GET", outer.url("127.0.0.9"), policy=_permissive(inside, networks=own, redirects=3))


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://good.example/", "https"),
        ("https://good.example:22/", "port 22"),
        ("https://good.example:8443/", "port 8443"),
        ("http://good.example:443/", "https"),
    ],
)
def test_by_default_only_https_on_443_leaves(
    url: str, reason: str, resolver: Resolver, quick: list[tuple[str, int]]
) -> None:
    with pytest.raises(OutboundRefused, match=reason):
        fetch("GET", url)
    assert quick == []


def test_a_host_that_is_not_on_the_list_is_refused(resolver: Resolver, quick: list[tuple[str, int]]) -> None:
    policy = Policy(hosts=frozenset({"hooks.slack.com"}))
    for url in (
        "https://good.example/",
        "https://hooks.slack.com.good.example/",
        "https://hooks.slack.com@good.example/",
    ):
        with pytest.raises(OutboundRefused):
            fetch("GET", url, policy=policy)
    assert (quick, resolver.asked) == ([], [])


def test_own_networks_are_open_by_setting_only(inside: Receiver, resolver: Resolver, settings: Any) -> None:
    with pytest.raises(OutboundRefused):
        fetch("POST", inside.url())
    settings.OUTBOUND_ALLOWED_NETWORKS = ["127.0.0.0/8"]
    for host in ("127.0.0.1", "loop.evil.example"):
        assert fetch("POST", inside.url(host), body=b"{}").status == 200
    with pytest.raises(
        OutboundRefused
    ):  # one address of two is not ours: the looser rules for own networks do not hold
        fetch("POST", inside.url("both.evil.example"))
    with pytest.raises(OutboundRefused):
        fetch("POST", "http://10.0.0.1/")


def test_proxies_of_the_environment_are_not_asked(
    inside: Receiver, resolver: Resolver, quick: list[tuple[str, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, inside.url())
    before = inside.connections
    with pytest.raises(OutboundFailed):
        fetch("GET", "http://good.example/", policy=_permissive(inside))
    assert (inside.connections, quick) == (before, [(OUTSIDE, 80)])


def test_tls_checks_the_name_not_the_pinned_address(
    tmp_path: Path, resolver: Resolver, monkeypatch: pytest.MonkeyPatch
) -> None:
    context, maker = certificate(tmp_path, "loop.evil.example")
    monkeypatch.setenv("SSL_CERT_FILE", str(maker))
    with listening(tls=context) as server:
        policy = Policy(networks=(ipaddress.ip_network("127.0.0.0/8"),), seconds=5)
        assert fetch("GET", server.url("loop.evil.example", scheme="https"), policy=policy).body == b"ok"
        with pytest.raises(OutboundFailed, match="TLS"):
            fetch(
                "GET",
                server.url("behind.evil.example", scheme="https"),
                policy=replace(policy, networks=(*policy.networks, ipaddress.ip_network("93.0.0.0/8"))),
            )
        monkeypatch.delenv("SSL_CERT_FILE")
        with pytest.raises(OutboundFailed, match="TLS"):
            fetch("GET", server.url("loop.evil.example", scheme="https"), policy=policy)


def test_time_and_size_are_limited(inside: Receiver) -> None:
    own = (ipaddress.ip_network("127.0.0.0/8"),)
    inside_policy = Policy(networks=own, seconds=5, most_bytes=100)
    with listening() as server:
        server.answer = lambda heard: (200, {}, b"x" * 100_000)
        reply = fetch("GET", server.url(), policy=inside_policy)
        assert (len(reply.body), reply.cut) == (100, True)
        server.answer = lambda heard: (200, {"Content-Length": "50"}, b"x" * 49)
        with pytest.raises(OutboundFailed, match=r"broke off|no answer"):
            fetch("GET", server.url(), policy=replace(inside_policy, seconds=0.5))


def test_a_server_that_drips_keeps_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """One byte every tenth of a second would pass any time limit per byte."""
    line = socket.create_server(("127.0.0.1", 0))
    import threading
    import time

    def drip() -> None:
        peer, _ = line.accept()
        try:
            for letter in "HTTP/1.1 200 OK\r\nX: " + "a" * 1000:
                peer.sendall(letter.encode())
                time.sleep(0.1)
        except OSError:
            peer.close()

    thread = threading.Thread(target=drip, daemon=True)
    thread.start()
    policy = Policy(networks=(ipaddress.ip_network("127.0.0.0/8"),), seconds=0.6)
    began = time.monotonic()
    with pytest.raises(OutboundFailed):
        fetch("GET", f"http://127.0.0.1:{line.getsockname()[1]}/", policy=policy)
    assert time.monotonic() - began < 3
    line.close()
    thread.join(3)


def test_the_module_looks_names_up_in_one_place_only() -> None:
    """The pinned connection is given an address: that is what the tests above rely on."""
    source = Path(outbound.__file__).read_text()
    assert source.count("getaddrinfo(") == 1
    assert source.count("create_connection(") == 1
