"""URLs taken apart the one way everybody agrees on."""

import ipaddress

import pytest
from django.core.exceptions import ImproperlyConfigured

from hashinsight.common.addresses import BadUrl, Target, is_outside, parse
from hashinsight.env import env_networks, env_ports


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("https://example.com", Target("https", "example.com", 443, "/")),
        ("https://Example.COM:8443/a?b=c#d", Target("https", "example.com", 8443, "/a?b=c")),
        ("http://93.184.215.14/x", Target("http", "93.184.215.14", 80, "/x")),
        (
            "https://[2606:2800:21f:cb07:6820:80da:af6b:8b2c]/",
            Target("https", "2606:2800:21f:cb07:6820:80da:af6b:8b2c", 443, "/"),
        ),
        ("https://bücher.example/", Target("https", "xn--bcher-kva.example", 443, "/")),
    ],
)
def test_a_good_url_is_read(url: str, target: Target) -> None:
    assert parse(url) == target


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("https://ⓔxample.com/", "disguise"),
        ("https://user@example.com/", "user name"),
        ("https://exa%6dple.com/", "escaped"),
        ("https://example.com\\@x/", "backslash"),
        ("https://example.com/ü", "percent-encoded"),
        ("https://example/", "full host name"),
        ("https://example.com./", "full host name"),
        ("https://router.home/", "internal"),
        ("https://1.2.3/", "plain IPv4"),
        ("ftp://example.com/", "web address"),
        ("https://example.com/" + "a" * 2000, "too long"),
        ("https://example.com:99999/", "Port"),
    ],
)
def test_a_bad_url_is_refused_with_its_reason(url: str, reason: str) -> None:
    with pytest.raises(BadUrl, match=reason):
        parse(url)


@pytest.mark.parametrize("text", ["1.1.1.1", "93.184.215.14", "2606:4700::1111", "2a00:1450:4001:80e::200e"])
def test_the_public_internet_is_outside(text: str) -> None:
    assert is_outside(ipaddress.ip_address(text))


def test_what_python_calls_private_is_not_outside() -> None:
    """Our table against the standard library's, over the edges of all blocks."""
    for block in (*ipaddress.IPv4Network("0.0.0.0/0").subnets(new_prefix=10),):
        for address in (block[0], block[1], block[-1]):
            if not address.is_global or address.is_multicast:
                assert not is_outside(address), address


def test_settings_refuse_nonsense(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("X", "8443, 9000")
    assert env_ports("X") == [8443, 9000]
    monkeypatch.setenv("X", "8443,http")
    with pytest.raises(ImproperlyConfigured, match="port numbers"):
        env_ports("X")
    monkeypatch.setenv("X", "10.1.0.0/33")
    with pytest.raises(ImproperlyConfigured, match="networks"):
        env_networks("X")
