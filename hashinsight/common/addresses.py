"""Which addresses of the Internet we may talk to, and which names may stand in a URL: pure rules, no network."""

import ipaddress
import re
from dataclasses import dataclass
from urllib.parse import urlsplit

import idna

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

LONGEST_URL = 2000
# IANA's special-purpose registries (RFC 6890 and what came later), and multicast.
_SPECIAL_V4 = (
    "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24",
    "192.0.2.0/24", "192.31.196.0/24", "192.52.193.0/24", "192.88.99.0/24", "192.168.0.0/16", "192.175.48.0/24",
    "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
)  # fmt: skip
# Of IPv6 only global unicast is outside, without what carries an IPv4 address inside of it (6to4, Teredo; NAT64 and
# mapped addresses lie outside of 2000::/3) and without documentation, benchmark and protocol ranges.
_GLOBAL_V6 = ipaddress.ip_network("2000::/3")
_SPECIAL_V6 = ("2001::/23", "2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3fff::/20")
SPECIAL: tuple[Network, ...] = tuple(ipaddress.ip_network(text) for text in (*_SPECIAL_V4, *_SPECIAL_V6))

_NAME = re.compile(r"(?=.{1,253}\Z)(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9])?\.)+[a-z0-9-]{2,63}")
_UNSAFE = re.compile(r"[\x00-\x20\x7f-\x9f\\\s]")
_INSIDE = ("localhost", "local", "internal", "intranet", "lan", "home", "corp", "arpa", "onion")


class BadUrl(ValueError):
    """The text is no URL we would follow; the message says why, in words for a log."""


@dataclass(frozen=True)
class Target:
    """A URL taken apart: ``host`` as it goes into certificates and headers, ``path`` with its query."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def literal(self) -> Address | None:
        """The address itself, where the URL names one instead of a host."""
        try:
            return ipaddress.ip_address(self.host)
        except ValueError:
            return None


def is_outside(address: Address) -> bool:
    """Whether an address lies in the public Internet: nothing private, local, shared, special, or wrapped."""
    if isinstance(address, ipaddress.IPv6Address) and (address not in _GLOBAL_V6 or address.scope_id):
        return False
    return not any(address in network for network in SPECIAL if network.version == address.version)


def parse(url: str) -> Target:
    """Take a URL apart the one way everybody agrees on. Raises BadUrl for whatever two parsers might read differently.

    No user part, no backslash, no control characters, no zone, no trailing dot, no number that some resolver takes
    for an address, no name without a dot, and no name that belongs to a house's own network.
    """
    if len(url) > LONGEST_URL:
        raise BadUrl("too long")
    if _UNSAFE.search(url):
        raise BadUrl("white space, control character or backslash")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise BadUrl(str(error)) from error
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise BadUrl("not a web address")
    if "@" in parts.netloc:
        raise BadUrl("user name in the address")
    if "%" in parts.netloc:
        raise BadUrl("escaped character or zone in the host")
    path = parts.path or "/"
    target = f"{path}?{parts.query}" if parts.query else path
    if not target.isascii():
        raise BadUrl("letters outside of ASCII in the path; write them percent-encoded")
    host = _host(parts.hostname or "", bracketed="[" in parts.netloc)
    return Target(parts.scheme, host, port or (443 if parts.scheme == "https" else 80), target)


def _host(text: str, *, bracketed: bool) -> str:
    if bracketed:
        try:
            return str(ipaddress.IPv6Address(text))
        except ValueError as error:
            raise BadUrl("not an IPv6 address") from error
    host = text if text.isascii() else _ascii(text)
    last = host.rpartition(".")[2]
    if last[:1].isdigit():
        try:
            return str(ipaddress.IPv4Address(host))
        except ValueError as error:
            raise BadUrl("a number that is no plain IPv4 address") from error
    if not _NAME.fullmatch(host):
        raise BadUrl("not a full host name")
    if last in _INSIDE:
        raise BadUrl("a name of an internal network")
    return host


def _ascii(text: str) -> str:
    """An international name; one that is plain ASCII in disguise (full-width digits, circled letters) is a trick."""
    try:
        encoded = idna.encode(text, uts46=True).decode()
    except idna.IDNAError as error:
        raise BadUrl("not an international host name") from error
    if "xn--" not in encoded:
        raise BadUrl("a plain name in disguise")
    return encoded
