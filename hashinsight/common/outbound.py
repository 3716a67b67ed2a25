"""The one door through which the product calls other people's web servers.

Whoever lets customers name a URL is asked to fetch things from inside the house (SSRF). So here a URL is parsed
strictly, its name resolved once, every address of it checked, and the connection made to exactly that address: a
name that changes its mind between check and use (DNS rebinding) gains nothing. No redirect is followed unless the
caller asks, and then each hop passes the same checks. Proxies of the environment are not asked. Time, size and ports
are limited. A house that must reach a receiver of its own names that network in ``OUTBOUND_ALLOWED_NETWORKS``.
"""

import contextlib
import http.client
import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from urllib.parse import urljoin

from django.conf import settings
from django.utils.translation import gettext as _

from hashinsight.common.addresses import Address, BadUrl, Network, Target, is_outside, parse
from hashinsight.common.errors import DomainError

USER_AGENT = "HashInsight/1"
CHUNK = 16 * 1024
MOST_ADDRESSES = 3
REDIRECTS = frozenset({301, 302, 303, 307, 308})


class OutboundRefused(DomainError):
    """We do not call this address; the message names the reason without telling what our network looks like."""

    code = "outbound_refused"


class OutboundFailed(Exception):
    """The other side could not be reached, or did not answer in time. The message is fit for a delivery log."""


@dataclass(frozen=True)
class Policy:
    """What one kind of call may do. ``hosts`` limits it to these names; ``networks`` are our own, open by setting.

    ``seconds`` is for the whole call, ``most_bytes`` for the body of the answer: what comes after is not read.
    Plain http is for own networks only, unless ``plain`` says otherwise.
    """

    ports: frozenset[int] = frozenset({443})
    networks: tuple[Network, ...] = ()
    hosts: frozenset[str] | None = None
    plain: bool = False
    redirects: int = 0
    seconds: float = 15.0
    connect_seconds: float = 5.0
    most_bytes: int = 64 * 1024


@dataclass(frozen=True)
class Reply:
    """What came back; ``cut`` when the body was longer than the policy reads. Header names are lower-case."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    cut: bool = False
    url: str = field(default="")


def house_policy(**changes: object) -> Policy:
    """The policy of the settings, with the changes of one caller."""
    base = Policy(
        ports=frozenset({443, *settings.OUTBOUND_PORTS}), networks=_networks(tuple(settings.OUTBOUND_ALLOWED_NETWORKS))
    )
    return replace(base, **changes)  # type: ignore[arg-type]


def check_url(url: str, *, policy: Policy | None = None) -> Target:
    """Refuse a URL by its looks alone, without asking the network: for forms. Raises OutboundRefused."""
    policy = policy or house_policy()
    try:
        target = parse(url)
    except BadUrl as error:
        raise OutboundRefused(_("This address cannot be called: %(reason)s.") % {"reason": error}) from error
    if policy.hosts is not None and target.host not in policy.hosts:
        raise OutboundRefused(_("This address cannot be called: the host is not one of the known ones."))
    if target.literal is not None:
        _check_addresses([target.literal], target, policy)
    elif target.scheme == "http" and not policy.plain and not policy.networks:
        raise OutboundRefused(_("This address cannot be called: it must begin with https."))
    return target


def fetch(
    method: str, url: str, *, headers: Mapping[str, str] | None = None, body: bytes = b"", policy: Policy | None = None
) -> Reply:
    """Make one call. Raises OutboundRefused before any connection to a place we do not go, OutboundFailed after."""
    policy = policy or house_policy()
    deadline = time.monotonic() + policy.seconds
    for _hop in range(policy.redirects + 1):
        reply = _call(method, url, headers or {}, body, policy, deadline)
        if reply.status not in REDIRECTS or not policy.redirects or "location" not in reply.headers:
            return reply
        url = urljoin(url, reply.headers["location"])
        if reply.status in (301, 302, 303) and method != "HEAD":
            method, body = "GET", b""
    raise OutboundFailed("too many redirects")


def addresses_of(target: Target, policy: Policy) -> list[Address]:
    """All addresses of the host, each of them allowed. Raises OutboundRefused when a single one is not."""
    if target.literal is not None:
        found: list[Address] = [target.literal]
    else:
        try:
            answers = socket.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            raise OutboundFailed(f"the name {target.host} is not known") from error
        found = list(dict.fromkeys(_address(str(answer[4][0])) for answer in answers))
    _check_addresses(found, target, policy)
    return found[:MOST_ADDRESSES]


def _check_addresses(found: Collection[Address], target: Target, policy: Policy) -> None:
    own = [any(address in network for network in policy.networks) for address in found]
    if not found or not all(mine or is_outside(address) for mine, address in zip(own, found, strict=True)):
        raise OutboundRefused(_("This address cannot be called: it does not lead to the public Internet."))
    if target.scheme == "http" and not (policy.plain or all(own)):
        raise OutboundRefused(_("This address cannot be called: it must begin with https."))
    if target.port not in policy.ports and not all(own):
        raise OutboundRefused(_("This address cannot be called: port %(port)s is not open.") % {"port": target.port})


def _call(method: str, url: str, headers: Mapping[str, str], body: bytes, policy: Policy, deadline: float) -> Reply:
    target = check_url(url, policy=policy)
    error: OSError | None = None
    for address in addresses_of(target, policy):
        if time.monotonic() >= deadline:
            break
        client = _connection(target, address, policy)
        try:
            client.connect()
        except OSError as refused:
            error = refused
            continue
        with contextlib.closing(client), _ended_by(deadline, client):
            return _talk(client, method, target, headers, body, policy, url)
    raise OutboundFailed(f"no connection: {error or 'out of time'}") from error


def _talk(
    connection: http.client.HTTPConnection,
    method: str,
    target: Target,
    headers: Mapping[str, str],
    body: bytes,
    policy: Policy,
    url: str,
) -> Reply:
    sent = {"User-Agent": USER_AGENT, "Accept-Encoding": "identity", "Connection": "close", **headers}
    try:
        if isinstance(connection.sock, ssl.SSLSocket):
            connection.sock.do_handshake()
        connection.request(method, target.path, body=body or None, headers=sent)
        response = connection.getresponse()
        content = response.read(policy.most_bytes + 1)
    except ssl.SSLError as error:
        raise OutboundFailed(f"TLS: {getattr(error, 'verify_message', '') or error.reason or error}"[:300]) from error
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise OutboundFailed(f"no answer: {type(error).__name__}: {error}"[:300]) from error
    cut = len(content) > policy.most_bytes
    if response.length and not cut:
        raise OutboundFailed("the answer broke off")
    found = {name.lower(): value for name, value in response.getheaders()}
    return Reply(response.status, found, content[: policy.most_bytes], cut, url)


class _PinnedConnection(http.client.HTTPConnection):
    """Speaks to ``host``, but connects to the address that was checked and to no other."""

    def __init__(self, target: Target, address: Address, timeout: float, context: ssl.SSLContext | None) -> None:
        super().__init__(target.host, target.port, timeout=timeout)
        self.default_port = 443 if context else 80
        self._address, self._context = str(address), context

    def connect(self) -> None:
        """No name is looked up any more."""
        self.sock = socket.create_connection((self._address, self.port), self.timeout)
        if self._context is not None:
            # The greeting comes later, under the deadline of the whole call.
            self.sock = self._context.wrap_socket(self.sock, server_hostname=self.host, do_handshake_on_connect=False)


def _connection(target: Target, address: Address, policy: Policy) -> _PinnedConnection:
    context = ssl.create_default_context() if target.scheme == "https" else None
    return _PinnedConnection(target, address, policy.connect_seconds, context)


@contextlib.contextmanager
def _ended_by(deadline: float, connection: http.client.HTTPConnection) -> Iterator[None]:
    """A server that sends one byte a minute keeps no worker: at the deadline the line is cut."""
    timer = threading.Timer(max(0.0, deadline - time.monotonic()), _cut, [connection.sock])
    timer.daemon = True
    timer.start()
    connection.sock.settimeout(max(0.1, deadline - time.monotonic()))
    try:
        yield
    finally:
        timer.cancel()


def _cut(line: socket.socket) -> None:
    with contextlib.suppress(OSError):
        line.shutdown(socket.SHUT_RDWR)


def _address(text: str) -> Address:
    return ipaddress.ip_address(text)


@lru_cache(maxsize=8)
def _networks(texts: tuple[str, ...]) -> tuple[Network, ...]:
    return tuple(ipaddress.ip_network(text) for text in texts)
